"""Alibaba Cloud Storage Gateway's tasks: what DescribeTasks tells about."""

from __future__ import annotations

import heapq
import secrets
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .clock import Clock

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(slots=True)
class Task:
    """How far a task is follows from the time, so that nothing needs to be woken to move it on."""

    task_id: str
    name: str
    related: str
    created: int  # seconds since the epoch
    started: float  # of Clock.elapsed
    ends: float
    fails: bool

    def describe(self, now: float) -> dict[str, Any]:
        """One SimpleTask. The vendor's own spelling of the states differs from state to state."""
        running_s = min(now, self.ends) - self.started
        share = 1.0 if now >= self.ends else running_s / (self.ends - self.started)
        if share >= 1.0:
            state, stage, progress = ("Failed", "failed", -1) if self.fails else ("completed", "completed", 100)
        elif share < 0.1:
            state, stage, progress = "Initialized", "initialized", 0
        else:
            state, stage, progress = "Running", "running", int(share * 100)
        described = {
            "TaskId": self.task_id,
            "Name": self.name,
            "StateCode": f"task.state.{state}",
            "StageCode": stage,
            "Progress": progress,
            "CreatedTime": self.created,
            "UpdatedTime": self.created + int(running_s),
            "RelatedResourceId": self.related,
        }
        if progress < 0:
            described["MessageKey"] = "task.message.remote_sync.failed"
        return described


class TaskBook:
    """The tasks of every target (a gateway or an express sync group of one account).

    Finished tasks are forgotten after `retention_s`, and sooner when there are more than `capacity` of them.
    """

    def __init__(self, clock: Clock, retention_s: float = 3600.0, capacity: int = 200_000) -> None:
        self._clock = clock
        self._retention_s = retention_s
        self._capacity = capacity
        self._targets: dict[tuple[str, str], dict[str, Task]] = {}
        self._order: deque[tuple[tuple[str, str], Task]] = deque()
        self._running: dict[tuple[str, str], list[float]] = {}  # heaps of the times at which tasks end
        # Ids differ from one emulator to the next: a client must not take another run's task for its own.
        self._run = "".join(secrets.choice(_ALPHABET) for _ in range(8))
        self._count = 0

    def start(self, account: str, target: str, *, name: str, related: str, task_s: float, fails: bool = False) -> str:
        now = self._clock.elapsed()
        self._count += 1
        task_id = f"t-000{self._run}{_base36(self._count):0>9}"
        task = Task(task_id, name, related, int(self._clock.now()), now, now + task_s, fails)
        self._forget(now)
        self._targets.setdefault((account, target), {})[task_id] = task
        self._order.append(((account, target), task))
        self.running(account, target)
        heapq.heappush(self._running.setdefault((account, target), []), task.ends)
        return task_id

    def running(self, account: str, target: str) -> int:
        """How many tasks of the target are not over."""
        ends = self._running.get((account, target))
        if not ends:
            return 0
        now = self._clock.elapsed()
        while ends and ends[0] <= now:
            heapq.heappop(ends)
        if not ends:
            del self._running[account, target]
        return len(ends)

    def page(self, account: str, target: str, number: int, size: int) -> tuple[int, list[dict[str, Any]]]:
        """How many tasks the target has, and page `number` (from 1) of them, newest first."""
        tasks = self._targets.get((account, target), {})
        now = self._clock.elapsed()
        chosen = islice(reversed(tasks.values()), (number - 1) * size, number * size)
        return len(tasks), [task.describe(now) for task in chosen]

    def find(self, account: str, target: str, task_id: str) -> list[dict[str, Any]]:
        task = self._targets.get((account, target), {}).get(task_id)
        return [task.describe(self._clock.elapsed())] if task else []

    def __len__(self) -> int:
        return len(self._order)

    def _forget(self, now: float) -> None:
        while self._order:
            target, task = self._order[0]
            age_s = now - task.ends
            if age_s < 0 or (age_s < self._retention_s and len(self._order) < self._capacity):
                return
            self._order.popleft()
            tasks = self._targets[target]
            del tasks[task.task_id]
            if not tasks:
                del self._targets[target]
                self._running.pop(target, None)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _ALPHABET[digit] + digits
    return digits
