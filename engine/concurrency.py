"""How many calls of a lane may be in flight: as many as it takes to keep a processor busy, and no more.

Where answers take long it has to be many. Where they come at once, more only wait for us, each with a connection, and
with memory that has left the processor's cache when its turn comes. So more is tried while the process has time left,
and kept if more calls came to their end by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

FIRST, MOST = 256, 1024
WINDOW_S = 0.5  # what is judged at once
IDLE, FULL = 0.90, 0.97  # of a processor's time, that the process takes: more may help; less would do
GROWTH, DECAY = 1.5, 0.95
PAYS = 1.03  # calls, of those before; less is noise
SETTLING = 1  # windows, after there was more: connections are made
PATIENCE, MOST_PATIENCE = 8, 128  # windows, after more did not pay; it doubles


class _Trial(NamedTuple):
    """What there was before more was tried."""

    bound: int
    rate: float


class Concurrency:
    """The bound of one lane. To be told whenever it is reached."""

    def __init__(self, fixed: int | None = None, *, cpu: Callable[[], float] = time.process_time) -> None:
        self._least, self._most = (fixed, fixed) if fixed else (FIRST, MOST)
        self.bound = self._least
        self._cpu = cpu
        self._began = self._cpu_began = float("-inf")
        self._calls = 0
        self._trial: _Trial | None = None
        self._wait = 0  # windows, until something is to be concluded
        self._patience = PATIENCE

    def reached(self, now: float, calls: int) -> None:
        """As many are in flight as may be, and one more is to go out. `now` is on any clock in seconds; `calls` is how
        many the lane has made."""
        lasted_s = now - self._began
        if lasted_s < WINDOW_S:
            return
        cpu = self._cpu()
        busy, rate = (cpu - self._cpu_began) / lasted_s, (calls - self._calls) / lasted_s
        self._began, self._cpu_began, self._calls = now, cpu, calls
        if lasted_s < 2 * WINDOW_S:  # else it was not reached for a while
            self._judge(busy, rate)

    def _judge(self, busy: float, rate: float) -> None:
        if self._wait:
            self._wait -= 1
        elif self._trial:
            if rate < PAYS * self._trial.rate:
                self.bound = self._trial.bound
                self._wait, self._patience = self._patience, min(MOST_PATIENCE, 2 * self._patience)
            else:
                self._patience = PATIENCE
            self._trial = None
        elif busy < IDLE and self.bound < self._most:
            self._trial, self._wait = _Trial(self.bound, rate), SETTLING
            self.bound = min(self._most, int(self.bound * GROWTH))
        elif busy > FULL:
            self.bound = max(self._least, int(self.bound * DECAY))
