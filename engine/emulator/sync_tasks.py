"""Huawei Cloud OMS: the sync tasks of every account, and the events pushed into them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from .exchange import Call, Payload, RefusedError
from .faults import Verdict
from .state import Operation, World
from .sync_task import COUNTED, SyncTask, statistic_step
from .sync_task_bodies import check_start, object_keys, sync_task_settings
from .sync_task_queries import bounded, epoch_ms, required

MAX_SYNC_TASKS = 5  # per tenant


class SyncTasks:
    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: dict[str, dict[str, SyncTask]] = {}  # account -> id -> task

    def operations(self) -> dict[str, Operation]:
        return {
            "CreateSyncTask": self.create,
            "StartSyncTask": self.start,
            "StopSyncTask": self.stop,
            "DeleteSyncTask": self.delete,
            "ListSyncTasks": self.list_tasks,
            "ShowSyncTask": self.show,
            "ListSyncTaskStatistic": self.statistics,
            "CreateSyncEvents": self.push,
        }

    def create(self, call: Call, _verdict: Verdict) -> Payload:
        """A new task synchronises at once."""
        settings = sync_task_settings(call.received.body)
        tasks = self._tasks.setdefault(call.account, {})
        if len(tasks) >= MAX_SYNC_TASKS:
            raise RefusedError(400, "OMS.0077", "The number of created migration tasks has exceeded the limit.")
        now_ms = int(self._world.clock.now() * 1000)
        task = SyncTask(str(uuid4()), call.path_ids["project_id"], settings, now_ms, now_ms)
        tasks[task.sync_task_id] = task
        what = f"{settings['src_bucket']}|{settings['dst_bucket']}|{settings['description']}"
        self._world.ledger.created(call.operation, what)
        return {"sync_task_id": task.sync_task_id}

    def start(self, call: Call, _verdict: Verdict) -> None:
        check_start(call.received.body)
        task = self._find(call, _invalid_id())
        if task.status != "STOPPED":
            raise RefusedError(400, "OMS.0065", "The task has already started.")
        task.status = "SYNCHRONIZING"
        task.last_start_time = int(self._world.clock.now() * 1000)

    def stop(self, call: Call, _verdict: Verdict) -> None:
        task = self._find(call, _invalid_id())
        if task.status != "SYNCHRONIZING":
            raise RefusedError(400, "OMS.0066", "Failed to pause the task. The task is not in progress.")
        task.status = "STOPPED"

    def delete(self, call: Call, _verdict: Verdict) -> None:
        task = self._find(call, _invalid_id())
        if task.status == "SYNCHRONIZING":
            raise RefusedError(400, "OMS.0063", "The task is in progress.")
        del self._tasks[call.account][task.sync_task_id]

    def list_tasks(self, call: Call, _verdict: Verdict) -> Payload:
        """Newest first, as far as the vendor shows."""
        limit, offset = bounded(call, "limit", 10, 1, 100), bounded(call, "offset", 0, 0, 10_000)
        status = call.params.get("status", "")
        if status not in {"", "SYNCHRONIZING", "STOPPED"}:
            raise RefusedError(400, "OMS.0052", "Invalid value for parameter state.")
        found = [
            _described(task)
            for task in reversed(self._tasks.get(call.account, {}).values())
            if task.project_id == call.path_ids["project_id"] and status in {"", task.status}
        ]
        return {"tasks": found[offset : offset + limit], "count": len(found)}

    def statistics(self, call: Call, _verdict: Verdict) -> Payload:
        kinds = required(call, "data_type").split(",")
        if not set(kinds) <= COUNTED.keys():
            raise RefusedError(400, "OMS.0064", "Invalid request parameters. data_type")
        start, end = epoch_ms(call, "start_time"), epoch_ms(call, "end_time")
        if end < start:
            raise RefusedError(400, "OMS.0051", "Invalid value for parameter range. end_time")
        task = self._find(call, _no_such_task())
        kind_of_time, step_ms = statistic_step(start, end)
        datas = [
            {"data_type": kind, "data": task.statistic(COUNTED[kind], start, end, step_ms)}
            for kind in dict.fromkeys(kinds)
        ]
        return {"sync_task_id": task.sync_task_id, "statistic_time_type": kind_of_time, "statistic_datas": datas}

    def show(self, call: Call, _verdict: Verdict) -> Payload:
        query_time = epoch_ms(call, "query_time")
        task = self._find(call, _no_such_task())
        counts = task.month(query_time)
        return {
            **{name: value for name, value in _described(task).items() if name != "source_cdn"},
            "monthly_acceptance_request": counts.request,
            "monthly_success_object": counts.success,
            "monthly_failure_object": counts.failure,
            "monthly_skip_object": counts.skip,
            "monthly_size": counts.size,
        }

    def push(self, call: Call, _verdict: Verdict) -> None:
        """Takes all keys of the event or none."""
        keys = object_keys(call.received.body)
        task = self._find(call, _no_such_task())
        if task.status != "SYNCHRONIZING":
            raise RefusedError(400, "OMS.0052", "Invalid value for parameter state.")
        reject = self._world.faults.knobs.reject_keys
        if reject and not reject.isdisjoint(keys):
            raise RefusedError(400, "OMS.0064", "Invalid request parameters.")
        task.accept(len(keys), self._world.clock.now(), self._world.faults.task_s())
        self._world.ledger.pushed(task.sync_task_id, keys)
        if self._world.faults.knobs.record_arrivals:
            self._world.ledger.took_effect(task.sync_task_id, keys, self._world.clock.elapsed())

    def _find(self, call: Call, otherwise: RefusedError) -> SyncTask:
        task = self._tasks.get(call.account, {}).get(call.path_ids["sync_task_id"])
        if task is None or task.project_id != call.path_ids["project_id"]:
            raise otherwise
        task.settle(self._world.clock.now())
        return task


def _described(task: SyncTask) -> dict[str, Any]:
    return {
        "sync_task_id": task.sync_task_id,
        "create_time": task.create_time,
        "last_start_time": task.last_start_time,
        "status": task.status,
        **task.settings,
    }


def _no_such_task() -> RefusedError:
    return RefusedError(404, "OMS.1009", "No resources found.")


def _invalid_id() -> RefusedError:
    return RefusedError(400, "OMS.0054", "Invalid task ID.")
