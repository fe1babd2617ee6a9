"""Alibaba Cloud Storage Gateway: parameters, tasks, busy gateways, quotas, XML."""

from __future__ import annotations

import time
from typing import Any

import pytest

from engine.emulator import Emulator
from engine.emulator.clock import Clock
from engine.emulator.tasks import TaskBook

from .signed import SignedClient

GROUP: dict[str, Any] = {"Name": "group-1", "BucketName": "bucket-1", "BucketRegion": "cn-hangzhou"}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"IndexId": "NFSa"}, "MissingGatewayId"),
        ({"GatewayId": "gw-1"}, "MissingIndexId"),
        ({"GatewayId": "gw-1", "IndexId": "share"}, "InvalidIndexId"),
        ({"GatewayId": "nas-1", "IndexId": "NFSa"}, "GatewayNotExist"),
    ],
)
async def test_triggers_that_are_refused(client: SignedClient, params: dict[str, Any], code: str) -> None:
    refused = await client.alibaba("TriggerGatewayRemoteSync", **params)
    assert (refused.status, refused.code) == (400, code)
    assert (await client.ledger())["triggers"] == {}


async def test_gateways_can_be_named(client: SignedClient) -> None:
    await client.faults(gateways=["gw-here"])
    assert (await client.trigger("gw-here")).status == 200
    assert (await client.trigger("gw-there")).code == "GatewayNotExist"


async def test_the_path_is_optional(client: SignedClient) -> None:
    assert (await client.alibaba("TriggerGatewayRemoteSync", GatewayId="gw-1", IndexId="SMBa")).status == 200
    assert (await client.ledger())["triggers"] == {"gw-1|SMBa|": 1}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "MissingTargetId"),
        ({"TargetId": "gw-1", "PageSize": "51"}, "InvalidPageSize"),
        ({"TargetId": "gw-1", "PageSize": "0"}, "InvalidPageSize"),
        ({"TargetId": "gw-1", "PageNumber": "-1"}, "InvalidPageNumber"),
        ({"TargetId": "gw-1", "PageNumber": "one"}, "InvalidPageNumber"),
    ],
)
async def test_describe_tasks_that_are_refused(client: SignedClient, params: dict[str, Any], code: str) -> None:
    refused = await client.alibaba("DescribeTasks", **params)
    assert (refused.status, refused.code) == (400, code)


async def test_an_unknown_task_is_an_empty_page(client: SignedClient) -> None:
    await client.trigger()
    page = (await client.alibaba("DescribeTasks", TargetId="gw-1", TaskId="t-unknown")).json
    assert (page["TotalCount"], page["Tasks"]["SimpleTask"], page["Success"]) == (0, [], True)


async def test_a_gateway_has_as_many_slots_as_it_is_given(client: SignedClient) -> None:
    await client.faults(gateway_slots=2, task_s=60)
    assert [(await client.trigger()).status for _ in range(2)] == [200, 200]
    busy = await client.trigger()
    assert (busy.status, busy.code) == (400, "GatewayInOperation")
    assert (busy.json["Success"], "HostId" in busy.json) == (False, False)
    assert (await client.trigger("gw-2")).status == 200
    assert (await client.ledger())["triggers"] == {"gw-1|NFSshare|/dir": 2, "gw-2|NFSshare|/dir": 1}


async def test_a_slot_is_free_again_when_the_task_is_over(client: SignedClient) -> None:
    await client.faults(gateway_slots=1, task_s=0.02)
    assert (await client.trigger()).status == 200
    deadline = time.monotonic() + 10
    while (again := await client.trigger()).code == "GatewayInOperation":
        assert time.monotonic() < deadline
    assert again.status == 200


class _SetClock(Clock):
    at = 1000.0

    def elapsed(self) -> float:
        return self.at


def test_progress_grows_to_the_end() -> None:
    clock = _SetClock()
    book = TaskBook(clock)
    for fails, end in ((False, ("task.state.completed", 100)), (True, ("task.state.Failed", -1))):
        task_id = book.start("a", "gw", name="n", related="NFSx", task_s=10.0, fails=fails)
        seen = []
        for _ in range(12):
            (task,) = book.find("a", "gw", task_id)
            seen.append((task["StateCode"], task["Progress"]))
            clock.at += 1
        assert seen[:3] == [("task.state.Initialized", 0), ("task.state.Running", 10), ("task.state.Running", 20)]
        assert [progress for _, progress in seen[:10]] == sorted(progress for _, progress in seen[:10])
        assert seen[10] == seen[11] == end
        assert task["UpdatedTime"] == task["CreatedTime"] + 10


def test_finished_tasks_are_forgotten() -> None:
    clock = _SetClock()
    book = TaskBook(clock, retention_s=100.0, capacity=50)
    for number in range(1000):
        book.start("a", f"gw-{number % 7}", name="n", related="x", task_s=0.0)
        assert len(book) <= 50
    last = book.start("a", "gw-x", name="n", related="x", task_s=0.0)
    clock.at += 101
    book.start("a", "gw-y", name="n", related="x", task_s=1000.0)
    assert len(book) == 1
    assert book.find("a", "gw-x", last) == []


def test_running_tasks_are_not_forgotten() -> None:
    clock = _SetClock()
    book = TaskBook(clock, retention_s=100.0, capacity=5)
    started = [book.start("a", "gw", name="n", related="x", task_s=1000.0) for _ in range(20)]
    clock.at += 500
    assert book.running("a", "gw") == 20
    assert all(book.find("a", "gw", task_id) for task_id in started)


def test_two_emulators_never_give_the_same_task_id() -> None:
    one, other = (TaskBook(Clock()).start("a", "gw", name="n", related="x", task_s=0.0) for _ in range(2))
    assert one != other
    assert len(one) == len("t-000cbzf2v72pcall****")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Name": ""}, "EmptyExpressSyncName"),
        ({"BucketName": ""}, "EmptyBucketName"),
        ({"BucketRegion": ""}, "EmptyBucketRegion"),
        ({"Name": "1group"}, "InvalidExpressSyncName"),
        ({"Name": "g" * 129}, "InvalidExpressSyncName"),
        ({"Name": "with space"}, "InvalidExpressSyncName"),
        ({"Description": "d" * 256}, "DescriptionOverLimit"),
        ({"BucketRegion": "Hangzhou"}, "InvalidRegionId"),
        ({"BucketName": "A_b"}, "InvalidBucketName"),
    ],
)
async def test_express_syncs_that_are_refused(client: SignedClient, change: dict[str, Any], code: str) -> None:
    refused = await client.alibaba("CreateExpressSync", **{**GROUP, **change})
    assert (refused.status, refused.code) == (400, code)
    assert (await client.ledger())["creates"] == {}


async def test_express_syncs_that_conflict(client: SignedClient) -> None:
    assert (await client.alibaba("CreateExpressSync", **GROUP, BucketPrefix="a/")).status == 200
    for change, code in (
        ({"BucketPrefix": "b/"}, "DuplicateExpressSyncName"),
        ({"Name": "g2", "BucketPrefix": "a/b/"}, "ConflictExpressSyncConfig"),
        ({"Name": "g2"}, "ConflictExpressSyncConfig"),
    ):
        refused = await client.alibaba("CreateExpressSync", **{**GROUP, **change})
        assert (refused.status, refused.code) == (400, code)
    assert (await client.alibaba("CreateExpressSync", **{**GROUP, "Name": "g2"}, BucketPrefix="b/")).status == 200
    other = client.with_key("other-ak", "other-sk")
    assert (await other.alibaba("CreateExpressSync", **GROUP)).status == 200


async def test_a_region_has_ten_express_syncs(client: SignedClient) -> None:
    for number in range(10):
        group = {**GROUP, "Name": f"g{number}", "BucketName": f"bucket-{number}"}
        assert (await client.alibaba("CreateExpressSync", **group)).status == 200
    refused = await client.alibaba("CreateExpressSync", **{**GROUP, "BucketName": "bucket-x"}, BucketPrefix="x")
    assert refused.code == "ExpressSyncNotificationEventLimitExceed"
    elsewhere = {**GROUP, "Name": "far", "BucketRegion": "cn-beijing"}
    assert (await client.alibaba("CreateExpressSync", **elsewhere)).status == 200


async def test_rpc_answers_are_xml_unless_json_is_asked_for(client: SignedClient) -> None:
    formats: list[dict[str, Any]] = [{}, {"Format": "XML"}]
    for params in formats:
        seen = await client.rpc("TriggerGatewayRemoteSync", GatewayId="gw-1", IndexId="NFSa&<b>", Path="/", **params)
        assert seen.headers["Content-Type"] == "text/xml;charset=utf-8"
        root = seen.xml
        assert root.tag == "TriggerGatewayRemoteSyncResponse"
        assert (root.findtext("Code"), root.findtext("Success")) == ("200", "true")
        assert root.findtext("TaskId", "").startswith("t-")
    page = (await client.rpc("DescribeTasks", TargetId="gw-1")).xml
    tasks = page.findall("Tasks/SimpleTask")
    assert [task.findtext("RelatedResourceId") for task in tasks] == ["NFSa&<b>"] * 2
    assert page.findtext("TotalCount") == "2"


async def test_v3_answers_follow_accept(client: SignedClient) -> None:
    seen = await client.alibaba("DescribeTasks", TargetId="gw-1", headers={"accept": "application/xml"})
    assert seen.xml.tag == "DescribeTasksResponse"
    assert (
        (await client.alibaba("DescribeTasks", TargetId="gw-1")).headers["Content-Type"].startswith("application/json")
    )


async def test_errors_in_xml(client: SignedClient) -> None:
    gateway = (await client.rpc("NoSuchOperation")).xml
    assert (gateway.tag, gateway.findtext("Code")) == ("Error", "InvalidApi.NotFound")
    assert gateway.findtext("HostId")
    service = (await client.rpc("CreateExpressSync")).xml
    assert (service.tag, service.findtext("Success")) == ("CreateExpressSyncResponse", "false")


async def test_a_rate_is_enforced_per_operation(client: SignedClient, emulator: Emulator) -> None:
    await client.faults(rate={"TriggerGatewayRemoteSync": 5}, record_arrivals=True)
    answers = [await client.trigger() for _ in range(30)]
    began = int(emulator.ledger.arrivals["TriggerGatewayRemoteSync"][0])
    seconds = int(emulator.ledger.arrivals["TriggerGatewayRemoteSync"][-1]) - began + 1
    passed = [seen for seen in answers if seen.status == 200]
    assert 5 <= len(passed) <= 5 * seconds
    refused = next(seen for seen in answers if seen.status == 400)
    assert refused.code == "Throttling.User"
    assert 1 <= int(refused.headers["x-acs-retry-after"]) <= 1000
    assert (await client.alibaba("DescribeTasks", TargetId="gw-1")).status == 200
    ledger = await client.ledger()
    assert ledger["calls"]["TriggerGatewayRemoteSync"] == 30
    assert ledger["answers"]["TriggerGatewayRemoteSync"] == {"200": len(passed), "Throttling.User": 30 - len(passed)}


async def test_a_rate_of_a_key_spans_its_operations(client: SignedClient) -> None:
    await client.faults(rate={"other-ak": 0.001})
    other = client.with_key("other-ak", "other-sk")
    assert (await other.trigger()).status == 200
    assert (await other.alibaba("DescribeTasks", TargetId="gw-1")).code == "Throttling.User"
    assert (await client.trigger()).status == 200
