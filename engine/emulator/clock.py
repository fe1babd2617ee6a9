"""The time that the emulated clouds believe it is."""

from __future__ import annotations

import time
from email.utils import formatdate


class Clock:
    """Wall time for signatures and time stamps, which `skew_s` shifts, and a monotonic one for durations."""

    def __init__(self) -> None:
        self.skew_s = 0.0
        self._http_date = (0, "")

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.skew_s

    def elapsed(self) -> float:
        """Monotonic seconds. On Linux the same for every process of the machine."""
        return time.monotonic()

    def http_date(self) -> str:
        second = int(self.now())
        if second != self._http_date[0]:
            self._http_date = (second, formatdate(second, usegmt=True))
        return self._http_date[1]
