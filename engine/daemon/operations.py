"""What goes on beside the daemon's own work: it is watched, and the service manager told how it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from engine.daemon.exposition import CONTENT_TYPE, exposition
from engine.daemon.guard import Guard
from engine.daemon.health import ailments, obstacles, warnings
from engine.daemon.http_head import Endpoint, Head, Response, json_response
from engine.daemon.lane_log import LaneLog
from engine.daemon.lane_switch import HeldLanes, LaneSwitch
from engine.daemon.metrics import metrics
from engine.daemon.monitor import Monitor, lanes
from engine.daemon.notify import Notifier
from engine.daemon.page import PAGE
from engine.daemon.status import status
from engine.daemon.view import View

if TYPE_CHECKING:
    from engine.daemon.daemon import Daemon

RENEW_S = 60.0  # between attempts at credentials that could not be renewed
TELL_S = 1.0  # between looks whether there is something to tell of lanes
BEAT_S = 5.0  # between words to the service manager, if its watchdog does not want them more often


class Operations:
    """What the daemon shows of itself, and takes from its operators."""

    def __init__(self, daemon: Daemon) -> None:
        self.notifier = Notifier()
        self.monitor = Monitor(daemon)
        self._daemon = daemon
        self._held = HeldLanes(daemon.engine, daemon.held)
        self._lane_log = LaneLog(daemon.log)

    async def recall(self) -> None:
        """Find what operators wanted before this process, before any lane is opened."""
        await self._held.recall(lane for lane, _ in lanes(self._daemon))

    async def watch(self) -> None:
        """Until cancelled. Raises BacklogError: nothing can be recorded any more."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.monitor.run())
            group.create_task(self._tell_of_lanes())
            group.create_task(self._beat())
            group.create_task(self._renew())

    def endpoints(self) -> Mapping[str, Endpoint]:
        """By path. Who may use them is looked up in the settings that are in force then."""
        guard = Guard(lambda: self._daemon.serve)
        switches = {
            f"/v1/lanes/{quote(lane.account, safe='')}/{lane.operation}/{word}": LaneSwitch(
                guard.operate, self._held, lane, hold=hold
            )
            for lane, starts in lanes(self._daemon)
            if starts  # the tasks of a lane that asks would come to their deadline unasked
            for word, hold in (("pause", True), ("resume", False))
        }
        return {
            "/": View(guard.anybody, lambda head: PAGE),
            "/livez": View(guard.anybody, self._live),
            "/readyz": View(guard.anybody, lambda head: self._ready(in_detail=not guard.read(head))),
            "/metrics": View(
                guard.read, lambda head: Response(200, exposition(metrics(self.monitor.observe())), CONTENT_TYPE)
            ),
            "/v1/status": View(guard.read, lambda head: json_response(200, status(self.monitor.observe()))),
            **switches,
        }

    def _live(self, head: Head) -> Response:
        alive = not any(ailments(self.monitor.observe()))
        return json_response(200 if alive else 503, {"alive": alive})

    def _ready(self, *, in_detail: bool) -> Response:
        seen = self.monitor.observe()
        found = list(obstacles(seen))
        details = {"obstacles": found, "warnings": list(warnings(seen))} if in_detail else {}
        return json_response(503 if found else 200, {"ready": not found, **details})

    async def _tell_of_lanes(self) -> None:
        try:
            while True:
                await asyncio.sleep(TELL_S)
                self._lane_log.tell(self.monitor.lanes())
        finally:
            self._lane_log.tell(self.monitor.lanes(), last=True)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            await self._daemon.engine.renew()

    async def _beat(self) -> None:
        """Feed the watchdog, but only while all is well: then it starts the daemon anew."""
        notifier = self.notifier
        every_s = min(BEAT_S, notifier.watchdog_s / 3) if notifier.watchdog_s else BEAT_S
        while True:
            seen = self.monitor.observe()
            ailment = next(ailments(seen), "")
            in_flight = sum([each.in_flight for each in seen.lanes])
            if ailment:
                notifier.status(ailment.replace("\n", " "))
            else:
                notifier.alive(
                    f"{seen.inbox.rows:,} rows wait, {in_flight:,} calls in flight, {seen.tasks:,} tasks run"
                )
            await asyncio.sleep(every_s)
