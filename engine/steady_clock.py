"""The time of day, as a clock that work may wait for."""

from __future__ import annotations

import time


class SteadyClock:
    """Seconds since the epoch. It never runs back, and never stands still.

    The wall clock does, when somebody or NTP sets it back: what is due at a moment that has been would wait until that
    moment comes once more, which may take hours. Here the monotonic clock goes on from where the wall clock was. A step
    forward is followed, as after a machine has slept: what was put down a while ago is as old as it seems.
    """

    def __init__(self) -> None:
        self._ahead_s = time.time() - time.monotonic()  # of the monotonic clock

    def __call__(self) -> float:
        # In this order: whoever is interrupted between the two readings finds too little, which changes nothing.
        wall, monotonic = time.time(), time.monotonic()
        self._ahead_s = max(self._ahead_s, wall - monotonic)
        return self._ahead_s + monotonic
