"""The pump of polls, with a cloud that does not tell."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any, cast

import pytest

from engine.client import Client
from engine.clouds import clouds
from engine.errors import CallError, RejectedError, TargetError, UnavailableError
from engine.lanes import LaneControl
from engine.model import Finished, Job, Lane, Settlement, State, Target
from engine.pace import Pace
from engine.poller import Poller
from engine.polling import Typical, Watch
from engine.retry import Limits
from engine.settler import Settler
from engine.starter import Starter
from engine.targets import TargetQueue

TARGET = Target("alibaba", "a", "gw-1")
LATE = Limits(task_timeout_s=10.0, backoff_s=0.01, give_up_s=1e9, again_s=60.0)


class Refusing:
    """A client whose every call fails alike."""

    def __init__(self, error: CallError) -> None:
        self.calls = 0
        self._error = error

    async def call(self, *_: object) -> Any:
        self.calls += 1
        raise self._error


class Settled(list[Settlement]):
    def settle(self, settlement: Settlement, _origin: object) -> None:
        self.append(settlement)


class _Opener:
    def heed(self, queue: TargetQueue) -> None: ...


async def polled(error: CallError, calls: int) -> Settled:
    """What becomes of a task that is overdue, after so many calls at most."""
    client, settled, ticks = Refusing(error), Settled(), count(1_000.0)
    lane = LaneControl(Lane("alibaba", "a", "DescribeTasks"), Pace(1000.0), 4, backoff_s=0.0, random=lambda: 0.0)
    poller = Poller(
        clouds()["alibaba"], "a", lane, cast("Client", client), cast("Settler", settled), LATE,
        lambda account, why: None, clock=lambda: next(ticks),
    )  # fmt: skip
    poller.opener = cast("Starter", _Opener())
    queue = TargetQueue(TARGET, Watch(Typical(), 50))
    queue.watch.add(Job(bytes(16), TARGET, b"", task="t-1", started_at=0.0))
    poller.schedule(queue)
    running = asyncio.create_task(poller.run())
    while not settled and client.calls < calls:  # noqa: ASYNC110 - what it does takes no time
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait((running,))
    return settled


@pytest.mark.parametrize("error", [TargetError("gone"), RejectedError("no")])
async def test_a_task_that_the_cloud_refuses_to_tell_of_comes_to_its_deadline(error: CallError) -> None:
    (settlement,) = await polled(error, calls=3)
    assert isinstance(settlement, Finished)
    assert (settlement.state, settlement.why) == (State.FAILED, "task t-1 did not end within 10 s")


async def test_an_outage_is_not_held_against_a_task() -> None:
    assert await polled(UnavailableError("later"), calls=3) == []
