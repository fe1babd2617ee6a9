"""Sync tasks that are created once. The API has neither names nor request tokens: the description carries a marker."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.clouds.creation import Creation, Existing, Page
from engine.clouds.huawei.create_sync_task import CreateSyncTask, SyncTaskCreated
from engine.clouds.huawei.oms import STOPPED
from engine.clouds.huawei.sync_tasks import (
    DeleteSyncTask,
    ListSyncTasks,
    ShowSyncTask,
    StopSyncTask,
    SyncTask,
    SyncTasks,
)
from engine.clouds.operation import Operation
from engine.errors import InputError, QuotaError

PAGE = 100
MOST_TASKS = 5
MONTH_MS = 28 * 86_400_000  # no month is shorter
MOST_MONTHS = 12  # that are asked for; what is older is left alone
TOKEN_LENGTH = 26
MAX_DESCRIPTION = 255 - len(" k=") - TOKEN_LENGTH
_MARKER = re.compile(rf"(?:^| )k=([0-9A-Z]{{{TOKEN_LENGTH}}})$")
_PLACES = ("src_region", "src_bucket", "dst_region", "dst_bucket")
_DEFAULTS: Mapping[str, Any] = {
    "enable_metadata_migration": False,
    "enable_restore": False,
    "enable_kms": False,
    "dst_storage_policy": "STANDARD",
    "consistency_check": "size_last_modified",
    "app_id": None,
}


class SyncTaskCreation(Creation):
    """A sync task from one bucket to another, told from its like by the description before the marker."""

    noun = "sync task"
    taken = frozenset({"OMS.0077"})  # the fifth may be the one whose answer was lost
    # A signed request is taken for 15 minutes. That one executes this late after its connection was lost is possible,
    # and is undone; that it takes longer than this is not what a lost answer usually means.
    unsure_s = 30.0
    operation: CreateSyncTask

    def __init__(self, operation: CreateSyncTask) -> None:
        """Raises `InputError` if the description leaves no room for the marker."""
        super().__init__(operation)
        if len(operation.description or "") > MAX_DESCRIPTION:
            raise InputError(f"description must have at most {MAX_DESCRIPTION} characters: a marker is added to it")

    @property
    def identity(self) -> Mapping[str, str]:
        wanted = self.operation
        places = {name: getattr(wanted, name) for name in _PLACES}
        return {"src_cloud_type": wanted.src_cloud_type or "Aliyun", "description": wanted.description or "", **places}

    def marked(self, token: str) -> Operation[Any]:
        return replace(self.operation, description=f"{self.operation.description or ''} k={token}".lstrip())

    def created(self, answer: SyncTaskCreated) -> str:
        return answer.sync_task_id

    def listing(self, offset: int) -> Operation[Any]:
        return ListSyncTasks(limit=PAGE, offset=offset)

    def page(self, answer: SyncTasks, token: str) -> Page:
        # Without a count nothing can be said of what is not there, as if one more existed.
        total = len(answer.tasks) + 1 if answer.count is None else answer.count
        return Page([self._existing(task, token) for task in answer.tasks], len(answer.tasks), total)

    def _existing(self, task: SyncTask, token: str) -> Existing:
        description, marker = unmarked(task.description or "")
        known = {name: getattr(task, name) for name in _PLACES}
        alike = self.identity == {"src_cloud_type": task.src_cloud_type, "description": description, **known}
        differs = [
            name
            for name, default in _DEFAULTS.items()
            if getattr(task, name) is not None and getattr(task, name) != (getattr(self.operation, name) or default)
        ]
        return Existing(task.sync_task_id, marker == token, alike, task.create_time or 0, tuple(differs))

    def probe(self, thing: str, now: float) -> Operation[Any]:
        return ShowSyncTask(thing, int(now * 1000))

    def admit(self, there: int) -> None:
        if there >= MOST_TASKS:
            raise QuotaError(
                f"a single tenant can create a maximum of {MOST_TASKS} sync tasks; delete one first",
                cloud=self.operation.cloud,
                operation=type(self.operation).__name__,
                code="OMS.0077",  # what the cloud would say
                sent=False,
            )

    def earlier(self, thing: str, probed: SyncTask, now: float) -> Sequence[Operation[Any]]:
        # Counts are of the month in which the time lies that is asked for, in whatever time zone. A task that was
        # used last month says 0 on the first of this one; so every month since it was made is asked for.
        if probed.create_time is None:
            return ()
        until = max(int(now * 1000), probed.create_time + 1)
        return [ShowSyncTask(thing, at) for at in range(probed.create_time, until, MONTH_MS)][:MOST_MONTHS]

    def undo(self, thing: str, probed: Sequence[SyncTask]) -> Sequence[Operation[Any]]:
        months = len(probed) - 1
        if not 0 < months < MOST_MONTHS or any(each.monthly_acceptance_request for each in probed):
            return ()
        stopped = probed[-1].status == STOPPED
        return (DeleteSyncTask(thing),) if stopped else (StopSyncTask(thing), DeleteSyncTask(thing))


def unmarked(description: str) -> tuple[str, str]:
    """A description as its author wrote it, and the marker after it ("" if there is none)."""
    found = _MARKER.search(description)
    return (description[: found.start()], found[1]) if found else (description, "")
