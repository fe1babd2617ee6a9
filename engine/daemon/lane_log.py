"""What the log says of lanes whose calls fail or come too fast, with the ids that the cloud's support asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from engine.daemon.log import Log
from engine.daemon.observation import LaneView
from engine.lanes import Count
from engine.model import Lane

EVERY_S = 60.0  # between lines of a lane that goes on
EARNEST = 0.05  # share of calls that are refused as too fast; fewer are how a lane finds its rate


@dataclass(slots=True)
class _Told:
    """Up to when the log has told of a lane."""

    until: float
    count: Count = field(default_factory=Count)  # then
    sick_since: float | None = None
    error: str = ""  # the last one, while it is sick
    trouble: str = ""  # the last one: another run, which knows of none yet, counts on


class LaneLog:
    """Tells at once when a lane gets nowhere, and when it goes on; of calls that fail in between, once a minute."""

    def __init__(self, log: Log, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._told: dict[Lane, _Told] = {}

    def tell(self, lanes: Iterable[LaneView], *, last: bool = False) -> None:
        """To be called every second or so. `last`: what there is to tell cannot wait."""
        now = self._clock()
        for each in lanes:
            told = self._told.setdefault(each.lane, _Told(now))
            told.trouble = each.last_trouble or told.trouble
            if each.sick_s or told.sick_since is not None:
                self._tell_of_outage(each, told, now)
            elif last or now - told.until >= EVERY_S:
                self._tell_of_calls(each, told, now)
            else:
                continue
            told.until, told.count = now, each.count

    def _tell_of_outage(self, lane: LaneView, told: _Told, now: float) -> None:
        if told.sick_since is None:
            told.sick_since = now - lane.sick_s
            self._log.event("lane_sick", lane=str(lane.lane), error=lane.last_error)
        elif not lane.sick_s and _answers(lane.count) > _answers(told.count):  # else another run has begun
            sick_s = round(now - told.sick_since, 1)
            self._log.event("lane_well", lane=str(lane.lane), sick_s=sick_s, error=told.error)
            told.sick_since = None
        told.error = lane.last_error or told.error

    def _tell_of_calls(self, lane: LaneView, told: _Told, now: float) -> None:
        calls, failed, throttled = (
            getattr(lane.count, name) - getattr(told.count, name) for name in ("calls", "failed", "throttled")
        )
        if failed or (throttled and throttled >= EARNEST * calls):
            self._log.event(
                "lane_troubled",
                lane=str(lane.lane),
                in_s=round(now - told.until, 1),
                calls=calls,
                failed=failed,
                throttled=throttled,
                error=told.trouble,
            )


def _answers(count: Count) -> int:
    """Which show that the cloud is there."""
    return count.answered + count.throttled
