"""Sync tasks, brought to run or to stand still."""

from __future__ import annotations

from typing import Any

from engine.clouds.change import DELETED, Change
from engine.clouds.huawei.oms import STOPPED, SYNCHRONIZING
from engine.clouds.huawei.sync_tasks import DeleteSyncTask, ShowSyncTask, StartSyncTask, StopSyncTask
from engine.clouds.operation import Operation


def started(operation: StartSyncTask) -> Change:
    return _change(operation, operation.sync_task_id, SYNCHRONIZING)


def stopped(sync_task_id: str) -> Change:
    return _change(StopSyncTask(sync_task_id), sync_task_id, STOPPED)


def deleted(sync_task_id: str) -> Change:
    """Also of a task that is not there. One that runs is not deleted."""
    return Change(DeleteSyncTask(sync_task_id), DELETED, proving=DeleteSyncTask.taken)


def _change(operation: Operation[Any], sync_task_id: str, state: str) -> Change:
    return Change(
        operation,
        state,
        subject=sync_task_id,
        look=lambda now: ShowSyncTask(sync_task_id, int(now * 1000)),
        reached=lambda task: bool(task.status == state),
        taken=operation.taken,
    )
