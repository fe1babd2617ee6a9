"""The targets of one lane: which job may start next.

Each target has its own short queue of claimed jobs and its own room, and the lane serves them in turn, so that a busy
gateway or one with a million jobs never holds up the others. Pure: the moment is given.
"""

from __future__ import annotations

from collections import deque

from engine.errors import ForbiddenError, TargetError
from engine.model import Job, Target
from engine.polling import Watch

HOLD_BASE_S = 1.0
HOLD_CAP_S = 60.0
FIRST_PATIENCE = 2  # starts before more is tried
LAST_PATIENCE = 64  # so that hardly two calls in a hundred are refused where there is never more room


class Room:
    """How many starts a target bears at once: any number, until it says that it is busy. On trial it is one.

    A cloud that runs one operation at a time per gateway says so by refusing the second. What it bore becomes the
    bound. Twice that is tried after a few more starts, and ever more rarely while it keeps being refused; but once it
    is not, there is room again, and twice as much is tried as soon as all of that was used.
    """

    def __init__(self) -> None:
        self._bound: int | None = None
        self._held_until = 0.0
        self._refusals = 0  # in a row, with nothing of ours running
        self._borne = 0  # starts since the bound was set
        self._patience = FIRST_PATIENCE
        self._trying = False
        self._on_trial = True

    def admits(self, starting: int, running: int, now: float) -> bool:
        """Whether there is room for one more start, with so many under way and so many operations running, these
        included."""
        if self._on_trial and starting:
            return False
        return now >= self._held_until and (self._bound is None or running < self._bound)

    def try_out(self) -> None:
        """Bear one start at a time, until one has shown that the target is of use."""
        self._on_trial = True

    def trust(self) -> None:
        """End the trial: what went wrong, if anything did, says nothing of other jobs."""
        self._on_trial = False

    @property
    def bounded(self) -> bool:
        return self._bound is not None

    @property
    def held_until(self) -> float:
        return self._held_until

    def refused(self, running: int, now: float) -> None:
        """The target was busy, with `running` of our own operations on it."""
        self.trust()
        if self._trying:
            self._patience = min(LAST_PATIENCE, self._patience * 2)
            self._trying = False
        self._bound = max(1, running)
        self._borne = 0
        if running == 0:  # somebody else's operation: nothing of ours will end and tell us
            self._held_until = now + min(HOLD_CAP_S, HOLD_BASE_S * 2.0 ** min(self._refusals, 10))
            self._refusals += 1

    def bore(self) -> None:
        """The target took a start."""
        self._refusals = 0
        self.trust()
        if self._bound is None:
            return
        self._borne += 1
        if self._borne >= (min(self._bound, self._patience) if self._trying else self._patience):
            self._bound *= 2
            self._borne = 0
            self._trying = True


class TargetQueue:
    """One target: its claimed jobs, its running starts and its running tasks."""

    def __init__(self, target: Target, watch: Watch) -> None:
        self.target = target
        self.watch = watch
        self.room = Room()
        self.claimed: deque[Job] = deque()
        self.starting = 0
        self.ending = 0  # tasks that ended, whose outcome is being recorded
        self.waits_until: float | None = 0.0  # when the backlog has a due job for it; None: it has none
        self.claiming = False
        self.woken = False  # jobs came while a claim was under way
        self.ready = False  # stands in the lane's line of targets that may start a job
        self.low = 0  # when no more jobs than this are claimed, more are
        self.closed: TargetError | ForbiddenError | None = None  # why no job for it can succeed, now at least

    @property
    def running(self) -> int:
        return self.starting + len(self.watch)

    @property
    def more(self) -> bool:
        """Whether jobs are still to be started here."""
        return bool(self.claimed) or self.claiming or self.waits_until is not None

    @property
    def busy(self) -> bool:
        return bool(self.running or self.ending)

    @property
    def idle(self) -> bool:
        return not self.more and not self.busy
