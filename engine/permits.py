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
PUNCTUAL_S = 0.0003  # the same where there is no room for it
TICK_S = 0.001  # no timer is shorter: uvloop's are of whole milliseconds, and shorter ones spin
RENEW = 0.02  # relative change of the rate that is worth a new bucket


class Evenness(NamedTuple):
    """How requests are spread over time, in shares of the rate asked for."""

    average: float  # is what is sent in the long run; less than 1, because what is sent evenly arrives less so
    spacing: float  # is how close chunks may follow each other, so that making up for a stall is never a burst
    exact: bool  # whether a chunk waits for its time to the fraction of a millisecond


EVENNESS = Evenness(0.995, 1.0, False)
# Where a tenth of a second holds so few requests that one more would be a burst, none may come early.
EVENNESS_BELOW = 67.0  # calls/s
EVENNESS_OF_FEW = Evenness(0.995, 0.996, True)


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
        self._exact = False

    async def take(self) -> None:
        """Wait for one permit. For one caller at a time."""
        if not self._in_hand:
            if abs(self._pace.rate - self._rate) > RENEW * self._rate:
                await self._renew()
            await self._limiter.acquire(self._chunk)
            await self._wait()
            self._next_at = max(self._next_at, time.perf_counter() - self._late_s) + self._space_s
            self._in_hand = self._chunk
        self._in_hand -= 1

    def forfeit(self) -> None:
        """Give up what is in hand, after a pause: it would come as a burst."""
        self._in_hand = 0

    async def _wait(self) -> None:
        """Until the next chunk is due, to half a tick, or exactly: then the last of it goes by in turns of the loop."""
        while (early_s := self._next_at - time.perf_counter()) > (0 if self._exact else TICK_S / 2):
            if self._exact:
                await asyncio.sleep(early_s - TICK_S if early_s > 2 * TICK_S else 0)
            else:
                await asyncio.sleep(max(TICK_S, early_s))

    async def _renew(self) -> None:
        self._rate = self._pace.rate
        evenness = EVENNESS_OF_FEW if self._rate < EVENNESS_BELOW else EVENNESS
        rate = self._rate * evenness.average
        self._chunk = max(1, int(rate * CHUNK_S))
        self._exact = evenness.exact
        self._space_s = self._chunk / (evenness.spacing * self._rate)
        self._late_s = PUNCTUAL_S if evenness.exact else max(TICK_S / 2, LATE_S - self._space_s)
        bucket = self._chunk + rate * CATCH_UP_S
        self._limiter = AsyncLimiter(bucket, bucket / rate)
        await self._limiter.acquire(bucket - self._chunk)  # begin without a burst
