"""The event loop: the one place where it is started."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from engine.cli.collector import tune_collector
from engine.cli.interruption import Interruption, end_at_once

Value = TypeVar("Value")
FILES = 10_240  # that may be open: every call in flight is one. As many as macOS allows a process


def run(work: Coroutine[Any, Any, Value], at_once: Callable[[], object] = end_at_once) -> Value:
    """Do `work` in a loop of its own, in a process of ours: uvloop's loop, where there is one. A second signal is
    answered with `at_once`, unless the work watches out for signals itself.

    Raises:
        KeyboardInterrupt: a signal has ended it. It was cancelled, and has cleaned up.
    """
    tune_collector()
    allow_files()
    try:
        import uvloop  # noqa: PLC0415 - not there on Windows
    except ImportError:
        start = asyncio.run
    else:
        start = uvloop.run
    try:
        return start(_cancellable(work, at_once))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _cancellable(work: Awaitable[Value], at_once: Callable[[], object]) -> Value:
    """Work that the first signal cancels, unless it watches out for signals itself."""
    with Interruption(this_task().cancel, at_once).watched():
        return await work


def this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type checker
    return task


def allow_files() -> None:
    """Many systems allow 256 or 1,024, unless somebody asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
