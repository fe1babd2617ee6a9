"""How a lane begins when it has many targets."""

from __future__ import annotations

import time
from urllib.request import urlopen

import orjson

from engine import Engine, Push
from engine.judge import INSPECTIONS
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
    async with Engine([clouds.buckets], ":memory:", rate=2000.0) as engine:
        async for outcome in engine.run(rows):
            assert outcome.state == ("accepted" if outcome.row[1] == task else "failed")
            ended.append(time.monotonic())
    assert len(ended) == TARGETS
    came = arrivals(clouds, "ShowSyncTask")
    assert len(came) == TARGETS
    assert came[INSPECTIONS - 1] - came[0] < SLOW_S, "side by side"
    assert came[INSPECTIONS] - came[0] >= SLOW_S, "but not all at once"
    assert ended[0] < came[-1] + SLOW_S, "the first to be inspected does not wait for the last"
