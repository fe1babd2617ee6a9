"""The event loop: the one place where it is started."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

Value = TypeVar("Value")

# How many new objects the garbage collector waits for. Those of calls in flight and of rows being planned come and go
# in waves, and next to none is ever part of a cycle: looking at every 700, as Python does, takes an eighth of the time
# of a call and a third of that of a row.
GARBAGE_OBJECTS = 50_000


def run(work: Coroutine[Any, Any, Value]) -> Value:
    """Do `work` in a loop of its own, in a process of ours: uvloop's loop, where there is one."""
    tune_collector()
    try:
        import uvloop  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def tune_collector() -> None:
    """Leave alone what was imported, and look at new objects more rarely."""
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
