"""Makes jobs of the rows that wait in the inbox: when enough of them share one, or when the first has waited enough.

Rows stay in the inbox as long as their target has plenty to do. There a row waits once, however often it is asked for.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter

from engine.backlog import Rejected
from engine.backlog.inbox import Inbox
from engine.backlog.inbox_tables import Destination, Move, Want
from engine.daemon.log import Log
from engine.daemon.rows import kinds, rows
from engine.model import Account, Finished, Target
from engine.run import Run, Supply
from engine.settler import Ending

ROWS_AT_ONCE = 250  # in one transaction: whoever waits for the next one is not to wait long
AHEAD = 512  # jobs that may wait at a target, which an event for the same directory finds there
AHEAD_S = 1.0  # how long jobs of several rows may, which it does not find: their rows coalesce in the inbox only
LOOK_AGAIN_S = 0.1  # whether an account is prepared, and what is left alone goes on
REPORT = "serve"  # where rejected rows are kept


@dataclass(slots=True)
class Moved:
    """Since the process began."""

    rows: int = 0
    jobs: int = 0
    rejected: int = 0
    covered: int = 0  # jobs that waited already
    again: int = 0  # jobs under way, that are done once more when they end


class Mover(Supply):
    """Feeds one run after the other."""

    def __init__(self, inbox: Inbox, accounts: Sequence[Account], batch: int, linger_s: float, log: Log) -> None:
        self.linger_s = linger_s
        self.moved = Moved()
        self._inbox = inbox
        self._log = log
        self._batch = batch
        self._names: dict[str, list[str]] = {}
        for account in accounts:
            self._names.setdefault(account.cloud, []).append(account.name)
        self._targets: dict[Destination, Target] = {}
        self._blocked: dict[Destination, float] = {}  # have enough jobs at their target, by when to look again

    async def feed(self, run: Run) -> None:
        self._blocked.clear()
        while True:
            self._inbox.changed.clear()
            wants, wait_s = self._wants(run)
            if wants:
                await self._move(run, wants)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._inbox.changed.wait()

    @property
    def strangers(self) -> set[str]:
        """Accounts that rows wait for and the settings do not have any more."""
        return {_account(where) for where in self._inbox.heaps if where.kind in kinds() and self._strange(where)}

    def _strange(self, destination: Destination) -> bool:
        """Whether its account is unknown: it may come back, so its rows wait."""
        return _account(destination) not in self._names.get(kinds()[destination.kind].cloud.name, ())

    def ended(self, batch: Sequence[Ending]) -> None:
        """The targets of these jobs may need more."""
        targets = {ending.job.target for ending in batch if isinstance(ending, Finished)}
        for destination in [each for each in self._blocked if self._targets.get(each) in targets]:
            del self._blocked[destination]
            self._inbox.changed.set()

    def _wants(self, run: Run) -> tuple[list[Want], float | None]:
        """What is to be moved now, the longest waiting first; and when to look again, in seconds."""
        now = time.monotonic()
        soonest_s = math.inf
        due: list[tuple[float, Want]] = []  # with since when the first row waits
        opened = [destination for destination in self._inbox.heaps if not self._closed(run, destination)]
        if len(opened) < len(self._inbox.heaps):
            soonest_s = LOOK_AGAIN_S
        sharing = Counter([_account(destination) for destination in opened])
        for destination in opened:
            if (blocked_s := self._blocked.get(destination, now) - now) > 0:
                soonest_s = min(soonest_s, blocked_s)
                continue
            heap = self._inbox.heaps[destination]
            left_s = self.linger_s - (now - heap.since)
            limit = heap.rows
            if left_s > 0:
                limit = heap.rows // self._batch * self._batch if kinds()[destination.kind].batched else 0
            if limit:
                due.append((heap.since, self._want(run, destination, limit, sharing[_account(destination)])))
            else:
                soonest_s = min(soonest_s, left_s)
        wants: list[Want] = []
        for _, want in sorted(due, key=itemgetter(0)):
            if sum([each.limit for each in wants]) < ROWS_AT_ONCE:
                wants.append(want)
        return wants, None if soonest_s == math.inf else max(0.001, soonest_s)

    def _want(self, run: Run, destination: Destination, limit: int, sharing: int) -> Want:
        """Of that many rows, as many as the target needs now, where `sharing` targets share one lane's calls."""
        starter, target = run.starters[_account(destination)], self._targets.get(destination)
        ahead = AHEAD
        if kinds()[destination.kind].batched:
            ahead = min(AHEAD, math.ceil(starter.lane.pace.rate / sharing * AHEAD_S) + 1)
            limit = min(limit, ahead * self._batch)
        under_way = starter.queue(target).starting if target else 0
        return Want(destination, min(limit, self._most), target, ahead + under_way)

    @property
    def _most(self) -> int:
        """Rows of one destination at once: whole batches."""
        return max(1, ROWS_AT_ONCE // self._batch) * self._batch

    def _closed(self, run: Run, destination: Destination) -> bool:
        """Whether nothing can be done there for now."""
        kind = kinds().get(destination.kind)
        if kind is None:
            return True
        account = _account(destination)
        target = self._targets.get(destination)
        if account in run.stopped or account not in run.prepared or self._strange(destination):
            return True
        if kind.batched and run.starters[account].lane.held:
            return True
        return target is not None and run.starters[account].queue(target).closed is not None

    async def _move(self, run: Run, wants: Sequence[Want]) -> None:
        moves = []
        for want, waiting in zip(wants, await self._inbox.due(wants), strict=True):
            if not waiting:
                self._blocked[want.destination] = time.monotonic() + AHEAD_S  # if none ends, since all are put off
            else:
                moves.append(self._planned(want.destination, waiting))
        if not moves:
            return
        asked = await self._inbox.move(moves)
        self.moved.rows += sum([move.rows for move in moves])
        for rejected in [each for move in moves for each in move.rejected]:
            self.moved.rejected += 1
            self._log.event("rejected", row=rejected.text, why=rejected.reason)
        self.moved.jobs += len(asked.waiting)
        self.moved.covered += asked.covered
        self.moved.again += asked.again
        run.feed.wake(asked.waiting)

    def _planned(self, destination: Destination, waiting: Sequence[tuple[int, str]]) -> Move:
        cloud = kinds()[destination.kind].cloud
        numbers, values = zip(*waiting, strict=True)
        planned = cloud.plan(rows(destination, values), self._names.get(cloud.name, ()), self._batch)
        if planned.jobs:
            self._targets[destination] = planned.jobs[0].target
        rejected = [
            Rejected(
                REPORT, numbers[index], str(error), " ".join((destination.kind, *destination.fixed, values[index]))
            )
            for index, error in planned.rejected
        ]
        return Move(destination, numbers[-1], len(waiting), planned.jobs, rejected)


def _account(destination: Destination) -> str:
    return destination.fixed[kinds()[destination.kind].account]
