"""Follows the running tasks of one account: all targets in one loop, one question at a time for each."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable
from itertools import count
from random import random
from typing import Protocol

from engine.client import Client
from engine.clouds import Cloud
from engine.errors import CallError, ForbiddenError, TargetError
from engine.lanes import LaneControl
from engine.model import Again, Finished, Job, Settlement, State, Target
from engine.polling import Ask, Ended
from engine.retry import Backoff, Limits, reaction
from engine.settler import Settler
from engine.targets import TargetQueue


class Opener(Protocol):
    """Who starts the jobs whose tasks are followed here."""

    def queue(self, target: Target) -> TargetQueue: ...

    def freed(self, queue: TargetQueue) -> None: ...

    def wake(self, queue: TargetQueue, due: float = 0.0) -> None: ...

    def heed(self, queue: TargetQueue) -> None: ...


class Poller:
    """The pump of a lane of polls."""

    opener: Opener

    def __init__(
        self,
        cloud: Cloud,
        account: str,
        lane: LaneControl,
        client: Client,
        settler: Settler,
        limits: Limits,
        stop: Callable[[str, CallError], None],
        clock: Callable[[], float],
    ) -> None:
        """`stop` ends the work of an account; `clock` is the backlog's. `opener` is to be set before anything is
        scheduled."""
        self.lane = lane
        self._cloud = cloud
        self._account = account
        self._client = client
        self._settler = settler
        self._stop = stop
        self._limits = limits
        self._clock = clock
        self._backoff = Backoff(limits.backoff_s, cap_s=30.0)
        self._failures = 0
        self._order = count()
        self._due: list[tuple[float, int, TargetQueue]] = []
        self._due_at: dict[TargetQueue, float] = {}  # what the heap's entry for it must say to be true
        self._asking: set[TargetQueue] = set()
        self._denied: set[TargetQueue] = set()  # the key has no rights to ask about these
        self._rescheduled = asyncio.Event()

    def schedule(self, queue: TargetQueue) -> None:
        """Put down when to ask about a target next. Called whenever something about its tasks changed."""
        if queue in self._asking or queue.watch.sweeping:
            return
        blocked = queue.room.bounded and bool(queue.claimed)
        unasked = queue in self._denied and queue.closed
        due = None if unasked else queue.watch.due(more=queue.more and not queue.closed, blocked=blocked)
        if due == self._due_at.get(queue):
            return
        if due is None:
            del self._due_at[queue]
            return
        self._put_down(queue, due)

    def _put_down(self, queue: TargetQueue, due: float) -> None:
        self._due_at[queue] = due
        heapq.heappush(self._due, (due, next(self._order), queue))
        if self._due[0][2] is queue:
            self._rescheduled.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                queue = await self._next()
                question = queue.watch.ask(self._clock())
                if question is None:
                    self._end_overdue(queue)
                    self.schedule(queue)
                    continue
                self._asking.add(queue)
                await self.lane.enter()
                group.create_task(self._ask(queue, question))

    async def _next(self) -> TargetQueue:
        """Wait for the target that is due first."""
        while True:
            self._rescheduled.clear()
            wait_s: float | None = None
            while self._due:
                due, _, queue = self._due[0]
                wait_s = due - self._clock()
                if self._due_at.get(queue) != due:
                    heapq.heappop(self._due)  # it was put down anew since
                elif wait_s <= 0:
                    heapq.heappop(self._due)
                    del self._due_at[queue]
                    return queue
                else:
                    break
            try:
                async with asyncio.timeout(max(0.002, wait_s) if self._due and wait_s is not None else None):
                    await self._rescheduled.wait()
            except TimeoutError:
                continue

    async def _ask(self, queue: TargetQueue, question: Ask) -> None:
        call = self._cloud.poll(queue.target.name, question.task, question.page)
        try:
            page = await self.lane.timed(self._client.call(self._account, call, self._cloud.polled))
        except CallError as error:
            self._take_failure(queue, error)
        else:
            self.lane.answered()
            self._failures = 0
            self._denied.discard(queue)
            self.lane.count.told += sum(state.task in queue.watch for state in page.tasks)
            self._end(queue, queue.watch.heard(question, page, self._clock()))
        self.lane.leave()
        self._asking.discard(queue)
        if queue.watch.sweeping:
            self._put_down(queue, self._clock())
        else:
            self.schedule(queue)

    def _take_failure(self, queue: TargetQueue, error: CallError) -> None:
        self.lane.failed(error)
        self._failures += 1
        delay_s = self._backoff.delay_s(min(self._failures, 8), random(), error.retry_after_s)  # noqa: S311
        queue.watch.rest(self._clock() + max(0.01, delay_s))
        if self.lane.sick_for_s > self._limits.give_up_s or reaction(error).stops == "account":
            self._stop(self._account, error)
        elif isinstance(error, ForbiddenError):
            if self._limits.again_s is None:
                self._stop(self._account, error)
            else:
                self._denied.add(queue)
                queue.closed = error
                self.opener.heed(queue)
        elif isinstance(error, TargetError) and self._limits.again_s is None:
            for job in queue.watch.overdue(self._clock() + 1.0, unasked=True):
                self._finish(queue, Finished(job, State.FAILED, str(error), error.code))
        elif not reaction(error).again:
            self._end_overdue(queue, unasked=True)  # no answer is to be had

    def _end(self, queue: TargetQueue, ended: Iterable[Ended]) -> None:
        for job, state in ended:
            if state is None:
                self._finish(queue, self._lost(job))
            elif state.done:
                self._finish(queue, Finished(job, State.SUCCEEDED))
            else:
                self._finish(queue, Finished(job, State.FAILED, f"task {job.task} failed: {state.why}"))

    def _lost(self, job: Job) -> Settlement:
        why = f"the cloud does not know task {job.task} any more"
        if job.attempts + 1 >= self._limits.max_attempts:
            return Finished(job, State.FAILED, why)
        return Again(job, self._clock(), why, counted=True)

    def _end_overdue(self, queue: TargetQueue, *, unasked: bool = False) -> None:
        """Fail the jobs whose tasks take too long."""
        for job in queue.watch.overdue(self._clock() - self._limits.task_timeout_s, unasked=unasked):
            why = f"task {job.task} did not end within {self._limits.task_timeout_s:,.0f} s"
            self._finish(queue, Finished(job, State.FAILED, why))

    def _finish(self, queue: TargetQueue, settlement: Settlement) -> None:
        queue.ending += 1
        self._settler.settle(settlement, self)

    def settled(self, settlement: Settlement) -> None:
        queue = self.opener.queue(settlement.job.target)
        queue.ending -= 1
        if isinstance(settlement, Again):
            settlement.job.task = ""
            self.opener.wake(queue, settlement.due)
        self.opener.freed(queue)
