"""How rows come in: from a source that is slow, and again after some of them failed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, Limits, Options, Push, Trigger
from engine.chunks import MOMENT_S
from engine.clouds import clouds as every_cloud
from engine.model import State
from tests.engine.conftest import Clouds

FAST = 2000.0
SLOW_ROWS = 80


@pytest.mark.parametrize("row_s", [0.02, 0.001])
async def test_slow_rows_hold_up_neither_the_loop_nor_their_outcomes(clouds: Clouds, row_s: float) -> None:
    turns = 0
    turn_of: list[int] = []  # of the loop, in which each row was read

    def rows() -> Iterator[Trigger]:
        for i in range(SLOW_ROWS):
            time.sleep(row_s)  # as a query does that waits for its next row
            turn_of.append(turns)
            yield Trigger(f"gw-{i % 5}", "NFSs", f"/{i}")

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    read_by: list[int] = []  # how many rows were read when each outcome came
    async with Engine([clouds.gateways], ":memory:", rate=FAST, options=Options(wait=False)) as engine:
        async for outcome in engine.run(rows()):
            assert outcome.ok
            read_by.append(len(turn_of))
    counting.cancel()
    with suppress(asyncio.CancelledError):
        await counting
    assert len(read_by) == SLOW_ROWS
    assert max(Counter(turn_of).values()) <= 1 + int(MOMENT_S / row_s), "other work has its turn every moment"
    if row_s > MOMENT_S:
        assert read_by[0] < SLOW_ROWS / 2


async def states(engine: Engine, rows: Sequence[Any]) -> dict[str, str]:
    listed = [(outcome.row[0], outcome.state) async for outcome in engine.run(rows)]
    assert len(listed) == len(rows), "every row has one outcome"
    assert engine.current is not None
    assert engine.current.window.live == 0
    return dict(listed)


async def test_rows_that_failed_are_done_when_they_come_again_and_the_others_are_known(
    clouds: Clouds, tmp_path: Path
) -> None:
    task = await clouds.sync_task()
    rows = [Push(key, task) for key in ("a", "bad", "c", "worse")]
    clouds.set(reject_keys=["bad", "worse"])
    async with Engine([clouds.buckets], tmp_path / "backlog.db", rate=FAST) as engine:
        accepted = {"a": "accepted", "bad": "failed", "c": "accepted", "worse": "failed"}
        assert await states(engine, rows) == accepted
        known = {"a": "duplicate", "c": "duplicate"}
        assert await states(engine, rows) == known | {"bad": "failed", "worse": "failed"}
        clouds.clear()
        assert await states(engine, [rows[1], Push("new", task)]) == {"bad": "accepted", "new": "accepted"}
        assert [failure.job.rows async for failure in engine.backlog.failures()] == [1]
        assert await states(engine, rows) == known | {"bad": "duplicate", "worse": "accepted"}
        assert [failure async for failure in engine.backlog.failures()] == []
    assert set(clouds.ledger()["events"].values()) == {1}


async def test_rows_of_batches_that_failed_are_done_in_others(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    rows = [Push(f"k{i}", task) for i in range(25)]
    clouds.set(operations={"CreateSyncEvents": {"error_500": 1.0}})
    options = Options(limits=Limits(max_attempts=2, backoff_s=0.01))
    async with Engine([clouds.buckets], ":memory:", rate=FAST, options=options) as engine:
        assert set((await states(engine, rows)).values()) == {"failed"}
        clouds.clear()
        assert set((await states(engine, [*rows[20:], *rows[:10]])).values()) == {"accepted"}
        (left,) = [failure.job async for failure in engine.backlog.failures()]
        assert every_cloud()[left.target.cloud].rows(left) == [row._replace(account="buckets") for row in rows[10:20]]
        assert set((await states(engine, rows[::-1])).values()) == {"accepted"}
        ((_, tally),) = (await engine.backlog.tally()).items()
        assert State.FAILED not in tally
