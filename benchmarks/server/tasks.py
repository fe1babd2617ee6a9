"""Tasks that run for a while, on gateways that list them, newest first."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Task(NamedTuple):
    name: str
    began: float
    ends: float


class Gateways:
    """Tasks by gateway. The end of a task stands in its name, in ms, for whoever measures how late it is noticed."""

    def __init__(self, least_s: float, most_s: float, clock: Callable[[], float] = time.time) -> None:
        self._least_s, self._most_s = least_s, most_s
        self._clock = clock
        self._random = random.Random(1)
        self._tasks: dict[str, Task] = {}
        self._of: dict[str, list[Task]] = {}
        self._described: Counter[str] = Counter()  # by gateway

    def start(self, gateway: str) -> str:
        now = self._clock()
        ends = now + self._random.uniform(self._least_s, self._most_s)
        task = Task(f"t-{len(self._tasks):07}-{int(ends * 1000)}", now, ends)
        self._tasks[task.name] = task
        self._of.setdefault(gateway, []).append(task)
        return task.name

    def describe(self, params: Mapping[str, list[str]]) -> dict[str, Any]:
        """The answer to DescribeTasks: of one task, or a page of a gateway's."""
        self._described[params["TargetId"][0]] += 1
        page, size = int(params.get("PageNumber", ["1"])[0]), int(params.get("PageSize", ["10"])[0])
        if wanted := params.get("TaskId"):
            found = [self._tasks[name] for name in wanted if name in self._tasks]
            total = len(found)
        else:
            listed = self._of.get(params["TargetId"][0], [])
            total = len(listed)
            found = listed[max(0, total - page * size) : max(0, total - (page - 1) * size)][::-1]
        now = self._clock()
        tasks = [_described(task, now) for task in found]
        return {"Tasks": {"SimpleTask": tasks}, "TotalCount": total, "PageNumber": page, "PageSize": size}

    def calls(self, prefix: str) -> int:
        """Calls of DescribeTasks for gateways whose names begin so."""
        return sum(calls for gateway, calls in self._described.items() if gateway.startswith(prefix))


def _described(task: Task, now: float) -> dict[str, Any]:
    done = now >= task.ends
    return {
        "TaskId": task.name,
        "Name": "task.name.trigger_remote_sync",
        "StateCode": "task.state.completed" if done else "task.state.Running",
        "StageCode": "",
        "Progress": 100 if done else 50,
        "CreatedTime": int(task.began),
        "UpdatedTime": int(task.ends if done else now),
        "MessageKey": "",
        "RelatedResourceId": "NFSbenchmark",
    }


def end_of(task: str) -> float:
    """When a task ends, in seconds since the epoch."""
    return int(task.rpartition("-")[2]) / 1000
