"""How a lane begins when it has many targets."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from urllib.request import urlopen

import orjson
import pytest

import engine.engine
from engine import Engine, Limits, Push, Trigger
from engine.judge import INSPECTIONS
from engine.lanes import SICK_AFTER
from engine.run import Options
from engine.transport import Transport
from tests.engine.conftest import Clouds

SLOW_S = 1.0
TARGETS = INSPECTIONS + 4


def arrivals(clouds: Clouds, operation: str) -> list[float]:
    url = f"{clouds.process.alibaba}/_emulator/arrivals?operation={operation}"
    with urlopen(url, timeout=10) as answer:  # noqa: S310 - the emulator's
        listed: list[float] = orjson.loads(answer.read())["arrivals"]
    return sorted(listed)


async def test_targets_are_inspected_side_by_side_and_none_waits_for_the_others(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    clouds.set(operations={"ShowSyncTask": {"delay": 1.0, "delay_s": SLOW_S}}, record_arrivals=True)
    rows = [Push("k", task), *(Push("k", f"missing-{i}") for i in range(1, TARGETS))]
    ended: list[float] = []
    async with Engine([clouds.buckets], ":memory:", rate=2000.0) as made:
        async for outcome in made.run(rows):
            assert outcome.state == ("accepted" if outcome.row[1] == task else "failed")
            ended.append(time.monotonic())
    assert len(ended) == TARGETS
    came = arrivals(clouds, "ShowSyncTask")
    assert len(came) == TARGETS
    assert came[INSPECTIONS - 1] - came[0] < SLOW_S, "side by side"
    assert came[INSPECTIONS] - came[0] >= SLOW_S, "but not all at once"
    assert ended[0] < came[-1] + SLOW_S, "the first to be inspected does not wait for the last"


async def test_a_target_is_asked_once_before_it_has_taken_anything(clouds: Clouds) -> None:
    """However long its answers take: only then is it known whether it is of use."""
    clouds.set(forbidden=["gw-0"], operations={"TriggerGatewayRemoteSync": {"delay": 1.0, "delay_s": 0.1}})
    rows = [Trigger("gw-0" if i >= 10 else "gw-1", "NFSshare", f"/dir/{i}") for i in range(310)]
    async with Engine([clouds.gateways], ":memory:", rate=2000.0) as made:
        found = Counter([outcome.state async for outcome in made.run(rows)])
    assert found == {"failed": 300, "succeeded": 10}
    assert clouds.ledger()["calls"]["TriggerGatewayRemoteSync"] == 1 + 10


async def test_a_target_that_refuses_what_it_is_given_is_of_use_all_the_same(clouds: Clouds) -> None:
    """Its next jobs do not go out one by one, nor after what is asked about the first of them."""
    task = await clouds.sync_task()
    keys = [f"key-{i}" for i in range(20)]
    clouds.set(
        reject_keys=keys,
        operations={
            "CreateSyncEvents": {"delay": 1.0, "delay_s": 0.3},
            "ShowSyncTask": {"delay": 1.0, "delay_s": SLOW_S},
        },
        record_arrivals=True,
    )
    async with Engine([clouds.buckets], ":memory:", rate=2000.0, options=Options(batch=1)) as made:
        assert {outcome.state async for outcome in made.run(Push(key, task) for key in keys)} == {"failed"}
    came = arrivals(clouds, "CreateSyncEvents")
    assert came[1] - came[0] >= 0.3, "the first one alone"
    assert came[-1] - came[0] < SLOW_S, "the others together"


async def test_targets_that_somebody_else_kept_busy_have_their_turn(clouds: Clouds) -> None:
    """However early a timer comes: those of uvloop do, by up to a millisecond."""
    clouds.set(task_s=0.05, operations={"TriggerGatewayRemoteSync": {"busy": 1.0}})
    asyncio.get_running_loop().call_later(0.5, lambda: clouds.set(task_s=0.05))
    rows = [Trigger(f"gw-{i % 40}", "NFSshare", f"/dir/{i}") for i in range(80)]
    async with asyncio.timeout(30), Engine([clouds.gateways], ":memory:", rate=2000.0) as made:
        assert Counter([outcome.state async for outcome in made.run(rows)]) == {"succeeded": 80}


async def test_a_target_that_hangs_does_not_do_so_job_by_job(clouds: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first one takes all the time that an attempt may take, and the others take it together."""
    monkeypatch.setattr(engine.engine, "Transport", partial(Transport, attempt_s=SLOW_S))
    went_well = asyncio.Event()

    async def rows() -> AsyncIterator[Trigger]:
        yield Trigger("gw-0", "NFSshare", "/dir")
        await went_well.wait()
        clouds.set(record_arrivals=True, operations={"TriggerGatewayRemoteSync": {"delay": 1.0, "delay_s": 60.0}})
        for i in range(SICK_AFTER - 2):
            yield Trigger("gw-1", "NFSshare", f"/dir/{i}")

    options = Options(limits=Limits(max_attempts=1))
    async with Engine([clouds.gateways], ":memory:", rate=2000.0, options=options) as made:
        async for outcome in made.run(rows()):
            went_well.set()
            assert outcome.state == ("failed" if outcome.row[0] == "gw-1" else "succeeded")
    came = arrivals(clouds, "TriggerGatewayRemoteSync")
    assert came[-1] - came[0] < 2 * SLOW_S
    assert len(came) == SICK_AFTER - 2
