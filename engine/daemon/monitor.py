"""Watches the daemon from inside: is the event loop late, does the backlog answer, what did the lanes do."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from engine.clouds import clouds
from engine.daemon.observation import BacklogView, InboxView, LaneView, Observation, ProcessView, ServerView
from engine.errors import NoSpaceError
from engine.lanes import Count, Durations
from engine.model import Lane, State
from engine.run import Run

if TYPE_CHECKING:
    from engine.daemon.daemon import Daemon

LAG_EVERY_S = 0.25
LAG_OVER_S = 10.0  # how far back the worst lateness is looked for
LOOK_EVERY_S = 1.0  # at the backlog

_STATM, _FILES = Path("/proc/self/statm"), Path("/proc/self/fd")


class Monitor:
    """`run` it beside the daemon. `observe` costs no call and no look into the backlog, however often it is asked."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._lags = deque([0.0], maxlen=int(LAG_OVER_S / LAG_EVERY_S))
        self._backlog = BacklogView(time.monotonic())
        self._version = version("syncmux")
        self._run: Run | None = None  # whose counts are not among those of earlier ones
        self._earlier: dict[Lane, Count] = {}

    async def run(self) -> None:
        """Until cancelled. Raises BacklogError: nothing can be recorded any more."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._measure_lag())
            group.create_task(self._look_at_backlog())

    async def _measure_lag(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(LAG_EVERY_S)
            self._lags.append(max(0.0, time.monotonic() - began - LAG_EVERY_S))
            self._notice_run()

    async def _look_at_backlog(self) -> None:
        backlog, log = self._daemon.engine.backlog, self._daemon.log
        told = False  # that the disk is full, or nearly
        while True:
            gone = backlog.gone
            await self.look()
            with suppress(NoSpaceError):
                await backlog.find_files()
            if backlog.gone and not gone:
                log.event("backlog_gone", error=backlog.gone)
            elif gone and not backlog.gone:
                log.event("backlog_back")
            if (full := backlog.no_space or backlog.low_space) and not told:
                told = True
                log.event("no_space", error=full)
            if backlog.no_space:  # and while we say so, nobody else may try
                with suppress(NoSpaceError):
                    await backlog.find_space()
                    self._daemon.go_on.set()
            if told and not (backlog.no_space or backlog.low_space):
                told = False
                log.event("space_again")
            with suppress(NoSpaceError):
                await self._daemon.upkeep.make_room()
            await asyncio.sleep(LOOK_EVERY_S)  # for what was given back to be cut off: nothing may be written meanwhile

    async def look(self) -> None:
        """See how the backlog stands now. Raises BacklogError."""
        overview = self._backlog.overview
        with suppress(NoSpaceError):  # of others, whose writing went into the same transaction: an answer as well
            overview = await self._daemon.engine.backlog.overview()
        self._backlog = BacklogView(time.monotonic(), overview)

    @property
    def waiting(self) -> dict[str, int]:
        """What is still to be begun, for the log: of the backlog, as it was seen last."""
        tally = self._backlog.overview.tally if self._backlog.overview else {}
        waiting = [states[State.WAITING] for states in tally.values() if State.WAITING in states]
        return {
            "inbox_rows": self._daemon.inbox.rows,
            "backlog_jobs": sum([count.jobs for count in waiting]),
            "backlog_rows": sum([count.rows for count in waiting]),
        }

    def observe(self) -> Observation:
        self._notice_run()
        daemon, inbox, server, run = self._daemon, self._daemon.inbox, self._daemon.server, self._run
        unrenewed = dict(daemon.engine.unrenewed)
        for source in daemon.sources:
            unrenewed |= source.unrenewed
        return Observation(
            at=daemon.engine.backlog.clock(),
            monotonic=time.monotonic(),
            began_at=daemon.began_at,
            version=self._version,
            draining=daemon.draining,
            reloads=daemon.reloads,
            reload_error=daemon.reload_error,
            lag_s=max(self._lags),
            left_alone=run.left_alone if run else (),
            preparing=run.preparing if run else (),
            unrenewed=unrenewed,
            strangers=daemon.mover.strangers,
            lanes=self.lanes(),
            tasks=sum([starter.tasks for starter in run.starters.values()]) if run else 0,
            inbox=InboxView(
                inbox.rows, inbox.max_rows, inbox.full,
                [(where, heap.rows, heap.oldest_at) for where, heap in inbox.heaps.items()],
            ),
            server=ServerView(
                str(server.bind), [listener.name for listener in daemon.serve.listeners], server.answers,
                server.connections, server.refused,
            ),
            backlog=self._backlog,
            no_space=daemon.engine.backlog.no_space or daemon.engine.backlog.low_space,
            gone=daemon.engine.backlog.gone,
            process=_process(),
            senders=daemon.intake.counts,
            sources={source.name: source.trouble for source in daemon.sources},
            unsubscribed=[
                (listener.name, topic)
                for listener in daemon.serve.listeners
                for topic in sorted(listener.topics)
                if (listener.name, topic) in daemon.subscriptions.ended
            ],
            moved=daemon.mover.moved,
            outcomes=daemon.outcomes.rows,
            streaks=daemon.outcomes.streaks,
        )  # fmt: skip

    def _notice_run(self) -> None:
        """A run's lanes count from nought: what those of the one before it counted is added to what was before."""
        if self._daemon.engine.current is self._run:
            return
        for control in self._run.lanes if self._run else ():
            self._earlier[control.lane] = _sum(self._earlier.get(control.lane, Count()), control.count)
        self._run = self._daemon.engine.current

    def lanes(self) -> list[LaneView]:
        """Those of all accounts, also while no run has opened them."""
        self._notice_run()
        return list(self._lanes())

    def _lanes(self) -> Iterator[LaneView]:
        run, now = self._run, time.monotonic()
        open_lanes = {control.lane: control for control in run.lanes} if run else {}
        for lane, starts in lanes(self._daemon):
            count = self._earlier.get(lane, Count())
            held = str(lane) in self._daemon.engine.options.held
            control = open_lanes.get(lane)
            if control is None:
                yield LaneView(lane, starts, count, held=held)
                continue
            error = control.health.last_error
            yield LaneView(
                lane, starts, _sum(count, control.count), control.pace.rate, control.in_flight, held,
                control.sick_for_s, max(0.0, control.paused_until - now), str(error) if error else "",
                control.last_trouble,
            )  # fmt: skip


def lanes(daemon: Daemon) -> Iterator[tuple[Lane, bool]]:
    """All that the accounts can have, and whether their calls start work."""
    for account in daemon.engine.accounts:
        cloud = clouds()[account.cloud]
        yield Lane(cloud.name, account.name, cloud.start_operation), True
        if cloud.poll_operation:
            yield Lane(cloud.name, account.name, cloud.poll_operation), False


def _sum(one: Count, other: Count) -> Count:
    numbers = {f.name: getattr(one, f.name) + getattr(other, f.name) for f in fields(Count) if f.name != "durations"}
    durations = Durations(
        [a + b for a, b in zip(one.durations.numbers, other.durations.numbers, strict=True)],
        one.durations.total_s + other.durations.total_s,
    )
    return Count(**numbers, durations=durations)


def _process() -> ProcessView:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = usage.ru_utime + usage.ru_stime
    coroutines, blocks = len(asyncio.all_tasks()), sys.getallocatedblocks()
    try:
        pages, files = int(_STATM.read_text().split()[1]), sum(1 for _ in _FILES.iterdir())
    except OSError:  # no Linux, or no file more can be opened
        return ProcessView(cpu_s=cpu_s, coroutines=coroutines, blocks=blocks)
    return ProcessView(pages * os.sysconf("SC_PAGE_SIZE"), files, cpu_s, coroutines, blocks)
