"""Huawei Cloud OMS: bodies, the states of a sync task, events and counters, secrets."""

from __future__ import annotations

from collections import deque
from types import MethodType
from typing import Any

import pytest

from engine.emulator import Emulator
from engine.emulator.sync_task_bodies import sync_task_settings

from .signed import SECRETS, SYNC_TASK, SignedClient


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"src_ak": None}, "OMS.1004"),
        ({"dst_sk": ""}, "OMS.0051"),
        ({"src_sk": "s" * 101}, "OMS.0051"),
        ({"dst_bucket": None}, "OMS.1004"),
        ({"src_bucket": 7}, "OMS.1002"),
        ({"src_cloud_type": "Cloud"}, "OMS.0064"),
        ({"src_cloud_type": "Tencent"}, "OMS.1004"),
        ({"description": "d" * 256}, "OMS.0051"),
        ({"description": "a<b"}, "OMS.0078"),
        ({"description": "it's"}, "OMS.0078"),
        ({"enable_restore": "true"}, "OMS.1002"),
        ({"dst_storage_policy": "COLD"}, "OMS.0064"),
        ({"consistency_check": "md5"}, "OMS.0064"),
        ({"source_cdn": "x"}, "OMS.1002"),
        ({"source_cdn": {"domain": "d", "protocol": "ftp", "authentication_type": "NONE"}}, "OMS.0064"),
        ({"source_cdn": {"domain": "d", "protocol": "http"}}, "OMS.1004"),
        ({"unknown": 1}, "OMS.0064"),
    ],
)
async def test_sync_tasks_that_are_refused(client: SignedClient, change: dict[str, Any], code: str) -> None:
    refused = await client.create_sync_task(**change)
    assert (refused.status, refused.code) == (400, code)
    assert (await client.ledger())["creates"] == {}


async def test_bodies_that_are_no_json_objects(client: SignedClient) -> None:
    for body in (b"", b"{", b"[]", b"null", b"\xff"):
        refused = await client.huawei("POST", "/v2/p1/sync-tasks", body=body)
        assert (refused.status, refused.code) == (400, "OMS.0067")


async def test_a_task_with_everything(client: SignedClient) -> None:
    cdn = {"domain": "d", "protocol": "https", "authentication_type": "NONE", "authentication_key": "cdn-marker"}
    created = await client.create_sync_task(
        src_cloud_type="Tencent",
        app_id="app",
        description="every night",
        enable_kms=True,
        dst_storage_policy="IA",
        consistency_check="crc64",
        source_cdn=cdn,
    )
    path = f"/v2/p1/sync-tasks/{created.json['sync_task_id']}"
    shown = (await client.huawei("GET", path, query="query_time=1")).json
    assert (shown["app_id"], shown["enable_kms"], shown["dst_storage_policy"]) == ("app", True, "IA")
    assert shown["consistency_check"] == "crc64"
    assert "source_cdn" not in shown
    (listed,) = (await client.huawei("GET", "/v2/p1/sync-tasks")).json["tasks"]
    assert listed["source_cdn"] == {"domain": "d", "protocol": "https", "authentication_type": "NONE"}


async def test_no_secret_is_kept_or_told(
    client: SignedClient, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    cdn = {"domain": "d", "protocol": "https", "authentication_type": "NONE", "authentication_key": "cdn-marker"}
    created = await client.create_sync_task(source_cdn=cdn)
    path = f"/v2/p1/sync-tasks/{created.json['sync_task_id']}"
    answers = [
        created,
        await client.huawei("GET", path, query="query_time=1"),
        await client.huawei("POST", f"{path}/start", SECRETS),
        await client.create_sync_task(description="<"),
        await client.send("GET", "/_emulator/ledger", {}),
    ]
    held = repr(emulator.__dict__) + repr(_everything(emulator)) + caplog.text
    told = b"".join(seen.body for seen in answers).decode()
    for secret in (*SECRETS.values(), "cdn-marker"):
        assert secret not in told
        assert secret not in held
    assert created.json["sync_task_id"] in held


def _everything(emulator: Emulator) -> list[Any]:
    """All state of the clouds, however deep."""
    found: list[Any] = []
    waiting: list[Any] = [emulator]
    visited: set[int] = set()
    while waiting:
        each = waiting.pop()
        if id(each) in visited or isinstance(each, type):
            continue
        visited.add(id(each))
        if isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, (list, tuple, set, frozenset, deque)):
            waiting += list(each)
        elif isinstance(each, MethodType):
            waiting.append(each.__self__)
        elif type(each).__module__.startswith("engine.emulator"):
            names: list[str] = list(getattr(each, "__dict__", getattr(type(each), "__slots__", ())))
            waiting += [getattr(each, name) for name in names]
        elif isinstance(each, (str, bytes)):
            found.append(each)
    return found


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ([], "OMS.0051"),
        (["k"] * 101, "OMS.0051"),
        ([""], "OMS.0051"),
        (["k" * 16_385], "OMS.0051"),
        ([7], "OMS.1002"),
        ("k", "OMS.1002"),
        (None, "OMS.1004"),
        (["a b"], "OMS.0064"),
        (["中"], "OMS.0064"),
        (["100%"], "OMS.0064"),
    ],
)
async def test_events_that_are_refused(client: SignedClient, keys: object, code: str) -> None:
    task = await client.new_sync_task()
    refused = await client.huawei("POST", f"{task}/events", {"object_keys": keys})
    assert (refused.status, refused.code) == (400, code)
    assert (await client.ledger())["events"] == {}


async def test_the_largest_event(client: SignedClient) -> None:
    task = await client.new_sync_task()
    accepted = await client.push(task, *(f"{number:03}{'k' * 16_381}" for number in range(100)))
    assert (accepted.status, accepted.body) == (200, b"")
    assert len((await client.ledger())["events"]) == 100


async def test_keys_are_decoded_once(client: SignedClient) -> None:
    task = await client.new_sync_task()
    await client.push(task, "a%252Fb", "a+b", "%E4%B8%AD%2F%20", "a/b")
    task_id = task.rpartition("/")[2]
    assert set((await client.ledger())["events"]) == {f"{task_id}|{key}" for key in ("a%2Fb", "a+b", "中/ ", "a/b")}


async def test_a_task_of_another_project_is_not_found(client: SignedClient) -> None:
    task = await client.new_sync_task("p1")
    assert (await client.push(task.replace("/p1/", "/p2/"), "k")).code == "OMS.1009"


async def test_a_start_needs_all_its_keys(client: SignedClient) -> None:
    task = await client.new_sync_task()
    assert (await client.huawei("POST", f"{task}/start", {"src_ak": "a"})).code == "OMS.1004"
    assert (await client.huawei("POST", f"{task}0/start", SECRETS)).code == "OMS.0054"


def test_the_body_of_the_documentation_page_is_accepted() -> None:
    body = (
        b'{"src_cloud_type":"HuaweiCloud","src_region":"cn-north-4","src_bucket":"a","src_ak":"x","src_sk":"x",'
        b'"dst_ak":"x","dst_sk":"x","dst_region":"cn-north-4","dst_bucket":"b","description":"sync task test",'
        b'"enable_metadata_migration":false,"enable_kms":false,"enable_restore":false}'
    )
    assert sync_task_settings(body)["description"] == "sync task test"
    assert SYNC_TASK["src_sk"] not in str(sync_task_settings(body))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "OMS.0051"),
        ("limit=101", "OMS.0051"),
        ("offset=10001", "OMS.0051"),
        ("limit=ten", "OMS.1010"),
        ("status=RUNNING", "OMS.0052"),
    ],
)
async def test_lists_that_are_refused(client: SignedClient, query: str, code: str) -> None:
    refused = await client.huawei("GET", "/v2/p1/sync-tasks", query=query)
    assert (refused.status, refused.code) == (400, code)


async def test_lists_are_of_one_project(client: SignedClient) -> None:
    task = await client.new_sync_task("p1")
    assert (await client.huawei("GET", "/v2/p2/sync-tasks")).json == {"tasks": [], "count": 0}
    (listed,) = (await client.huawei("GET", "/v2/p1/sync-tasks")).json["tasks"]
    assert task.endswith(listed["sync_task_id"])
    await client.faults(empty=1)
    assert (await client.huawei("GET", "/v2/p1/sync-tasks")).json == {"tasks": [], "count": 0}
