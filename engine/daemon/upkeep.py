"""Keeps the backlog and the process from growing without end: what ended long ago is forgotten, and what is not used
is given back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from engine.backlog.pruning import Keep
from engine.backlog.sqlite import SqliteBacklog
from engine.daemon import memory
from engine.daemon.log import Log
from engine.daemon.settings import ServeSettings
from engine.errors import NoSpaceError

PAUSE_S = 0.02  # between two slices: whoever wants to write is to get the next turn
ROOM_S = 1.0  # for which room is made at once
REJECTED = 10_000  # rejected rows that are kept


class Upkeep:
    def __init__(self, backlog: SqliteBacklog, serve: Callable[[], ServeSettings], log: Log) -> None:
        """`serve` tells the settings that are in force."""
        self.forgotten = 0  # jobs, since the process began
        self._backlog = backlog
        self._serve = serve
        self._log = log

    async def run(self) -> None:
        """Until cancelled. Raises BacklogError: nothing can be written any more."""
        while True:
            try:
                await self.once()
            except NoSpaceError as error:  # forgetting needs a little space, too
                self._log.event("upkeep_failed", error=str(error))
            await asyncio.sleep(self._serve().upkeep_every_s)

    async def make_room(self) -> None:
        """While little disk space is left, give back what the file does not use, for a while. Raises BacklogError."""
        until = time.monotonic() + ROOM_S
        more = True
        while more and self._backlog.low_space and time.monotonic() < until:
            more = await self._backlog.give_back()
            await asyncio.sleep(PAUSE_S)

    async def once(self) -> None:
        """Look at every job once, and forget old ids. Raises BacklogError."""
        serve, now = self._serve(), self._backlog.clock()
        keep = Keep(now - serve.keep_ended_s, serve.keep_ended_jobs, now - serve.keep_failed_s, REJECTED)
        before = self.forgotten
        after: int | None = 0
        while after is not None:
            jobs, after = await self._backlog.prune(keep, after)
            self.forgotten += jobs
            await asyncio.sleep(PAUSE_S)
        for do_slice in (self._backlog.inbox.forget_ids, self._backlog.give_back):
            more = True
            while more:
                more = await do_slice()
                await asyncio.sleep(PAUSE_S)
        memory.give_back()
        if self.forgotten > before:
            self._log.event("forgotten", jobs=self.forgotten - before)
