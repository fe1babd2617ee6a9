"""What a create says, and what it does about things that are there already."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import Credentials, Engine
from engine.clouds.huawei.creation import SyncTaskCreation, unmarked
from engine.creates import Creates
from engine.errors import InputError, QuotaError, RejectedError, TransportError, UnauthorizedError
from tests.creates.conftest import SCALED, Clouds, group_creation, task_creation


async def test_the_authors_description_is_kept_before_the_marker(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        await Creates(engine, SCALED).create(task_creation(description="nightly, k=v"))
        await Creates(engine, SCALED).create(task_creation(1))
        described = [task.description or "" for task in (await engine.do(oms.ListSyncTasks())).tasks]
    texts = [unmarked(text) for text in described]
    assert [text for text, _ in texts] == ["", "nightly, k=v"]
    assert all(len(token) == 26 for _, token in texts)


def test_a_description_must_leave_room_for_the_marker() -> None:
    creation = task_creation(description="x" * 226)
    creation.marked("0" * 26)  # its description is 255 characters long, and checked
    with pytest.raises(InputError, match="at most 226"):
        task_creation(description="x" * 227)


async def test_what_somebody_else_created_exists(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        creates = Creates(engine, SCALED)
        wanted = task_creation(description="ours")
        foreign = (await engine.do(wanted.operation)).sync_task_id
        found = await creates.create(SyncTaskCreation(replace(wanted.operation, dst_storage_policy="IA")))
        assert (found.id, found.how, found.differs) == (foreign, "exists", ("dst_storage_policy",))
        assert (await creates.create(task_creation(description="another"))).how == "created"
        group = (await engine.do(group_creation().operation)).express_sync_id
        assert (await creates.create(group_creation())).id == group
    assert sum(clouds.created("CreateSyncTask").values()) == 2


async def test_what_was_deleted_is_created_anew(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        creates = Creates(engine, SCALED)
        first = await creates.create(task_creation())
        await engine.do(oms.StopSyncTask(first.id))
        await engine.do(oms.DeleteSyncTask(first.id))
        second = await creates.create(task_creation())
        assert (second.how, second.id != first.id) == ("created", True)
        group = await creates.create(group_creation())
        await engine.do(sgw.DeleteExpressSync(group.id))
        assert (await creates.create(group_creation())).how == "created"


async def test_one_more_is_created_if_that_is_asked_for(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        creates = Creates(engine, SCALED)
        first = await creates.create(task_creation())
        assert (await creates.create(task_creation(), if_not_exists=False)).id != first.id
        await creates.create(group_creation())
        with pytest.raises(RejectedError, match="DuplicateExpressSyncName"):
            await creates.create(group_creation(), if_not_exists=False)


async def test_many_at_once_that_want_the_same_get_the_same(clouds: Clouds) -> None:
    clouds.set(operations={"CreateSyncTask": {"reset_after": 0.5}})
    async with clouds.engine() as engine:
        creates = Creates(engine, SCALED)
        made = await asyncio.gather(*(creates.create(task_creation()) for _ in range(20)))
    assert len({created.id for created in made}) == 1
    assert list(clouds.created("CreateSyncTask").values()) == [1]


async def test_a_refusal_is_raised_and_leaves_no_doubt(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        creates = Creates(engine, SCALED)
        for number in range(5):
            await creates.create(task_creation(number))
        with pytest.raises(QuotaError):
            await creates.create(task_creation(5), if_not_exists=False)
        await engine.do(oms.StopSyncTask((await creates.create(task_creation(0))).id))
        await engine.do(oms.DeleteSyncTask((await creates.create(task_creation(0))).id))
        made = await creates.create(task_creation(5))
        assert (made.how, made.settled_at) == ("created", 0.0)


async def test_a_tenant_that_is_full_is_told_before_anything_is_sent(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        creates = Creates(engine, SCALED)
        for number in range(5):
            await creates.create(task_creation(number))
        before = clouds.ledger()["calls"]["CreateSyncTask"]
        with pytest.raises(QuotaError, match="a maximum of 5 sync tasks") as full:
            await creates.create(task_creation(5))
        assert (full.value.code, full.value.sent) == ("OMS.0077", False)
        assert (await creates.create(task_creation(4))).how == "exists"
        assert clouds.ledger()["calls"]["CreateSyncTask"] == before


async def test_a_full_quota_after_doubt_may_be_our_own_doing(clouds: Clouds) -> None:
    """The fifth is created late; the repeat finds no room, and then what took it."""
    async with clouds.engine() as engine:
        creates = Creates(engine, replace(SCALED, unsure_s=0.0))
        for number in range(4):
            await creates.create(task_creation(number))
        clouds.set(operations={"CreateSyncTask": {"late": 1.0, "late_s": 0.3}})
        # With no patience at all every repeat is lost as well: some of them meet the quota that the first one filled.
        made = await creates.create(task_creation(4))
        assert made.how == "recovered"
        clouds.clear()
        settled = await Creates(engine, SCALED).settle(task_creation(4))
        assert settled
        assert settled.id == made.id
        listed = (await engine.do(oms.ListSyncTasks())).tasks
        assert sum(task.src_bucket == "from-4" for task in listed) == 1


async def test_a_second_one_that_is_in_use_is_left_and_told_of(clouds: Clouds) -> None:
    clouds.set(operations={"CreateSyncTask": {"late": 1.0, "late_s": 0.2}})
    async with clouds.engine() as engine:
        impatient = Creates(engine, replace(SCALED, unsure_s=0.0, attempts=2, look_s=0.001))
        with pytest.raises(TransportError):  # both requests were lost, and come late
            await impatient.create(task_creation())
        while len(tasks := (await engine.do(oms.ListSyncTasks())).tasks) < 2:
            pass
        clouds.clear()
        first, second = sorted((task.create_time or 0, task.sync_task_id) for task in tasks)
        await engine.do(oms.CreateSyncEvents(second[1], ["a"]))
        again = await Creates(engine, SCALED).create(task_creation())
        assert (again.id, again.how, again.removed, again.surplus) == (first[1], "recovered", (), (second[1],))
        assert len((await engine.do(oms.ListSyncTasks())).tasks) == 2


async def test_credentials_that_are_refused_are_not_tried_again(clouds: Clouds) -> None:
    wrong = replace(clouds.account("alibaba"), credentials=Credentials("emulator-ak", "no"))
    async with Engine([wrong], ":memory:") as engine:
        with pytest.raises(UnauthorizedError):
            await Creates(engine, SCALED).create(group_creation())
    assert clouds.ledger()["refused"] == {"SignatureDoesNotMatch": 1}
