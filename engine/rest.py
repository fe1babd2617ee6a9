"""How long what cannot go on is left alone, before it is tried again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

LONGEST_S = 1800.0


class LeftAlone(NamedTuple):
    """An account, or one target of it, that cannot go on."""

    account: str
    target: str  # "" if it is the account
    why: str
    until: float  # when it is tried again, by the monotonic clock; 0: not by this run


class Rest:
    """The rests of one account or target: each twice as long as the one before it, unless it went on for longer than
    that in between."""

    def __init__(self, first_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.until = 0.0  # by the clock
        self._first_s = first_s
        self._rest_s = 0.0
        self._over_at = 0.0
        self._clock = clock
        self._cut = asyncio.Event()

    async def take(self, *, longer: bool = True) -> None:
        """Wait until it is to be tried again. `longer` is false where trying does no harm: then it is never long."""
        went_on = self._clock() - self._over_at > self._rest_s
        self._rest_s = self._first_s if went_on or not longer else min(LONGEST_S, 2 * self._rest_s)
        self.until = self._clock() + self._rest_s
        with suppress(TimeoutError):
            async with asyncio.timeout(self._rest_s):
                await self._cut.wait()
                self._cut.clear()
                self._rest_s = 0.0
        self._over_at = self._clock()

    def cut(self) -> None:
        """Something has changed: it may be tried now, and the next rest is short. While it is being tried: once more,
        if that comes to nothing."""
        self._cut.set()
