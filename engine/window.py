"""How much may be outstanding: input beyond it stays where it is, so that memory and backlog stay bounded."""

from __future__ import annotations

import asyncio
from collections import defaultdict

WIDEST = 20  # times the limit: the jobs of slow accounts that may lie in the way of a fast one's


class Window:
    """Counts the jobs that have not ended, by account.

    Input is read while some account has fewer than the limit. So an account that crawls keeps none of the others
    waiting for rows that stand behind its own, up to a bound on the whole.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._live: defaultdict[str, int] = defaultdict(int)
        self._room = asyncio.Event()
        self._room.set()

    @property
    def live(self) -> int:
        return sum(self._live.values())

    @property
    def full(self) -> bool:
        return not self._room.is_set()

    def change(self, account: str, jobs: int) -> None:
        self._live[account] += jobs
        if min(self._live.values()) < self._limit and self.live < WIDEST * self._limit:
            self._room.set()
        else:
            self._room.clear()

    async def room(self) -> None:
        """Wait until more may be accepted."""
        await self._room.wait()
