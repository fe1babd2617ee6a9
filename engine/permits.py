"""Leave to send, one request each, spread evenly over time.

One coroutine asks for a whole lane. Thousands waiting on one `AsyncLimiter` would overtake and starve each other, and
under uvloop, whose timers tick in milliseconds, spin a core; one buyer taking permits in chunks does neither.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from aiolimiter import AsyncLimiter

from engine.pace import Pace

CHUNK_S = 0.004  # worth of the rate that is bought at once
CATCH_UP_S = 0.1  # worth of the rate: what may be made up for after a stall
LATE_S = 0.007  # how late a chunk may come and the next one still be on time, less what a chunk is worth
TICK_S = 0.001  # no timer is shorter: uvloop's are of whole milliseconds, and shorter ones spin; half of it is on time
RENEW = 0.02  # relative change of the rate that is worth a new bucket


class Evenness(NamedTuple):
    """How requests are spread over time, in shares of the rate asked for."""

    average: float  # is what is sent in the long run; less than 1, because what is sent evenly arrives less so
    spacing: float  # is how close chunks may follow each other, so that making up for a stall is never a burst


EVENNESS = Evenness(0.995, 1.0)
# A request that comes half a tick early is one too many in that second, where a tick is no share of the rate.
EVENNESS_OF_FEW = Evenness(0.995, 0.996)
FEW = 67.0  # calls/s


class Permits:
    """Leave to send, one request each, at a rate that may change.

    A leaky bucket holds the average. What it holds back for a while it would give at once, so chunks are also spaced:
    over any tenth of a second the rate is kept as it is over an hour. In no time there is more than the rate allows,
    but for one chunk and what `LATE_S` is worth, when the event loop was late.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._rate = 0.0
        self._in_hand = 0
        self._chunk = 1
        self._next_at = 0.0
        self._limiter: AsyncLimiter
        self._space_s = 0.0  # between chunks, at least
        self._late_s = 0.0

    def take(self) -> bool:
        """Take one of those in hand. False: there is none."""
        if not self._in_hand:
            return False
        self._in_hand -= 1
        return True

    async def buy(self) -> None:
        """Wait for more, when there is none in hand. For one caller at a time."""
        if abs(self._pace.rate - self._rate) > RENEW * self._rate:
            await self._renew()
        await self._limiter.acquire(self._chunk)
        await self._wait()
        self._next_at = max(self._next_at, time.perf_counter() - self._late_s) + self._space_s
        self._in_hand = self._chunk

    def forfeit(self) -> None:
        """Give up what is in hand, after a pause: it would come as a burst."""
        self._in_hand = 0

    async def _wait(self) -> None:
        """Until the next chunk is due, to half a tick."""
        while (early_s := self._next_at - time.perf_counter()) > TICK_S / 2:  # noqa: ASYNC110 - timers come early, too
            await asyncio.sleep(max(TICK_S, early_s))

    async def _renew(self) -> None:
        self._rate = self._pace.rate
        evenness = EVENNESS_OF_FEW if self._rate < FEW else EVENNESS
        rate = self._rate * evenness.average
        self._chunk = max(1, int(rate * CHUNK_S))
        self._space_s = self._chunk / (evenness.spacing * self._rate)
        self._late_s = max(TICK_S / 2, LATE_S - self._space_s)
        bucket = self._chunk + rate * CATCH_UP_S
        self._limiter = AsyncLimiter(bucket, bucket / rate)
        await self._limiter.acquire(bucket - self._chunk)  # begin without a burst
