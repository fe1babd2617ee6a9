"""Huawei Cloud's own SDKs against the emulator: OMS by its blocking client and by the one with futures, and IAM."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from huaweicloudsdkoms.v2 import (
    CreateSyncEventsRequest,
    CreateSyncTaskReq,
    CreateSyncTaskRequest,
    DeleteSyncTaskRequest,
    ListSyncTasksRequest,
    ListSyncTaskStatisticRequest,
    ShowSyncTaskRequest,
    StartSyncTaskReq,
    StartSyncTaskRequest,
    StopSyncTaskRequest,
    SyncObjectReq,
)

from engine.emulator import AccessKey, EmulatorProcess

from .control import Control
from .sdks import Oms, VendorError
from .signed import SECRETS, SYNC_TASK


@pytest.fixture(params=[False, True], ids=["blocking", "futures"])
def asynchronous(request: pytest.FixtureRequest) -> bool:
    chosen: bool = request.param
    return chosen


@pytest.fixture
def make(asynchronous: bool, process: EmulatorProcess) -> Callable[[AccessKey], Oms]:
    def of(key: AccessKey) -> Oms:
        return Oms(process.huawei, key, f"project-of-{key.access_key_id}", asynchronous=asynchronous)

    return of


@pytest.fixture
def oms(make: Callable[[AccessKey], Oms], key: AccessKey) -> Oms:
    return make(key)


def _create(oms: Oms, **more: Any) -> str:
    body = CreateSyncTaskReq(**{**SYNC_TASK, **more})
    created: str = oms("create_sync_task", CreateSyncTaskRequest(body)).sync_task_id
    return created


def _show(oms: Oms, task: str) -> Any:
    return oms("show_sync_task", ShowSyncTaskRequest(task, int(time.time() * 1000)))


def _push(oms: Oms, task: str, *keys: str) -> Any:
    return oms("create_sync_events", CreateSyncEventsRequest(task, SyncObjectReq(list(keys))))


def test_a_sync_task_is_created_and_shown(oms: Oms, control: Control) -> None:
    before_ms = int(time.time() * 1000)
    task = _create(oms, description="nächtlich", enable_restore=True)
    shown = _show(oms, task)
    assert shown.sync_task_id == task
    assert shown.status == "SYNCHRONIZING"
    assert (shown.src_bucket, shown.dst_bucket, shown.description) == ("from", "to", "nächtlich")
    assert (shown.src_cloud_type, shown.dst_storage_policy) == ("Aliyun", "STANDARD")
    assert (shown.enable_restore, shown.enable_metadata_migration) == (True, False)
    assert shown.consistency_check == "size_last_modified"
    assert before_ms <= shown.create_time == shown.last_start_time <= int(time.time() * 1000)
    assert shown.monthly_acceptance_request == shown.monthly_success_object == 0
    assert control.ledger()["creates"]["CreateSyncTask|from|to|nächtlich"] >= 1


def test_events_are_accepted_and_counted(oms: Oms, control: Control) -> None:
    task = _create(oms)
    answer = _push(oms, task, "test%2F001.txt", "a%20b%2Bc", "%E4%B8%AD", "plain.txt")
    assert answer.status_code == 200
    _push(oms, task, "plain.txt")
    events = control.ledger()["events"]
    for name, times in (("test/001.txt", 1), ("a b+c", 1), ("中", 1), ("plain.txt", 2)):
        assert events[f"{task}|{name}"] == times
    deadline = time.monotonic() + 10
    while (shown := _show(oms, task)).monthly_success_object < 5:
        assert shown.monthly_acceptance_request == 5
        assert time.monotonic() < deadline
    assert shown.monthly_size > 0


def test_a_running_task_cannot_be_started_again(oms: Oms) -> None:
    task = _create(oms)
    with pytest.raises(VendorError) as refused:
        oms("start_sync_task", StartSyncTaskRequest(task, StartSyncTaskReq(**SECRETS)))
    assert (refused.value.code, refused.value.status) == ("OMS.0065", 400)


def test_a_missing_task_is_not_found(oms: Oms) -> None:
    for call in (_show, lambda oms, task: _push(oms, task, "k")):
        with pytest.raises(VendorError) as refused:
            call(oms, "no-such-task")
        assert (refused.value.code, refused.value.status) == ("OMS.1009", 404)


def test_a_tenant_has_five_sync_tasks(oms: Oms) -> None:
    for _ in range(5):
        _create(oms)
    with pytest.raises(VendorError) as refused:
        _create(oms)
    assert (refused.value.code, refused.value.status) == ("OMS.0077", 400)


def test_a_wrong_secret_is_refused(make: Callable[[AccessKey], Oms], key: AccessKey) -> None:
    with pytest.raises(VendorError) as refused:
        _show(make(AccessKey(key.access_key_id, "wrong")), "a-task")
    assert (refused.value.code, refused.value.status) == ("APIGW.0301", 401)
    assert "verify aksk signature fail, canonicalRequest:GET|/v2/project-of-" in refused.value.message


@pytest.mark.parametrize("skew_s", [-920, 920])
def test_a_stale_date_is_refused(oms: Oms, control: Control, skew_s: float) -> None:
    control.set(clock_skew_s=skew_s)
    with pytest.raises(VendorError) as refused:
        _show(oms, "a-task")
    assert (refused.value.code, refused.value.status) == ("APIGW.0301", 401)
    assert "signature expired, signature time:" in refused.value.message
    assert "server time:" in refused.value.message


def test_throttling(oms: Oms, control: Control) -> None:
    task = _create(oms)
    control.set(operations={"CreateSyncEvents": {"throttle": 1}})
    with pytest.raises(VendorError) as refused:
        _push(oms, task, "k")
    assert (refused.value.code, refused.value.status) == ("APIGW.0308", 429)
    assert "limit:100,time:1 second" in refused.value.message


def test_a_security_token_belongs_to_the_key(make: Callable[[AccessKey], Oms]) -> None:
    assert _create(make(AccessKey("with-token", "token-secret", security_token="the/token+=")))
    for key in (
        AccessKey("with-token", "token-secret"),
        AccessKey("expired", "expired-secret", security_token="old"),
        AccessKey("disabled", "disabled-secret"),
    ):
        with pytest.raises(VendorError) as refused:
            _show(make(key), "a-task")
        assert (refused.value.code, refused.value.status) == ("APIGW.0301", 401)


def test_the_life_of_a_sync_task(oms: Oms) -> None:
    task = _create(oms)
    with pytest.raises(VendorError) as running:
        oms("delete_sync_task", DeleteSyncTaskRequest(task))
    assert (running.value.code, running.value.status) == ("OMS.0063", 400)
    assert oms("stop_sync_task", StopSyncTaskRequest(task)).status_code == 200
    assert _show(oms, task).status == "STOPPED"
    with pytest.raises(VendorError) as stopped:
        oms("stop_sync_task", StopSyncTaskRequest(task))
    assert (stopped.value.code, stopped.value.status) == ("OMS.0066", 400)
    with pytest.raises(VendorError) as closed:
        _push(oms, task, "k")
    assert (closed.value.code, closed.value.status) == ("OMS.0052", 400)
    assert oms("start_sync_task", StartSyncTaskRequest(task, StartSyncTaskReq(**SECRETS))).status_code == 200
    started = _show(oms, task)
    assert started.status == "SYNCHRONIZING"
    assert started.last_start_time >= started.create_time
    assert _push(oms, task, "k").status_code == 200
    oms("stop_sync_task", StopSyncTaskRequest(task))
    assert oms("delete_sync_task", DeleteSyncTaskRequest(task)).status_code == 200
    with pytest.raises(VendorError) as gone:
        _show(oms, task)
    assert (gone.value.code, gone.value.status) == ("OMS.1009", 404)
    with pytest.raises(VendorError) as again:
        oms("delete_sync_task", DeleteSyncTaskRequest(task))
    assert (again.value.code, again.value.status) == ("OMS.0054", 400)


def test_a_deleted_task_makes_room(oms: Oms) -> None:
    tasks = [_create(oms) for _ in range(5)]
    oms("stop_sync_task", StopSyncTaskRequest(tasks[0]))
    oms("delete_sync_task", DeleteSyncTaskRequest(tasks[0]))
    assert _create(oms)


def test_sync_tasks_are_listed(oms: Oms) -> None:
    tasks = [_create(oms, description=f"task {number}") for number in range(3)]
    oms("stop_sync_task", StopSyncTaskRequest(tasks[1]))
    listed = oms("list_sync_tasks", ListSyncTasksRequest())
    assert listed.count == 3
    assert [task.sync_task_id for task in listed.tasks] == tasks[::-1]
    assert listed.tasks[0].description == "task 2"
    page = oms("list_sync_tasks", ListSyncTasksRequest(limit=1, offset=1))
    assert (page.count, [task.sync_task_id for task in page.tasks]) == (3, [tasks[1]])
    stopped = oms("list_sync_tasks", ListSyncTasksRequest(status="STOPPED"))
    assert (stopped.count, [task.status for task in stopped.tasks]) == (1, ["STOPPED"])


def test_statistics_of_the_last_hour(oms: Oms) -> None:
    task = _create(oms)
    _push(oms, task, "a", "b", "c")
    deadline = time.monotonic() + 10
    while _show(oms, task).monthly_success_object < 3:
        assert time.monotonic() < deadline
    now_ms = int(time.time() * 1000)
    asked = ListSyncTaskStatisticRequest(task, "REQUEST,SUCCESS,FAILURE,SIZE", now_ms - 3_600_000, now_ms)
    statistic = oms("list_sync_task_statistic", asked)
    assert (statistic.sync_task_id, statistic.statistic_time_type) == (task, "FIVE_MINUTES")
    sums = {each.data_type: sum(point.statistic_num for point in each.data) for each in statistic.statistic_datas}
    assert (sums["REQUEST"], sums["SUCCESS"], sums["FAILURE"]) == (3, 3, 0)
    assert sums["SIZE"] > 0
    points = [point.time_stamp for each in statistic.statistic_datas for point in each.data]
    assert all(at % 300_000 == 0 and now_ms - 600_000 < at <= now_ms for at in points)
