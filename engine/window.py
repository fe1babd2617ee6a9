"""How much may be outstanding: input beyond it stays where it is, so that memory and backlog stay bounded."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

WIDEST = 20  # times the limit: the jobs of slow accounts that may lie in the way of a fast one's


class Window:
    """Counts the jobs that have not ended, by account.

    Input is read while some account has fewer than the limit. So an account that crawls keeps none of the others
    waiting for rows that stand behind its own, up to a bound on the whole.
    """

    def __init__(self, limit: int, filled: Callable[[], None] = lambda: None) -> None:
        """`filled` is told when there is no more room."""
        self._limit = self._more = limit
        self._filled = filled
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
        self._look()

    def widen(self) -> None:
        """Have room for as many jobs again: those that are outstanding stand in the way."""
        self._limit += self._more
        self._look()

    def _look(self) -> None:
        if min(self._live.values()) < self._limit and self.live < WIDEST * self._limit:
            self._room.set()
        elif not self.full:
            self._room.clear()
            self._filled()

    async def room(self) -> None:
        """Wait until more may be accepted."""
        await self._room.wait()
