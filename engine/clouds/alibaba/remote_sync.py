"""Reverse sync: the start of one, and the tasks that tell how far it is.

What the engine asks and hears thousands of times has functions of its own, which the operations use too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.clouds import TaskPage, TaskState
from engine.clouds.alibaba.sgw import (
    Id,
    Listing,
    PageNumber,
    PageSize,
    SgwOperation,
    listed,
    read_listing,
    read_record,
)
from engine.clouds.alibaba.triggers import share_path
from engine.clouds.replies import identifier, json_object, text, whole
from engine.errors import ProtocolError
from engine.model import Account, Call, Reply

COMPLETED, FAILED = "task.state.completed", "task.state.failed"


def trigger_call(gateway_id: str, index_id: str, path: str) -> Call:
    return Call("TriggerGatewayRemoteSync", params={"GatewayId": gateway_id, "IndexId": index_id, "Path": path})


def started_task(reply: Reply) -> str:
    return identifier(json_object(reply).get("TaskId"), "TaskId")


def tasks_call(target: str, task: str | None, page: int, page_size: int) -> Call:
    params = {"TargetId": target, "PageNumber": str(page), "PageSize": str(page_size)}
    return Call("DescribeTasks", params=params | ({"TaskId": task} if task else {}))


def task_page(reply: Reply) -> TaskPage:
    """The states of tasks. What does not look like a task at all is passed over: it cannot hide the others."""
    answer = json_object(reply)
    tasks, total = listed(answer, "Tasks", "SimpleTask"), whole(answer.get("TotalCount"))
    if total is None:
        raise ProtocolError("the answer does not say how many tasks there are", status=reply.status)
    return TaskPage([_task_state(item) for item in tasks if isinstance(item, dict)], total)


def ended(state_code: str, progress: object) -> bool | None:
    """Whether a task succeeded; None while it runs, or says something unknown.

    States come in mixed case (`task.state.completed`, `task.state.Failed`). Progress only informs: -1 is a failure by
    the documents, and 100 without the state is not an end.
    """
    state = state_code.lower()
    if state == COMPLETED:
        return True
    return False if state == FAILED or progress == -1 else None


def _task_state(item: Mapping[str, Any]) -> TaskState:
    done = ended(text(item.get("StateCode")), item.get("Progress"))
    created, updated = whole(item.get("CreatedTime")), whole(item.get("UpdatedTime"))
    took = None if created is None or updated is None or done is None else max(0.0, float(updated - created))
    why = text(item.get("MessageKey")) or "the cloud gives no reason"
    return TaskState(text(item.get("TaskId")), done, "" if done else why, took)


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """The cloud works on it; `DescribeTasks` tells how far it is."""

    task_id: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class TriggerGatewayRemoteSync(SgwOperation[TaskStarted]):
    """Start the reverse sync of one directory: the gateway reads its bucket and takes over what has changed.

    `index_id` is the protocol and the name of the share: ``NFSphotos``, ``SMBhome``. `path` is from the root of the
    share, or below the prefix that the share has in its bucket; ``/`` is all of it. Every object there is listed, so
    name the narrowest path. Follow the task with the gateway as its target.

    Of note: GatewayInOperation (`BusyError`) while the gateway does something else.
    https://help.aliyun.com/zh/csg/developer-reference/api-sgw-2018-05-11-triggergatewayremotesync
    """

    gateway_id: Id
    index_id: Id
    path: str = "/"

    repeatable = True  # at the cost of a second scan

    def check(self) -> None:
        share_path(self.path)

    def call(self, account: Account) -> Call:
        return trigger_call(self.gateway_id, self.index_id, share_path(self.path))

    def read(self, reply: Reply) -> TaskStarted:
        return read_record(TaskStarted, reply)


@dataclass(frozen=True, slots=True)
class SimpleTask:
    """A task as the cloud describes it. Times are seconds since the epoch."""

    task_id: str
    name: str | None
    state_code: str | None
    """task.state.Initialized, .Running, .completed or .Failed, in varying case."""
    stage_code: str | None
    progress: int | None
    """Percent; -1 of one that failed."""
    created_time: int | None
    updated_time: int | None
    message_key: str | None
    """Why it failed."""
    related_resource_id: str | None
    """The share's index_id."""

    @property
    def done(self) -> bool | None:
        """Whether it succeeded; None while it runs."""
        return ended(self.state_code or "", self.progress)


@dataclass(frozen=True, slots=True)
class DescribeTasks(SgwOperation[Listing[SimpleTask]]):
    """Tell how far tasks are: one, or all of a target, newest first.

    `target_id` is what the task works on, a gateway or an express sync group. An empty list does not mean that a task
    has ended.
    https://help.aliyun.com/zh/csg/developer-reference/api-sgw-2018-05-11-describetasks
    """

    target_id: Id
    task_id: Id | None = None
    page_number: PageNumber = 1
    page_size: PageSize = 10

    repeatable = True

    def call(self, account: Account) -> Call:
        return tasks_call(self.target_id, self.task_id, self.page_number, self.page_size)

    def read(self, reply: Reply) -> Listing[SimpleTask]:
        return read_listing(SimpleTask, reply, "Tasks", "SimpleTask")
