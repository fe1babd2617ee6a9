"""Starts, stops and shares: brought about under faults, in the order in which they were asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import Engine
from engine.changes import Changes
from engine.clouds.alibaba.changes import group_deleted, shares_added, shares_removed
from engine.clouds.change import Change
from engine.clouds.huawei.changes import started, stopped
from engine.errors import TargetError, TransportError
from tests.clouds.samples import BUCKETS, SECRETS
from tests.creates.conftest import SCALED, Clouds, group_creation

SHARES = {"gw-1": ["a", "b"], "gw-2": ["c"]}
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


async def test_a_lost_stop_that_comes_late_does_not_undo_a_newer_start(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        task, changes = await new_task(engine), Changes(engine, SCALED)
        clouds.set(operations={"StopSyncTask": {"late": 1.0, "late_s": 0.3}})
        stopping = asyncio.create_task(changes.bring(stopped(task)))
        while not clouds.calls("StopSyncTask"):
            await status(engine, task)
        again = await changes.bring(start(task))
        assert again.settled_at > 0
        assert (await stopping).how == "superseded"
        sent = clouds.calls("StopSyncTask")
        clouds.clear()
        held = await changes.hold(start(task))
        assert held.how == "already"
        assert await status(engine, task) == "SYNCHRONIZING"
        assert clouds.calls("StopSyncTask") == sent, "an old stop was repeated after a newer start"
        assert clouds.calls("StartSyncTask") >= 1, "the late stop came before the start: nothing was tested"


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
