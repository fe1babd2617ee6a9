"""Work for the engine, and how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from engine import Engine, Push, Trigger


def directories(number: int) -> list[Trigger]:
    return [Trigger(f"gw-{i % 10}", "NFSshare", f"/{i}") for i in range(number)]


def keys(number: int, sync_task: str) -> list[Push]:
    return [Push(f"photos/{i}.jpg", sync_task) for i in range(number)]


async def work(
    engine: Engine, rows: Iterable[Any], at: int = 0, then: Callable[[], None] = lambda: None
) -> dict[str, int]:
    """The states of all rows. After the outcome number `at`, `then` happens."""
    states: Counter[str] = Counter()
    async for outcome in engine.run(rows):
        states[outcome.state] += 1
        if states.total() == at:
            then()
    return dict(states)
