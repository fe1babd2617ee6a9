"""How much may be outstanding: input beyond it stays where it is, so that memory and backlog stay bounded."""

from __future__ import annotations

import asyncio


class Window:
    """Counts the jobs that have not ended."""

    def __init__(self, limit: int) -> None:
        self.live = 0
        self._limit = limit
        self._room = asyncio.Event()
        self._room.set()

    def change(self, jobs: int) -> None:
        self.live += jobs
        if self.live < self._limit:
            self._room.set()
        else:
            self._room.clear()

    async def room(self) -> None:
        """Wait until more may be accepted."""
        await self._room.wait()
