"""Waiting for a disk or a pipe beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run what may never come back, as a read from a pipe, in a thread of its own.

    Once nobody wants the result any more nobody waits for the thread, not even the interpreter at its end, as it would
    for one of an executor.
    """
    outcome: Future[Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:
            outcome.set_exception(error)

    outcome.set_running_or_notify_cancel()
    threading.Thread(target=run, name="syncmux-reader", daemon=True).start()
    return await asyncio.wrap_future(outcome)
