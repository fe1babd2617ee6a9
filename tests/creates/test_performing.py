"""What commands do about requests that were lost: `--wait` stays until none can undo what was asked for."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

import engine.clouds.huawei.operations as oms
from engine import Engine
from engine.changes import Changes
from engine.cli.exits import Exit
from engine.cli.following import Following
from engine.cli.output import Output
from engine.cli.performing import bring, create
from engine.clouds.creation import Creation
from engine.clouds.huawei.changes import stopped
from engine.creates import Creates
from engine.errors import TransportError
from tests.creates.conftest import SCALED, Clouds, group_creation, task_creation
from tests.creates.test_changes import new_task, start, status

HASTY = replace(SCALED, attempts=1)


async def lost_stop(clouds: Clouds, engine: Engine, late_s: float = 0.3) -> str:
    """A task that runs, and will be stopped by a request whose answer was lost."""
    task = await new_task(engine)
    clouds.set(operations={"StopSyncTask": {"late": 1.0, "late_s": late_s}})
    with suppress(TransportError):
        await Changes(engine, HASTY).bring(stopped(task))
    clouds.clear()
    return task


async def test_waiting_is_until_no_older_request_can_undo_it(
    clouds: Clouds, capsys: pytest.CaptureFixture[str]
) -> None:
    async with clouds.engine() as engine:
        task = await lost_stop(clouds, engine)
        assert await bring(engine, Output(), start(task), task, Following(wait=True), SCALED) is Exit.DONE
        assert await status(engine, task) == "SYNCHRONIZING"
    assert clouds.calls("StartSyncTask") == 1, "the old one came before the newer: nothing was tested"
    told = capsys.readouterr()
    assert "waiting until" in told.err
    assert told.out.splitlines()[-1] == f"{task} is SYNCHRONIZING"


async def test_without_waiting_it_is_said_until_when_it_may_be_undone(
    clouds: Clouds, capsys: pytest.CaptureFixture[str]
) -> None:
    async with clouds.engine() as engine:
        task = await lost_stop(clouds, engine)
        assert await bring(engine, Output(), start(task), task, Following(), SCALED) is Exit.DONE
    told = capsys.readouterr().err
    assert "may undo this until" in told
    assert "UTC" in told


async def test_what_may_still_be_undone_at_the_end_of_the_time_is_no_success(
    clouds: Clouds, capsys: pytest.CaptureFixture[str]
) -> None:
    async with clouds.engine() as engine:
        task = await lost_stop(clouds, engine)
        following = Following(wait=True, timeout=0.05)
        assert await bring(engine, Output(), start(task), task, following, SCALED) is Exit.ERROR
    assert "not yet for certain SYNCHRONIZING" in capsys.readouterr().out


async def test_a_newer_request_ends_the_waiting(clouds: Clouds, capsys: pytest.CaptureFixture[str]) -> None:
    async with clouds.engine() as engine:
        task = await lost_stop(clouds, engine)
        following = Following(wait=True)
        waiting = asyncio.create_task(bring(engine, Output(json=True), start(task), task, following, SCALED))
        while '"waiting"' not in capsys.readouterr().out:
            await status(engine, task)
        assert (await Changes(engine, SCALED).bring(stopped(task))).how == "done"
        assert await waiting is Exit.ERROR
        assert await status(engine, task) == "STOPPED"


async def lost_create(clouds: Clouds, engine: Engine, creation: Creation) -> None:
    """A request that takes effect only after it was made again."""
    operation = type(creation.operation).__name__
    clouds.set(operations={operation: {"late": 1.0, "late_s": 0.7}})
    lost = asyncio.create_task(Creates(engine, SCALED).create(creation))
    while not clouds.calls(operation):
        await engine.do(creation.listing(0))
    clouds.clear()
    lost.cancel()
    await asyncio.wait([lost])


@pytest.mark.parametrize("wait", [False, True], ids=["at once", "wait"])
async def test_a_second_task_is_deleted_when_it_comes(
    clouds: Clouds, capsys: pytest.CaptureFixture[str], wait: bool
) -> None:
    async with clouds.engine() as engine:
        await lost_create(clouds, engine, task_creation())
        following = Following(wait=wait)
        await create(engine, Output(), task_creation(), following, if_not_exists=True, patience=SCALED)
        told = capsys.readouterr()
        assert ("waiting until" in told.err) is wait
        assert "finds it, and deletes it unless it is in use" in told.err
        if wait:
            assert "came of the same request, and was deleted" in told.out
            assert (await engine.do(oms.ListSyncTasks())).count == 1


async def test_of_groups_nothing_is_promised_that_is_not_so(clouds: Clouds, capsys: pytest.CaptureFixture[str]) -> None:
    async with clouds.engine() as engine:
        await lost_create(clouds, engine, group_creation())
        await create(engine, Output(), group_creation(), Following(), if_not_exists=True, patience=SCALED)
    told = capsys.readouterr().err
    assert "cannot create a second one" in told
    assert "deletes it" not in told


async def test_a_create_in_doubt_says_what_it_waits_for(clouds: Clouds, capsys: pytest.CaptureFixture[str]) -> None:
    clouds.set(operations={"CreateSyncTask": {"reset_after": 1.0}})
    async with clouds.engine() as engine:
        await create(engine, Output(), task_creation(), Following(), if_not_exists=True, patience=SCALED)
    assert "whether the sync task was created is looked up, for 0.3 s at least" in capsys.readouterr().err
