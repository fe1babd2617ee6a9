"""Spools: what is put into one, what lies in it, and one that is watched without a daemon around it."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import orjson

from engine.backlog.inbox import Inbox
from engine.daemon.intake import Intake, Taken
from engine.daemon.log import Log
from engine.daemon.sources.spool import Spool, SpoolSettings
from engine.notifications import ObjectEvent
from engine.routes import Routes

LONG = "x" * 240 + ".txt"  # a report's name would be too long beside it


def drop(spool: Path, name: str, content: str | bytes) -> None:
    """As it should be done: written under a name that is not looked at, and renamed."""
    unfinished = spool / f"{name}.tmp"
    unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
    unfinished.rename(spool / name)


def report(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(path.with_name(path.name + ".report.json").read_bytes())
    return found


def lying(spool: Path) -> set[str]:
    return {entry.name for entry in spool.iterdir() if entry.is_file() and entry.name != ".spool.lock"}


class Taking(Intake):
    """Takes everything, and remembers it."""

    def __init__(self) -> None:
        super().__init__(Inbox.__new__(Inbox), Routes([]))
        self.keys: list[str] = []

    async def take(self, sender: str, events: Sequence[ObjectEvent], scope: Collection[str] | None = None) -> Taken:
        self.keys += [event.key for event in events]
        return Taken(len(events), 0, 0, len(events), len(events))


class Running:
    """A spool of its own that is watched."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.intake = Taking()
        self._log = io.StringIO()
        self.source = Spool(SpoolSettings("in", directory, "b", 0.001), Log(self._log))
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        with self.source.held():
            await self.source.run(self.intake)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                assert not self._task.done()
                await asyncio.to_thread(os.sched_yield)

    async def emptied(self, *keys: str) -> None:
        """Wait until all that lay there is gone, and these keys were taken, each once."""
        await self.until(
            lambda: (
                len(self.intake.keys) >= len(keys)  # what is put back is nowhere for a moment
                and not lying(self.directory)
                and not any(self.directory.glob("*/.*.moving"))
            )
        )
        assert self.intake.keys == list(keys)

    async def troubled(self, why: str) -> None:
        await self.until(lambda: why in self.source.trouble)

    async def well(self) -> None:
        await self.until(lambda: not self.source.trouble)

    def said(self, name: str) -> list[dict[str, Any]]:
        told = [orjson.loads(line) for line in self._log.getvalue().splitlines()]
        return [each for each in told if each["event"] == name]

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.wait((self._task,))
