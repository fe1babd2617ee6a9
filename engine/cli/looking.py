"""Opens a backlog to look at it, also while another process works on it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TypeVar

from engine.backlog.sqlite import SqliteBacklog
from engine.cli.loop import run
from engine.errors import ConfigError

Value = TypeVar("Value")


def look_at(place: str, look: Callable[[SqliteBacklog], Coroutine[None, None, Value]]) -> Value:
    """What `look` sees in a backlog.

    Raises:
        ConfigError: there is none.
        BacklogError: it cannot be read; UnusableBacklogError: not later either.
    """
    if not Path(place).exists():
        raise ConfigError(f"there is no backlog {place}: nothing was done yet, or --backlog names another file")

    async def looking() -> Value:
        async with SqliteBacklog(place, read_only=True) as backlog:
            return await look(backlog)

    return run(looking())
