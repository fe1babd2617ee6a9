"""The time as a cloud has it. Signatures hold the time, and a cloud refuses what is a quarter of an hour off."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

LOG = logging.getLogger("syncmux.clock")

MOST_S = 24 * 3600.0  # no clock is off by more; what says so is not to be believed
EVERY_S = 3600.0


class ServerClock:
    """The local clock, set right by the cloud's answers: within a day, and at most once an hour."""

    def __init__(
        self, clock: Callable[[], float] = time.time, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.offset_s = 0.0  # how far the cloud's clock is ahead of ours
        self._clock = clock
        self._monotonic = monotonic
        self._not_before = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock() + self.offset_s

    def correct(self, date: str, signed_with_s: float, account: str) -> bool:
        """Take the time from an answer's Date. False if there is nothing to be gained by signing again.

        `signed_with_s` is the offset that the refused request was signed with: if it is another one by now, somebody
        who was refused at the same time has set the clock.
        """
        if self.offset_s != signed_with_s:
            return True
        if self._monotonic() < self._not_before:
            return False
        try:
            offset_s = parsedate_to_datetime(date).timestamp() - self._clock()
        except (TypeError, ValueError):
            return False
        if abs(offset_s) > MOST_S:
            LOG.warning("account %s: the cloud's clock is %+.0f s off ours, too far to be believed", account, offset_s)
            return False
        self.offset_s = offset_s
        self._not_before = self._monotonic() + EVERY_S
        LOG.warning(
            "account %s: the cloud's clock is %+.0f s off ours, and signatures carry its time from now on; "
            "set this machine's clock",
            account,
            offset_s,
        )
        return True
