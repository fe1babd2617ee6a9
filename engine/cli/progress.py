"""Shows how far the work is: live on a terminal, a line now and then elsewhere, events for programs."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from engine import report
from engine.cli.output import Output
from engine.report import Snapshot

LINE_EVERY_S = 3.0
RATES_OVER_S = 3.0  # what "at the moment" means


class Display(Protocol):
    every_s: float

    def show(self, now: Snapshot, before: Snapshot) -> None: ...


class Lines:
    """For logs and pipes."""

    def __init__(self, output: Output, every_s: float = LINE_EVERY_S) -> None:
        self.every_s = every_s
        self._output = output

    def show(self, now: Snapshot, before: Snapshot) -> None:
        self._output.note(f"{report.counts(now)} {report.activity(now, before)}".rstrip())
        for trouble in report.troubles(now, before):
            self._output.note(f"  {trouble}")
        self._output.event("progress", **report.progress_json(now, before))


@asynccontextmanager
async def shown(output: Output, snapshot: Callable[[], Snapshot], every_s: float = LINE_EVERY_S) -> AsyncIterator[None]:
    """Keep showing `snapshot` until the block ends; `every_s` where nobody watches."""
    watched = sys.stderr.isatty() and not output.json and not output.quiet
    if not watched:
        async with _ticking(Lines(output, every_s), output, snapshot):
            yield
        return
    from engine.cli.terminal import terminal  # noqa: PLC0415 - slow to import, and mostly nobody watches

    with terminal() as display:
        async with _ticking(display, output, snapshot):
            yield


@asynccontextmanager
async def _ticking(display: Display, output: Output, snapshot: Callable[[], Snapshot]) -> AsyncIterator[None]:
    task = asyncio.create_task(_tick(display, output, snapshot), name="syncmux progress")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled():
            task.result()


async def _tick(display: Display, output: Output, snapshot: Callable[[], Snapshot]) -> None:
    told = False
    past = deque([snapshot()])
    while True:
        await asyncio.sleep(display.every_s)
        now = snapshot()
        while len(past) > 1 and now.elapsed_s - past[0].elapsed_s > RATES_OVER_S:
            past.popleft()
        if now.rows.earlier and not told:
            told = True
            output.note(f"resuming: {report.done_earlier(now)}")
        display.show(now, past[0])
        past.append(now)
