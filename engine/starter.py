"""Starts the jobs of one lane: claims them, waits for leave to send, and makes one call each."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from engine.backlog import Backlog
from engine.client import Client
from engine.closures import Closures
from engine.clouds import Cloud
from engine.denials import Denials
from engine.errors import CallError
from engine.judge import Judge
from engine.lanes import LaneControl
from engine.model import Again, Finished, Job, Settlement, Split, Started, State, Target
from engine.poller import Poller
from engine.polling import Typical, Watch
from engine.retry import Limits, reaction
from engine.settler import Settler
from engine.targets import TargetQueue


class _NothingHeld:
    def settled(self, settlement: Settlement) -> None:
        """The job was settled without a call."""


NOTHING_HELD = _NothingHeld()


class Starter:
    """The pump of one lane. One coroutine claims ahead of another that sends."""

    def __init__(
        self,
        cloud: Cloud,
        account: str,
        lane: LaneControl,
        backlog: Backlog,
        client: Client,
        settler: Settler,
        poller: Poller | None,
        limits: Limits,
        stop: Callable[[str, CallError], None],
        noticed: asyncio.Event,
    ) -> None:
        """`poller` is None if tasks are not waited for; `stop` ends the work of an account; `noticed` is set when the
        lane may have come to the end of its work."""
        if poller:
            poller.opener = self
        self.lane = lane
        self._cloud = cloud
        self._account = account
        self._backlog = backlog
        self._client = client
        self._settler = settler
        self._poller = poller
        self._limits = limits
        self._noticed = noticed
        self._clock = backlog.clock
        self._judge = Judge(cloud, account, lane, client, limits, stop, backlog.clock)
        self._typical = Typical()
        self._queues: dict[Target, TargetQueue] = {}
        self._hungry: dict[TargetQueue, None] = {}  # in order; to be claimed for
        self._ready: deque[TargetQueue] = deque()  # may have a job to start
        self._fed = asyncio.Event()
        self._roused = asyncio.Event()
        self.closures = Closures(limits.again_s or 0.0, self._judge.look_again, self._opened)
        self.denials = Denials()
        self._group: asyncio.TaskGroup

    @property
    def idle(self) -> bool:
        """Whether every job of the lane has come to its end, or to where only another run can take it further."""
        if self.lane.in_flight:
            return False
        return self.lane.closed or all(
            not queue.busy if queue in self.closures or queue in self.denials else queue.idle
            for queue in self._queues.values()
        )

    @property
    def tasks(self) -> int:
        """How many run."""
        return sum(len(queue.watch) for queue in self._queues.values())

    def open(self) -> None:
        """Go on after the lane was closed."""
        self.lane.open()
        self._fed.set()

    def take_up(self, target: Target, started: Sequence[Job]) -> None:
        """Go on with a target of an earlier run, whose tasks may still run."""
        queue = self.queue(target)
        for job in started:
            queue.watch.add(job, self._clock())
            queue.room.trust()
        self.wake(queue)

    def queue(self, target: Target) -> TargetQueue:
        known = self._queues.get(target)
        if known is None:
            watch = Watch(self._typical, self._cloud.page_size)
            known = self._queues[target] = TargetQueue(target, watch)
        return known

    def wake(self, queue: TargetQueue, due: float = 0.0) -> None:
        """The backlog has a job for the target, due then."""
        queue.waits_until = due if queue.waits_until is None else min(due, queue.waits_until)
        queue.woken = True  # a claim under way may not have seen it
        self._feed(queue)

    def freed(self, queue: TargetQueue) -> None:
        """Something that kept the target from starting jobs may be over."""
        if queue.claimed and not queue.ready:
            queue.ready = True
            self._ready.append(queue)
            self._roused.set()

    def heed(self, queue: TargetQueue) -> None:
        """Leave a target alone at which no job can succeed, or fail what waits for it if it is given up: no calls."""
        if queue.closed and self._limits.again_s is not None:
            self.closures.begin(queue, self._group)
            return
        if self.denials.hold(queue):
            return
        while queue.closed and queue.claimed:
            job = queue.claimed.popleft()
            self._settler.settle(Finished(job, State.FAILED, str(queue.closed), queue.closed.code), NOTHING_HELD)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as self._group:
            self._group.create_task(self._claim_ahead())
            await self._pump()

    async def _claim_ahead(self) -> None:
        while True:
            await self._fed.wait()
            self._fed.clear()
            if self.lane.closed:
                continue
            hungry: list[TargetQueue] = []
            for queue in self._hungry:
                queue.claiming, queue.woken = True, False
                if self._judge.has_inspected(queue):
                    hungry.append(queue)
                else:
                    self._group.create_task(self._begin(queue))
            self._hungry = {}
            if not hungry:
                continue
            each = max(8, self._limits.prefetch // max(1, len(self._queues)))
            claims = await self._backlog.claim([(queue.target, each) for queue in hungry], self._clock())
            for queue, claim in zip(hungry, claims, strict=True):
                queue.claiming = False
                queue.claimed.extend(claim.jobs)
                queue.waits_until = 0.0 if queue.woken else claim.next_due
                queue.low = each // 2
                self._after_claim(queue)

    async def _begin(self, queue: TargetQueue) -> None:
        """Have a target's first jobs claimed once it was inspected; meanwhile the others go on."""
        await self._judge.inspect(queue)
        queue.claiming = False
        self._feed(queue)

    def _after_claim(self, queue: TargetQueue) -> None:
        self.heed(queue)
        self.freed(queue)
        self._feed(queue)
        if self._poller:
            self._poller.schedule(queue)  # whether more is to come decides when a poll is worth it
        self._noticed.set()

    def _feed(self, queue: TargetQueue) -> None:
        """Have jobs claimed for a queue that runs low, at once or when the next one is due."""
        if queue.waits_until is None or queue.claiming or len(queue.claimed) > queue.low:
            return
        wait_s = queue.waits_until - self._clock()
        if wait_s <= 0:
            self._hungry[queue] = None
            self._fed.set()
        else:
            asyncio.get_running_loop().call_later(max(0.002, wait_s), self._feed, queue)

    async def _pump(self) -> None:
        while True:
            while not self._ready:
                self._roused.clear()
                await self._roused.wait()
            if not self.lane.try_enter():
                await self.lane.enter()
            queue = self._next()
            if queue is None:
                self.lane.leave()
                continue
            job = queue.claimed.popleft()
            self._backlog.begin(job)
            queue.starting += 1
            self._feed(queue)
            self.freed(queue)
            self._group.create_task(self._start(queue, job))

    def _next(self) -> TargetQueue | None:
        now = self._clock()
        while self._ready:
            queue = self._ready.popleft()
            queue.ready = False
            if queue.claimed and not queue.closed and queue.room.admits(queue.starting, queue.running, now):
                return queue
        return None

    async def _start(self, queue: TargetQueue, job: Job) -> None:
        call = self._cloud.start(job, self._client.account(self._account))
        try:
            task = await self.lane.timed(self._client.call(self._account, call, self._cloud.started))
        except CallError as error:
            how = reaction(error)
            if how.stops == "job" or how.counted:  # others need not wait for what the judge finds out about this one
                queue.room.trust()
                self.freed(queue)
            settlement = await self._judge.verdict(queue, job, error)
            self.heed(queue)
        else:
            for denied in self.denials.allow():
                self._after_claim(denied)
            self.lane.answered()
            queue.room.bore()
            if task and self._poller:
                settlement = Started(job, task, self._clock())
            else:
                settlement = Finished(job, State.ACCEPTED, task=task)
        self._settler.settle(settlement, self)

    def settled(self, settlement: Settlement) -> None:
        queue = self.queue(settlement.job.target)
        queue.starting -= 1
        self.lane.leave()
        match settlement:
            case Started(job, task, at):
                job.task, job.started_at = task, at
                queue.watch.add(job)
                if self._poller:
                    self._poller.schedule(queue)
            case Again(_, due):
                self.wake(queue, due)
                self._wait_until_held_no_more(queue)
            case Split():
                self.wake(queue)
        self.freed(queue)

    def _wait_until_held_no_more(self, queue: TargetQueue) -> None:
        if (held_s := queue.room.held_until - self._clock()) <= 0:
            self.freed(queue)
        else:  # timers may come early, which only another look tells
            asyncio.get_running_loop().call_later(max(0.002, held_s), self._wait_until_held_no_more, queue)

    def _opened(self, queue: TargetQueue) -> None:
        self.freed(queue)
        if self._poller:
            self._poller.schedule(queue)
