"""The event loop: the one place where it is started."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from engine.cli.collector import tune_collector

Value = TypeVar("Value")


def run(work: Coroutine[Any, Any, Value]) -> Value:
    """Do `work` in a loop of its own, in a process of ours: uvloop's loop, where there is one."""
    tune_collector()
    try:
        import uvloop  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)
