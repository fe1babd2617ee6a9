"""Judges the answers of one lane that are no success: what becomes of the job, of its target, of the account."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from random import random

from engine.client import Client
from engine.clouds import Cloud
from engine.errors import BusyError, CallError, ForbiddenError, TargetError
from engine.lanes import LaneControl
from engine.model import Again, Finished, Job, Settlement, Split, State, Target
from engine.retry import Backoff, Limits, reaction
from engine.targets import TargetQueue

INSPECTIONS = 16  # at once
INSPECT_EVERY_S = 1.0  # a target, at most


class Judge:
    def __init__(
        self,
        cloud: Cloud,
        account: str,
        lane: LaneControl,
        client: Client,
        limits: Limits,
        stop: Callable[[str, CallError], None],
        clock: Callable[[], float],
    ) -> None:
        """`stop` ends the work of an account."""
        self._cloud = cloud
        self._account = account
        self._lane = lane
        self._client = client
        self._limits = limits
        self._stop = stop
        self._clock = clock
        self._backoff = Backoff(limits.backoff_s)
        self._inspected_at: dict[Target, float] = {}  # when it was begun
        self._inspecting: defaultdict[Target, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._inspections = asyncio.Semaphore(INSPECTIONS)
        self._alone = asyncio.Lock()

    def has_inspected(self, queue: TargetQueue) -> bool:
        return queue.target in self._inspected_at

    async def inspect(self, queue: TargetQueue, since: float = 0.0) -> None:
        """Ask the cloud whether the target can be worked on at all, unless that was asked at `since` or later."""
        async with self._inspecting[queue.target]:
            begun_at = self._inspected_at.get(queue.target, -INSPECT_EVERY_S)
            if begun_at >= since:
                return
            await asyncio.sleep(max(0.0, begun_at + INSPECT_EVERY_S - self._clock()))
            async with self._inspections:
                async with self._alone:
                    if first := not self._client.accepted(self._account):
                        await self._inspect(queue)
                if not first:
                    await self._inspect(queue)

    async def look_again(self, queue: TargetQueue) -> None:
        """`inspect` a target that was closed. One that only a job can tell of is open then."""
        await self.inspect(queue, self._clock())

    async def _inspect(self, queue: TargetQueue) -> None:
        if self._lane.closed:
            return
        now = self._inspected_at[queue.target] = self._clock()
        call = self._cloud.inspect(queue.target.name, self._client.account(self._account), now)
        if call is None:
            queue.closed = None
            return
        try:
            await self._client.insist(self._account, call, self._cloud.inspected)
        except TargetError as error:
            queue.closed = error
        except CallError as error:
            if reaction(error).stops == "account":
                del self._inspected_at[queue.target]
                self._stop(self._account, error)
        else:
            queue.closed = None

    async def verdict(self, queue: TargetQueue, job: Job, error: CallError) -> Settlement:
        """What becomes of a job whose call failed. Closes the queue if no other job for the target can succeed."""
        own_fault = self._lane.failed(error)
        how = reaction(error)
        now = self._clock()
        why = str(error)
        if isinstance(error, BusyError):
            queue.room.refused(queue.running - 1, now)
            return Again(job, now, why, counted=False)
        if how.stops == "account":
            self._stop(self._account, error)
            return Again(job, now, why, counted=False)
        if isinstance(error, ForbiddenError):
            queue.closed = error
            return Again(job, now, why, counted=False)
        if how.divide:
            parts = self._cloud.split(job)
            # Nothing is given up on what was known before it was refused; that a part may be refused does no harm.
            await self.inspect(queue, now - INSPECT_EVERY_S if parts else now)
            if parts and queue.closed is None:
                return Split(job, parts)
        if not how.again:
            if isinstance(error, TargetError):
                queue.closed = error
            if queue.closed and self._limits.again_s is not None:
                return Again(job, now, str(queue.closed), counted=False)
            return Finished(job, State.FAILED, str(queue.closed or error), error.code)
        if self._lane.sick_for_s > self._limits.give_up_s:
            self._stop(self._account, error)
        counted = how.counted and own_fault
        if counted and job.attempts + 1 >= self._limits.max_attempts:
            return Finished(job, State.FAILED, f"{why}, after {job.attempts + 1} attempts", error.code)
        delay_s = self._backoff.delay_s(job.attempts + 1, random(), error.retry_after_s)  # noqa: S311
        return Again(job, now + delay_s, why, counted=counted)
