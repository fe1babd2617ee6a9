"""How many calls of a lane may be in flight: as many as it takes to keep the event loop's thread busy, and no more.

Where answers take long it has to be many. Where they come at once, more only wait for us, each with a connection, and
with memory that has left the processor's cache when its turn comes. So more is tried while the thread has time left,
and kept if more calls are answered by it.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

FIRST, MOST = 256, 1024
FILES_SHARE = 0.5  # of those that may be open, at most; each call in flight is one
WINDOW_S = 0.5  # what is judged at once, at least
STALE_S = 10.0  # a window in which the bound was not reached for a while says nothing
IDLE, FULL = 0.90, 0.97  # of the time, that the thread has something to do: more may help; less would do
GROWTH, DECAY = 1.5, 0.95
PAYS = 1.03  # answers, of those before; less is noise
SETTLING = 1  # windows, after there was more: connections are made
PATIENCE, MOST_PATIENCE = 8, 128  # windows, after more did not pay; it doubles

_SCHEDSTAT = Path("/proc/thread-self/schedstat")


class _Trial(NamedTuple):
    """What there was before more was tried."""

    bound: int
    rate: float


class Concurrency:
    """The bound of one lane. To be told whenever it is reached, in the thread of the event loop."""

    def __init__(self, fixed: int | None = None, *, busy_s: Callable[[], float] | None = None) -> None:
        """`busy_s` tells how long the thread has had something to do."""
        self._least, self._most = _bounds() if fixed is None else (fixed, fixed)
        self.bound = self._least
        self._busy_s = busy_s or _busy_s
        self._began = self._busy_began = float("-inf")
        self._answers = 0
        self._trial: _Trial | None = None
        self._wait = 0  # windows, until something is to be concluded
        self._patience = PATIENCE

    def reached(self, now: float, answers: int) -> None:
        """As many are in flight as may be, and one more is to go out. `now` is on any clock in seconds; `answers` is
        how many calls of the lane were answered."""
        lasted_s = now - self._began
        if lasted_s < WINDOW_S:
            return
        busy_s = self._busy_s()
        busy, rate = (busy_s - self._busy_began) / lasted_s, (answers - self._answers) / lasted_s
        self._began, self._busy_began, self._answers = now, busy_s, answers
        if lasted_s < STALE_S:
            self._judge(busy, rate)
        elif self._trial:
            self.bound, self._trial, self._wait = self._trial.bound, None, 0

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


def _bounds() -> tuple[int, int]:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST if files == resource.RLIM_INFINITY else max(1, min(MOST, int(FILES_SHARE * files)))
    return min(FIRST, most), most


def _busy_s() -> float:
    """How long this thread ran, or stood in line for a processor, as far as the system tells of that."""
    try:
        ran_ns, waited_ns, _ = map(int, _SCHEDSTAT.read_bytes().split())
    except OSError:
        return time.thread_time()
    return (ran_ns + waited_ns) / 1e9
