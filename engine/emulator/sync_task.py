"""One sync task of Huawei Cloud OMS: its state and its counters."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

OBJECT_BYTES = 1024  # every object is taken to be this long
FIVE_MINUTES_MS = 300_000
ONE_HOUR_MS = 12 * FIVE_MINUTES_MS
MAX_POINTS = 1000  # that statistics reach back, and that they answer
COUNTED = {"REQUEST": "request", "SUCCESS": "success", "FAILURE": "failure", "SKIP": "skip", "SIZE": "size"}
_BATCH_S = 0.05  # arrivals within this time are copied together


@dataclass(slots=True)
class Counts:
    request: int = 0
    success: int = 0
    failure: int = 0
    skip: int = 0
    size: int = 0  # bytes

    def add(self, *, request: int = 0, success: int = 0) -> None:
        self.request += request
        self.success += success
        self.size += success * OBJECT_BYTES


@dataclass(slots=True)
class SyncTask:
    """`settings` is what the task was created with. No secret is among it."""

    sync_task_id: str
    project_id: str
    settings: dict[str, Any]
    create_time: int  # ms since the epoch, as the next one
    last_start_time: int
    status: str = "SYNCHRONIZING"
    months: dict[str, Counts] = field(default_factory=dict)
    points: dict[int, Counts] = field(default_factory=dict)  # start of five minutes, in ms -> counts
    _copying: deque[tuple[float, int]] = field(default_factory=deque)  # (when done, in s since the epoch; objects)

    def accept(self, objects: int, now: float, copy_s: float) -> None:
        """Objects are counted as accepted at once, and as copied `copy_s` later."""
        self.settle(now)
        self._count(now, request=objects)
        done = now + copy_s
        if self._copying and 0 <= done - self._copying[-1][0] < _BATCH_S:
            last, waiting = self._copying[-1]
            self._copying[-1] = (last, waiting + objects)
        else:
            self._copying.append((done, objects))

    def settle(self, now: float) -> None:
        """Counts what has been copied by now. Stopping a task does not lose what it accepted."""
        while self._copying and self._copying[0][0] <= now:
            done, objects = self._copying.popleft()
            self._count(done, success=objects)

    def month(self, epoch_ms: int) -> Counts:
        return self.months.get(_month(epoch_ms / 1000), Counts())

    def statistic(self, counted: str, start_ms: int, end_ms: int, step_ms: int) -> list[dict[str, int]]:
        """One of `COUNTED` per step, from `start_ms` to `end_ms`, without the steps in which nothing happened."""
        sums: dict[int, int] = {}
        for point, counts in sorted(self.points.items()):
            if start_ms // FIVE_MINUTES_MS * FIVE_MINUTES_MS <= point <= end_ms:
                step = point // step_ms * step_ms
                sums[step] = sums.get(step, 0) + getattr(counts, counted)
        return [{"time_stamp": step, "statistic_num": number} for step, number in sums.items() if number]

    def _count(self, at: float, *, request: int = 0, success: int = 0) -> None:
        point = int(at * 1000) // FIVE_MINUTES_MS * FIVE_MINUTES_MS
        for counts in (self.months.setdefault(_month(at), Counts()), self.points.setdefault(point, Counts())):
            counts.add(request=request, success=success)
        if len(self.points) > MAX_POINTS:
            del self.points[min(self.points)]


def statistic_step(start_ms: int, end_ms: int) -> tuple[str, int]:
    """The vendor chooses how fine statistics are; here five minutes as long as that makes no more than 1,000 points."""
    if (end_ms - start_ms) // FIVE_MINUTES_MS < MAX_POINTS:
        return "FIVE_MINUTES", FIVE_MINUTES_MS
    return "ONE_HOUR", ONE_HOUR_MS


def _month(epoch: float) -> str:
    """The vendor does not say in whose time zone a month begins; UTC here."""
    return time.strftime("%Y-%m", time.gmtime(epoch))
