"""A lane: leave to send, at the rate and in the numbers that one quota bears."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from engine.concurrency import Concurrency
from engine.errors import BusyError, CallError, ThrottledError
from engine.model import Lane
from engine.pace import Pace
from engine.permits import Permits
from engine.retry import MAX_HINT_S, Backoff, reaction

SPENT_AFTER = 8  # refusals in a row that say the quota is spent, so that a hint to wait is for the whole lane
SICK_AFTER = 10  # failures in a row that say the cloud is in trouble, not the call

Value = TypeVar("Value")


@dataclass(slots=True)
class Durations:
    """How long calls took: how many no longer than each bound, and longer than the one before it."""

    BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

    numbers: list[int] = field(default_factory=lambda: [0] * (len(Durations.BOUNDS_S) + 1))  # last: above all bounds
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        self.numbers[bisect_left(self.BOUNDS_S, seconds)] += 1
        self.total_s += seconds


@dataclass(slots=True)
class Count:
    """What a lane has done, for reports and metrics."""

    calls: int = 0
    answered: int = 0  # calls with a valid answer, whether success or refusal
    failed: int = 0
    throttled: int = 0
    busy: int = 0  # of those answered
    refused: int = 0  # of those answered, for another reason
    told: int = 0  # tasks of ours that its answers told of
    durations: Durations = field(default_factory=Durations)

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Every call that has ended, once."""
        return {
            "answered": self.answered - self.refused - self.busy,
            "refused": self.refused,
            "busy": self.busy,
            "throttled": self.throttled,
            "failed": self.failed,
        }


class Health:
    """Whether the cloud behind a lane is in trouble, by its failures in a row.

    While it is, one call at a time goes out to see, after ever longer pauses, and failures count against no job.
    """

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._failures = 0
        self._probes = 0
        self.sick_since: float | None = None
        self.last_error: CallError | None = None

    @property
    def sick(self) -> bool:
        return self.sick_since is not None

    def sick_for_s(self, now: float) -> float:
        return 0.0 if self.sick_since is None else now - self.sick_since

    def answered(self) -> None:
        self._failures = self._probes = 0
        self.sick_since = self.last_error = None

    def failed(self, error: CallError, now: float, chance: float) -> float:
        """Take a failure in; returns how many seconds the lane should pause."""
        self.last_error = error
        self._failures += 1
        if self._failures < SICK_AFTER:
            return 0.0
        if self.sick_since is None:
            self.sick_since = now
        self._probes += 1
        return self._backoff.base_s + self._backoff.delay_s(self._probes, chance)


class LaneControl:
    """Who may send in a lane, and when. `enter` before a call, `leave` after it."""

    def __init__(
        self,
        lane: Lane,
        pace: Pace,
        concurrency: int | None,
        *,
        backoff_s: float,
        random: Callable[[], float],
        accepted: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`concurrency` is how many calls may be in flight; None: as many as help.

        While the account is not `accepted`, one call at a time goes out: Huawei locks a key after a few refusals."""
        self.lane = lane
        self.pace = pace
        self.count = Count()
        self.health = Health(Backoff(backoff_s))
        self.last_trouble = ""  # of a call that failed or came too fast, however many were answered since
        self.in_flight = 0
        self.closed = False  # what is under way goes on to its end
        self.held = False  # until `release`
        self._concurrency = Concurrency(concurrency)
        self._permits = Permits(pace)
        self._random = random
        self._accepted = accepted
        self._clock = clock
        self._paused_until = 0.0
        self._refusals = 0  # as too fast, in a row
        self._left: asyncio.Event = asyncio.Event()

    @property
    def paused_until(self) -> float:
        """On the monotonic clock."""
        return self._paused_until

    @property
    def shut(self) -> bool:
        return self.closed or self.held

    @property
    def _probing(self) -> bool:
        return self.health.sick or not self._accepted()

    @property
    def _has_room(self) -> bool:
        return not self.shut and self.in_flight < (1 if self._probing else self._concurrency.bound)

    @property
    def sick_for_s(self) -> float:
        """How long the cloud has been in trouble."""
        return self.health.sick_for_s(self._clock())

    async def enter(self) -> None:
        """Wait for room and a permit. For one caller at a time. A lane that is closed or held lets nobody in."""
        while not self.try_enter():
            if not self._has_room:
                if not (self._probing or self.shut):
                    self._concurrency.reached(self._clock(), self.count.answered)
                self._left.clear()
                await self._left.wait()
            elif (pause_s := self._paused_until - self._clock()) > 0:
                self._permits.forfeit()
                await asyncio.sleep(max(0.001, pause_s))
            else:
                await self._permits.buy()

    def try_enter(self) -> bool:
        """`enter`, if that needs no waiting."""
        if not self._has_room or self._paused_until > self._clock() or not self._permits.take():
            return False
        self.in_flight += 1
        return True

    def leave(self, number: int = 1) -> None:
        """Make room again, once the outcomes of the calls are recorded."""
        self.in_flight -= number
        self._left.set()

    async def timed(self, call: Awaitable[Value]) -> Value:
        """Make a call, counted with how long it takes."""
        self.count.calls += 1
        began = self._clock()
        try:
            return await call
        finally:
            self.count.durations.add(self._clock() - began)

    def answered(self) -> None:
        """A call got a valid answer."""
        self.count.answered += 1
        self._refusals = 0
        self.health.answered()
        self.pace.answered(self._clock())

    def failed(self, error: CallError) -> bool:
        """Take in what a failed call says of the lane; returns whether the failure may be the call's own."""
        now = self._clock()
        if isinstance(error, ThrottledError):
            self.count.throttled += 1
            self.last_trouble = str(error)
            self._refusals += 1
            self.health.answered()
            self.pace.throttled(now, error.limit_per_s)
            if error.retry_after_s and self._refusals >= SPENT_AFTER:
                self.pause(min(error.retry_after_s, MAX_HINT_S))
            return False
        if not reaction(error).sick:
            self.answered()
            if isinstance(error, BusyError):
                self.count.busy += 1
            else:
                self.count.refused += 1
            return True
        self.count.failed += 1
        self.last_trouble = str(error)
        pause_s = self.health.failed(error, now, self._random())
        if error.retry_after_s:
            pause_s = max(pause_s, min(error.retry_after_s, MAX_HINT_S))
        if pause_s:
            self.pause(pause_s)
        return not self.health.sick

    def hold(self) -> None:
        """Let nobody in, as somebody wants it."""
        self.held = True

    def release(self) -> None:
        """Go on after `hold`."""
        self.held = False
        self._go_on()

    def open(self) -> None:
        """Go on after the lane was closed."""
        self.closed = False
        self._go_on()

    def pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _go_on(self) -> None:
        self._permits.forfeit()  # what was in hand would come as a burst
        self._left.set()
