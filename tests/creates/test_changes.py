"""Starts, stops and shares: brought about under faults, in the order in which they were asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import Engine
from engine.changes import Changes
from engine.clouds.alibaba.changes import group_deleted, shares_added, shares_removed
from engine.clouds.alibaba.sgw import Listing
from engine.clouds.change import Change
from engine.clouds.huawei.changes import started, stopped
from engine.errors import TargetError, TransportError
from tests.clouds.samples import BUCKETS, SECRETS
from tests.creates.conftest import SCALED, SHARES, Clouds, group_creation

LOST = [{"reset_after": 0.6}, {"truncate": 0.6}, {"unavailable": 0.6}, {"reset_before": 0.6}, {"throttle": 0.6}]


async def new_task(engine: Engine) -> str:
    return (await engine.do(oms.CreateSyncTask(**BUCKETS, **SECRETS))).sync_task_id


def start(task: str) -> Change:
    return started(oms.StartSyncTask(sync_task_id=task, **SECRETS))


async def status(engine: Engine, task: str) -> str | None:
    return (await engine.do(oms.ShowSyncTask(task, 1_700_000_000_000))).status


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: next(iter(fault)))
async def test_a_task_ends_in_the_state_that_was_asked_for_last(clouds: Clouds, fault: dict[str, float]) -> None:
    async with clouds.engine() as engine:
        task, changes = await new_task(engine), Changes(engine, SCALED)
        clouds.set(seed=3, operations={"StartSyncTask": fault, "StopSyncTask": fault})
        for wanted in (stopped(task), start(task)) * 4:
            assert (await changes.bring(wanted)).how == "done"
            assert await status(engine, task) == wanted.state
            assert (await changes.bring(wanted)).how == "already"
            assert await changes.follow(wanted, await changes.bring(wanted))
        assert clouds.calls("StopSyncTask") + clouds.calls("StartSyncTask") >= 8


ORDERS: dict[str, Callable[[str], tuple[Change, Change]]] = {
    "stop, then start": lambda task: (stopped(task), start(task)),
    "start, then stop": lambda task: (start(task), stopped(task)),
}


@pytest.mark.parametrize("order", ORDERS)
async def test_a_lost_request_that_comes_late_does_not_undo_a_newer_one(clouds: Clouds, order: str) -> None:
    async with clouds.engine() as engine:
        task, changes = await new_task(engine), Changes(engine, SCALED)
        old, new = ORDERS[order](task)
        await changes.bring(new)
        sent, resent = type(old.act).__name__, type(new.act).__name__
        before = clouds.calls(resent)
        clouds.set(operations={sent: {"late": 1.0, "late_s": 0.3}})
        bringing = asyncio.create_task(changes.bring(old))
        while not clouds.calls(sent):
            await status(engine, task)
        again = await changes.bring(new)
        assert again.settled_at > 0
        assert (await bringing).how == "superseded"
        lost = clouds.calls(sent)
        clouds.clear()
        held = await changes.hold(new)
        assert (held.how, held.settled_at) == ("already", 0.0)
        assert await status(engine, task) == new.state
        assert clouds.calls(sent) == lost, "an old request was repeated after a newer one"
        assert clouds.calls(resent) > before, "the late one came before the newer: nothing was tested"


async def many_late(clouds: Clouds, order: str, number: int) -> str:
    """Half of the older requests are lost and carried out up to 20 s later (0.2 s here). Returns the figures."""
    old, new = ORDERS[order]("a-task")
    sent, resent = type(old.act).__name__, type(new.act).__name__
    async with clouds.engine(tenants=number // 5) as engine:
        changes, hasty = Changes(engine, SCALED), Changes(engine, replace(SCALED, attempts=1))
        room = asyncio.Semaphore(60)

        async def prepare(account: str) -> str:
            async with room:
                task = (await engine.do(oms.CreateSyncTask(**BUCKETS, **SECRETS), account)).sync_task_id
                await changes.bring(ORDERS[order](task)[1], account)
                return task

        async def change_twice(task: str, account: str) -> str | None:
            old, new = ORDERS[order](task)
            async with room:
                with suppress(TransportError):
                    await hasty.bring(old, account)
                await changes.bring(new, account)
                await changes.hold(new, account)
                return (await engine.do(oms.ShowSyncTask(task, 1_700_000_000_000), account)).status

        accounts = [f"huawei-tenant{n // 5}" for n in range(number)]
        tasks = await asyncio.gather(*map(prepare, accounts))
        before = clouds.calls(resent)
        clouds.set(seed=7, operations={sent: {"late": 0.5, "late_s": [0.0, 0.2]}})
        states = await asyncio.gather(*map(change_twice, tasks, accounts))
    late = clouds.ledger()["answers"][sent]["late"]
    assert late >= number / 4, "the faults did not strike"
    assert set(states) == {new.state}
    repeated = clouds.calls(resent) - before
    assert repeated >= number - late / 2, "few came after the newer request: little was tested"
    return f"{order}: {number} tasks, {late} late, {repeated} newer requests; {number} as asked for last"


@pytest.mark.parametrize("order", ORDERS)
async def test_many_late_requests_undo_nothing(clouds: Clouds, order: str) -> None:
    await many_late(clouds, order, 60)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("order", ORDERS)
async def test_a_thousand_late_requests_undo_nothing(
    clouds: Clouds, capsys: pytest.CaptureFixture[str], order: str
) -> None:
    figures = await many_late(clouds, order, 1000)
    with capsys.disabled():
        print(f"\n{figures}")


async def test_the_order_of_wishes_survives_the_process(clouds: Clouds, tmp_path: Path) -> None:
    backlog = tmp_path / "backlog.db"
    clouds.set(operations={"StopSyncTask": {"late": 1.0, "late_s": 0.3}})
    async with clouds.engine(backlog) as engine:
        task = await new_task(engine)
        asking = asyncio.create_task(Changes(engine, SCALED).bring(stopped(task)))
        while not clouds.calls("StopSyncTask"):
            await status(engine, task)
        asking.cancel()
        await asyncio.wait([asking])
    clouds.clear()
    async with clouds.engine(backlog) as engine:
        changes = Changes(engine, SCALED)
        assert (await changes.bring(start(task))).settled_at > 0  # the stop of the process before may come yet
        assert (await changes.hold(start(task))).settled_at == 0.0
        assert await status(engine, task) == "SYNCHRONIZING"
    assert clouds.calls("StartSyncTask") == 1


async def test_an_older_wish_that_is_still_tried_gives_way(clouds: Clouds) -> None:
    clouds.set(operations={"StopSyncTask": {"reset_before": 1.0}})
    async with clouds.engine() as engine:
        task, changes = await new_task(engine), Changes(engine, SCALED)
        stopping = [asyncio.create_task(changes.bring(stopped(task))) for _ in range(3)]
        while not clouds.ledger()["answers"].get("StopSyncTask"):
            await status(engine, task)
        assert (await changes.bring(start(task))).how == "already"
        clouds.clear()
        assert [done.how for done in await asyncio.gather(*stopping)] == ["superseded"] * 3
        assert await status(engine, task) == "SYNCHRONIZING"


async def test_what_was_answered_cannot_undo_anything(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        task, changes = await new_task(engine), Changes(engine, SCALED)
        assert (await changes.bring(stopped(task))).settled_at == 0.0
        assert (await changes.bring(start(task))).settled_at == 0.0


async def test_a_task_that_is_not_there_is_an_error(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        with pytest.raises(TargetError):
            await Changes(engine, SCALED).bring(stopped("nobody"))


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: next(iter(fault)))
async def test_shares_join_and_leave_and_the_group_goes(clouds: Clouds, fault: dict[str, float]) -> None:
    names = ("AddSharesToExpressSync", "RemoveSharesFromExpressSync", "DeleteExpressSync")
    async with clouds.engine() as engine:
        group = (await engine.do(group_creation().operation)).express_sync_id
        clouds.set(seed=5, task_s=0.05, operations=dict.fromkeys(names, fault))
        changes = Changes(engine, SCALED)
        for change in (shares_added(group, SHARES), shares_removed(group, {"gw-1": ["a"]})):
            changed = await changes.bring(change)
            assert changed.how == "done"
            async with asyncio.timeout(10):
                assert await changes.follow(change, changed)
        left = (await engine.do(sgw.DescribeExpressSyncShares([group]))).items
        assert {(share.gateway_id, share.share_name) for share in left} == {("gw-1", "b"), ("gw-2", "c")}
        assert (await changes.bring(shares_added(group, {"gw-1": ["b"]}))).how == "already"
        assert (await changes.bring(group_deleted(group))).how in {"done", "already"}
        assert not (await engine.do(sgw.DescribeExpressSyncs())).items
    assert list(clouds.created("AddSharesToExpressSync").values()) == [1]


async def test_shares_whose_answer_was_lost_are_not_added_twice(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        group = (await engine.do(group_creation().operation)).express_sync_id
        clouds.set(operations={"AddSharesToExpressSync": {"late": 1.0, "late_s": 0.15}})
        assert (await Changes(engine, SCALED).bring(shares_added(group, SHARES))).how == "done"
    assert clouds.calls("AddSharesToExpressSync") == 1


async def test_the_newer_of_joining_and_leaving_holds(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        group = (await engine.do(group_creation().operation)).express_sync_id
        changes, hasty = Changes(engine, SCALED), Changes(engine, replace(SCALED, attempts=1))
        joined, left = shares_added(group, SHARES), shares_removed(group, SHARES)
        clouds.set(task_s=0.02, operations={"AddSharesToExpressSync": {"late": 1.0, "late_s": 0.3}})
        with pytest.raises(TransportError):
            await hasty.bring(joined)
        clouds.clear()
        assert (await changes.bring(left)).settled_at > 0
        while not (await engine.do(sgw.DescribeExpressSyncShares([group]))).items:  # undone by the older request
            pass
        assert (await changes.hold(left)).settled_at == 0.0
        assert not (await engine.do(sgw.DescribeExpressSyncShares([group]))).items
    assert clouds.calls("RemoveSharesFromExpressSync") >= 2


@pytest.mark.parametrize("change", [shares_added("g", SHARES), shares_removed("g", SHARES), group_deleted("g")])
def test_a_task_that_is_not_listed_has_not_ended(change: Change) -> None:
    assert change.ended(Listing((), 0, 1, 50, None)) is None


async def test_a_task_of_the_cloud_that_fails_is_told(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        group = (await engine.do(group_creation().operation)).express_sync_id
        clouds.set(task_fail=1.0, task_s=0.05)
        changes, change = Changes(engine, SCALED), shares_added(group, SHARES)
        assert not await changes.follow(change, await changes.bring(change))


async def test_what_never_gets_through_is_an_error(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        task = await new_task(engine)
        clouds.set(operations={"StopSyncTask": {"reset_before": 1.0}})
        with pytest.raises(TransportError):
            await Changes(engine, SCALED).bring(stopped(task))
