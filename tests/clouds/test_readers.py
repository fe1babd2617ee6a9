"""What exactly is read out of answers, where the vendors leave room for doubt."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine.clouds import clouds
from engine.clouds.operation import Operation
from engine.errors import ConfigError, ProtocolError, TargetError
from engine.model import Reply
from tests.clouds.samples import NOW_MS, TASK, alibaba_account, huawei_account


def reply(**body: Any) -> Reply:
    return Reply(200, {"content-type": "application/json"}, orjson.dumps(body))


def tasks(*items: Any, **changes: Any) -> Reply:
    return reply(**{"TotalCount": len(items), "Tasks": {"SimpleTask": items}, **changes})


@pytest.mark.parametrize(
    ("state", "progress", "done"),
    [
        ("task.state.completed", 100, True),
        ("task.state.Completed", -1, True),
        ("TASK.STATE.COMPLETED", None, True),
        ("task.state.failed", 50, False),
        ("task.state.Failed", -1, False),
        ("task.state.Running", -1, False),
        ("task.state.Running", 100, None),
        ("task.state.Initialized", 0, None),
        ("task.state.Paused", 1, None),
        ("", 100, None),
        (None, None, None),
    ],
)
def test_whether_a_task_has_ended(state: object, progress: object, done: bool | None) -> None:
    answer = tasks({"TaskId": "t-1", "StateCode": state, "Progress": progress, "CreatedTime": 5, "UpdatedTime": 8})
    (heard,) = clouds()["alibaba"].polled(answer).tasks
    (read,) = sgw.DescribeTasks("gw-1").read(answer).items
    assert (heard.task, heard.done) == (read.task_id, read.done) == ("t-1", done)
    assert heard.duration_s == (None if done is None else 3.0)


def test_one_broken_task_does_not_hide_the_others_from_a_poll() -> None:
    page = clouds()["alibaba"].polled(tasks(None, "t", {"TaskId": "t-1", "StateCode": "task.state.completed"}))
    assert [(state.task, state.done) for state in page.tasks] == [("t-1", True)]


@pytest.mark.parametrize("changes", [{"Tasks": None}, {"Tasks": {}}, {"Tasks": []}, {"Tasks": {"SimpleTask": None}}])
def test_a_missing_list_is_no_empty_list(changes: dict[str, Any]) -> None:
    for read in (clouds()["alibaba"].polled, sgw.DescribeTasks("gw-1").read):
        with pytest.raises(ProtocolError, match="no list of Tasks"):
            read(tasks(**changes))
    for operation in (sgw.DescribeExpressSyncs(), oms.ListSyncTasks(), oms.KeystoneListProjects()):
        with pytest.raises(ProtocolError, match="no list of"):
            operation.read(reply())


def test_a_page_without_its_total_cannot_be_swept() -> None:
    with pytest.raises(ProtocolError, match="how many"):
        clouds()["alibaba"].polled(tasks(TotalCount=None))


@pytest.mark.parametrize("value", ["", "x" * 257, "a\nb", "\x00", None, 5, True, ["t-1"], {"a": 1}])
@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (sgw.TriggerGatewayRemoteSync("gw-1", "NFSa"), "TaskId"),
        (sgw.CreateExpressSync("a", "r", "b"), "ExpressSyncId"),
        (sgw.AddSharesToExpressSync("sync-1", {"gw-1": ["a"]}), "TaskId"),
        (oms.ShowSyncTask(TASK, NOW_MS), "sync_task_id"),
    ],
)
def test_a_success_without_its_id_is_none(operation: Operation[Any], name: str, value: object) -> None:
    with pytest.raises(ProtocolError, match=name):
        operation.read(reply(**{name: value}))
    if name == "TaskId":
        with pytest.raises(ProtocolError, match=name):
            clouds()["alibaba"].started(reply(**{name: value}))


def test_ids_of_any_length_that_is_one() -> None:
    assert sgw.DeleteExpressSync("sync-1").read(reply(TaskId="x" * 256)).task_id == "x" * 256


def test_what_is_of_another_type_than_documented_is_as_good_as_missing() -> None:
    shown = oms.ShowSyncTask(TASK, NOW_MS).read(
        reply(sync_task_id=TASK, status=5, create_time="1700639560751", enable_kms="false", monthly_size=1.5)
    )
    assert (shown.status, shown.create_time, shown.enable_kms, shown.monthly_size) == (None, None, None, None)


def test_a_sync_task_that_is_stopped_cannot_be_worked_on() -> None:
    inspected = clouds()["huawei"].inspected
    inspected(reply(sync_task_id=TASK, status="SYNCHRONIZING"))
    inspected(reply(sync_task_id=TASK, status="SOMETHING_NEW"))
    with pytest.raises(TargetError, match="stopped"):
        inspected(reply(sync_task_id=TASK, status="STOPPED"))


def test_the_project_is_the_one_that_iam_names() -> None:
    account = huawei_account("http://127.0.0.1:1")
    looked_up = clouds()["huawei"].looked_up
    assert looked_up(account, reply(projects=[{"id": "p-1"}])).settings["project_id"] == "p-1"
    for projects, said in (([], "no project"), ([{"id": "p-1"}, {"id": "p-2"}], "2 projects")):
        with pytest.raises(ConfigError, match=f"IAM names {said}.*set project_id"):
            looked_up(account, reply(projects=projects))


@pytest.mark.parametrize(("path", "sent"), [("/", "/"), ("a/b", "/a/b"), ("/a", "/a"), ("//", "//")])
def test_a_path_begins_at_the_root_of_its_share(path: str, sent: str) -> None:
    call = sgw.TriggerGatewayRemoteSync("gw-1", "NFSa", path).call(alibaba_account("http://127.0.0.1:1"))
    assert call.params["Path"] == sent


def test_the_engines_calls_are_those_of_the_operations() -> None:
    gateways, buckets = alibaba_account("http://127.0.0.1:1"), huawei_account("http://127.0.0.1:1")
    alibaba, huawei = clouds()["alibaba"], clouds()["huawei"]
    (job,) = alibaba.plan([alibaba.row("gw-1", "NFSa", "b c")], ["gateways"], 10).jobs
    assert alibaba.start(job, gateways) == sgw.TriggerGatewayRemoteSync("gw-1", "NFSa", "b c").call(gateways)
    assert alibaba.poll("gw-1", "t-1", 1) == sgw.DescribeTasks("gw-1", "t-1", page_size=50).call(gateways)
    assert alibaba.poll("gw-1", None, 3) == sgw.DescribeTasks("gw-1", None, 3, 50).call(gateways)
    (job,) = huawei.plan([huawei.row(key, TASK) for key in ("a/b c", "ü+")], ["buckets"], 10).jobs
    assert huawei.start(job, buckets) == oms.CreateSyncEvents(TASK, ["a/b c", "ü+"]).call(buckets)
    assert huawei.inspect(TASK, buckets, NOW_MS / 1000) == oms.ShowSyncTask(TASK, NOW_MS).call(buckets)
