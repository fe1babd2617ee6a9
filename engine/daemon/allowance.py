"""How often a sender may come."""

from __future__ import annotations

import time
from collections.abc import Callable

AT_ONCE_S = 1.0  # worth of the rate that may come at once


class Allowance:
    """Evenly, in the long run (the generic cell rate algorithm, ITU-T I.371)."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate` is in requests/s; 0 allows everything."""
        self._each_s = 1 / rate if rate else 0.0
        self._ahead_s = max(AT_ONCE_S, self._each_s)
        self._clock = clock
        self._next_at = 0.0  # when, at the rate, the next one is due

    def take(self) -> float:
        """Take one; returns 0, or in how many seconds one may be taken."""
        now = self._clock()
        next_at = max(self._next_at, now) + self._each_s
        too_soon_s = next_at - now - self._ahead_s
        if too_soon_s > 1e-6:  # what floats lose in adding up
            return too_soon_s
        self._next_at = next_at
        return 0.0
