"""Backlogs to test, and jobs to put into them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from engine.backlog import Backlog, Count
from engine.backlog.sqlite import SqliteBacklog
from engine.model import Job, State, Target
from tests.backlog.words import DIVIDERS

A = Target("cloud", "account", "a")
B = Target("cloud", "account", "b")
W = Target("words", "account", "w")


class Clock:
    """Seconds, under the test's control."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["file", "memory"])
async def backlog(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Backlog]:
    path = tmp_path / "made" / "backlog.db" if request.param == "file" else ":memory:"
    async with SqliteBacklog(path, DIVIDERS, clock=clock) as opened:
        yield opened


@pytest.fixture
def reopen(tmp_path: Path, clock: Clock) -> Callable[[], SqliteBacklog]:
    return lambda: SqliteBacklog(tmp_path / "backlog.db", DIVIDERS, clock=clock)


def jobs(target: Target, *numbers: int, rows: int = 1) -> list[Job]:
    return [
        Job(f"{target.name}{number:015}".encode(), target, f"payload {number}".encode(), rows) for number in numbers
    ]


def payloads(listed: list[Job]) -> list[bytes]:
    return [job.payload for job in listed]


async def claim(backlog: Backlog, target: Target, limit: int, now: float) -> list[Job]:
    (claimed,) = await backlog.claim([(target, limit)], now)
    return claimed.jobs


async def counts(backlog: Backlog, target: Target = A) -> dict[State, Count]:
    return (await backlog.tally()).get(target, {})
