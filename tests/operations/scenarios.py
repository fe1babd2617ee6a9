"""One scenario for each operation: what must be there before it, what it is asked, what it must say and do.

The operation itself is performed in the way that is under test; what is around it, by the library.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import Account, Engine
from engine.errors import TargetError
from engine.model import AuthToken
from tests.clouds.samples import BUCKETS, SECRETS

from .forms import Answer
from .here import Here, now_ms


class Do(Protocol):
    """The operation, performed once in the way under test."""

    way: str

    def __call__(self, **params: Any) -> Awaitable[Answer]: ...


Scenario: TypeAlias = Callable[[Do, Here], Awaitable[None]]

PATH = "/a b/ü+*~%"
GROUP: Mapping[str, Any] = {"name": "group", "bucket_region": "cn-hangzhou", "bucket_name": "bucket-1"}


async def trigger_gateway_remote_sync(do: Do, here: Here) -> None:
    answer = await do(gateway_id=here.gateway, index_id="NFSphotos", path=PATH)
    assert here.ledger()["triggers"][f"{here.gateway}|NFSphotos|{PATH}"] == 1
    (task,) = (await here.see(sgw.DescribeTasks(here.gateway))).items
    assert (answer["task_id"], bool(answer["request_id"])) == (task.task_id, True)


async def describe_tasks(do: Do, here: Here) -> None:
    started = [(await here.see(sgw.TriggerGatewayRemoteSync(here.gateway, f"NFS{n}"))).task_id for n in range(3)]
    await here.follow(here.gateway, started[0])
    page = await do(target_id=here.gateway, page_number=2, page_size=2)
    assert (page["total_count"], page["page_number"], page["page_size"]) == (3, 2, 2)
    (task,) = page["items"]
    assert (task["task_id"], task["related_resource_id"]) == (started[0], "NFS0")
    assert (task["state_code"], task["progress"]) == ("task.state.completed", 100)
    assert task["created_time"] <= task["updated_time"]


async def create_express_sync(do: Do, here: Here) -> None:
    answer = await do(**GROUP, bucket_prefix="a b/ö+", description="what & for?")
    (group,) = (await here.see(sgw.DescribeExpressSyncs())).items
    assert answer["express_sync_id"] == group.express_sync_id
    assert (group.name, group.bucket_region, group.bucket_name) == tuple(GROUP.values())
    assert (group.bucket_prefix, group.description) == ("a b/ö+", "what & for?")


async def delete_express_sync(do: Do, here: Here) -> None:
    group = await here.group()
    answer = await do(express_sync_id=group)
    await here.follow(group, answer["task_id"])
    assert (await here.see(sgw.DescribeExpressSyncs())).items == ()


async def describe_express_syncs(do: Do, here: Here) -> None:
    await here.group("one", "a/")
    group = await here.group("two", "b/")
    (found,) = (await do(bucket_name="bucket-1", bucket_prefix="b/"))["items"]
    assert (found["express_sync_id"], found["name"], found["bucket_prefix"]) == (group, "two", "b/")
    assert (found["bucket_name"], found["bucket_region"]) == ("bucket-1", "cn-hangzhou")
    assert found["mns_topic"] == f"sgw-express-sync-topic-{group}"


async def describe_express_sync_shares(do: Do, here: Here) -> None:
    first = await here.group("one", "a/", shares=["x"])
    second = await here.group("two", "b/", shares=["y z"])
    shares = (await do(express_sync_ids=[first, second], is_external=False))["items"]
    assert [(share["express_sync_id"], share["gateway_id"], share["share_name"]) for share in shares] == [
        (first, here.gateway, "x"),
        (second, here.gateway, "y z"),
    ]
    assert {(share["express_sync_state"], share["sync_progress"]) for share in shares} == {("MNSHealthy", 100)}


async def add_shares_to_express_sync(do: Do, here: Here) -> None:
    group = await here.group()
    answer = await do(express_sync_id=group, gateway_shares={here.gateway: ["a b", "ö"]})
    await here.follow(group, answer["task_id"])
    assert (answer["mns_topic"], answer["mns_full_sync_delay"]) == (f"sgw-express-sync-topic-{group}", 719)
    assert len(answer["mns_queues"].split(",")) == 2
    assert await here.shares(group) == {"a b", "ö"}


async def remove_shares_from_express_sync(do: Do, here: Here) -> None:
    group = await here.group(shares=["a", "b", "c"])
    answer = await do(express_sync_id=group, gateway_shares={here.gateway: ["a", "c"]})
    await here.follow(group, answer["task_id"])
    assert await here.shares(group) == {"b"}


async def validate_express_sync_config(do: Do, here: Here) -> None:
    await here.group()
    answer = await do(**GROUP, bucket_prefix="elsewhere/")
    assert (answer["is_valid"], answer["validate_message"]) == (False, "DuplicateExpressSyncName")


async def describe_shares_bucket_info_for_express_sync(do: Do, here: Here) -> None:
    await here.group(shares=["a"])
    (info,) = (await do(bucket_region="cn-hangzhou", bucket_name="bucket-1"))["items"]
    assert info == {"bucket_name": "bucket-1", "bucket_prefix": "a/", "bucket_region": "cn-hangzhou"}


async def describe_gateway_file_shares(do: Do, here: Here) -> None:
    (share,) = (await do(gateway_id=here.gateway, index_id="SMBhome", refresh=True))["items"]
    assert (share["index_id"], share["name"], share["protocol"]) == ("SMBhome", "home", "SMB")
    assert (share["enabled"], share["remote_sync"], share["polling_interval"]) == (True, True, 3600)
    assert (share["mns_health"], share["sync_progress"], share["active_messages"]) == ("MNSNotEnabled", -1, 0)


async def describe_gateway_file_status(do: Do, here: Here) -> None:
    await here.see(sgw.TriggerGatewayRemoteSync(here.gateway, "NFSa", "/sub ö"))
    assert (await do(gateway_id=here.gateway, index_id="NFSa", file_path="sub ö/file"))["status"] == "Clean"


async def describe_gateways(do: Do, here: Here) -> None:
    (bundle,) = (await here.see(sgw.DescribeStorageBundles())).items
    page = await do(storage_bundle_id=bundle.storage_bundle_id, page_number=2, page_size=1)
    assert (page["total_count"], page["page_number"], page["page_size"]) == (2, 2, 1)
    (gateway,) = page["items"]
    assert (gateway["gateway_id"], gateway["status"]) == ("gw-emulator2", "Running")
    assert gateway["storage_bundle_id"] == bundle.storage_bundle_id


async def describe_storage_bundles(do: Do, here: Here) -> None:
    page = await do(backend_bucket_region_id="cn-shanghai", page_number=1, page_size=50)
    (bundle,) = page["items"]
    assert (page["total_count"], bundle["name"], bundle["created_time"]) == (1, "emulator", 1_500_000_000)
    assert (await here.see(sgw.DescribeGateways(bundle["storage_bundle_id"]))).total_count == 2


async def describe_regions(do: Do, here: Here) -> None:
    assert {"region_id": "cn-shanghai"} in (await do())["items"]


async def create_sync_task(do: Do, here: Here) -> None:
    more = {"src_cloud_type": "AWS", "description": "nächtlich", "enable_restore": True, "dst_storage_policy": "IA"}
    answer = await do(**BUCKETS, **SECRETS, **more)
    (task,) = (await here.see(oms.ListSyncTasks())).tasks
    assert answer["sync_task_id"] == task.sync_task_id
    assert {name: getattr(task, name) for name in (*BUCKETS, *more)} == {**BUCKETS, **more}
    assert task.status == "SYNCHRONIZING"


async def start_sync_task(do: Do, here: Here) -> None:
    task = await here.sync_task(stopped=True)
    await do(sync_task_id=task, **SECRETS)
    assert await here.status(task) == "SYNCHRONIZING"


async def stop_sync_task(do: Do, here: Here) -> None:
    task = await here.sync_task()
    await do(sync_task_id=task)
    assert await here.status(task) == "STOPPED"


async def delete_sync_task(do: Do, here: Here) -> None:
    task = await here.sync_task(stopped=True)
    await do(sync_task_id=task)
    with pytest.raises(TargetError, match=r"OMS\.1009"):
        await here.status(task)


async def list_sync_tasks(do: Do, here: Here) -> None:
    await here.sync_task()
    task = await here.sync_task(description="the other", stopped=True)
    answer = await do(status="STOPPED", limit=10, offset=0)
    (found,) = answer["tasks"]
    assert (answer["count"], found["sync_task_id"], found["description"]) == (1, task, "the other")
    assert {name: found[name] for name in BUCKETS} == BUCKETS


async def show_sync_task(do: Do, here: Here) -> None:
    task = await here.sync_task(description="shown")
    await here.see(oms.CreateSyncEvents(task, ["a", "b", "c"]))
    shown = await do(sync_task_id=task, query_time=now_ms())
    assert (shown["sync_task_id"], shown["status"], shown["description"]) == (task, "SYNCHRONIZING", "shown")
    assert (shown["monthly_acceptance_request"], shown["enable_restore"]) == (3, False)
    assert shown["create_time"] == shown["last_start_time"] <= now_ms()


async def list_sync_task_statistic(do: Do, here: Here) -> None:
    task = await here.sync_task()
    await here.see(oms.CreateSyncEvents(task, ["a", "b"]))
    span = {"start_time": now_ms() - 3_600_000, "end_time": now_ms() + 60_000}
    answer = await do(sync_task_id=task, data_type=["REQUEST", "FAILURE"], **span)
    assert (answer["sync_task_id"], answer["statistic_time_type"]) == (task, "FIVE_MINUTES")
    sums = {
        each["data_type"]: sum(point["statistic_num"] for point in each["data"]) for each in answer["statistic_datas"]
    }
    assert sums == {"REQUEST": 2, "FAILURE": 0}


async def create_sync_events(do: Do, here: Here) -> None:
    task = await here.sync_task()
    await do(sync_task_id=task, object_keys=["a b/ö+%", "plain"])
    events = here.ledger()["events"]
    assert (events[f"{task}|a b/ö+%"], events[f"{task}|plain"]) == (1, 1)


async def keystone_list_projects(do: Do, here: Here) -> None:
    (project,) = (await do(name="cn-east-3"))["projects"]
    assert (project["name"], project["enabled"]) == ("cn-east-3", True)
    assert len(project["id"]) == 32
    assert project["id"] != await here.project_id()  # that of another region


async def keystone_create_user_token_by_password(do: Do, here: Here) -> None:
    user = {"user_name": here.key.access_key_id, "password": here.key.secret, "domain_name": here.key.account}
    answer = await do(**user, project_name="cn-north-4")
    project = await here.project_id()
    assert answer["token"]["project"]["id"] == project
    if do.way == "call":
        assert "x_subject_token" not in answer  # a command shows no secret
        return
    task = await here.sync_task()
    token = AuthToken(answer["x_subject_token"])
    bearer = Account("bearer", "huawei", "cn-north-4", token, {"oms": here.process.huawei, "iam": here.process.iam})
    async with Engine([replace(bearer, settings={"project_id": project})], ":memory:") as engine:
        assert [each.sync_task_id for each in (await engine.do(oms.ListSyncTasks())).tasks] == [task]


SCENARIOS: Mapping[str, Scenario] = {
    "TriggerGatewayRemoteSync": trigger_gateway_remote_sync,
    "DescribeTasks": describe_tasks,
    "CreateExpressSync": create_express_sync,
    "DeleteExpressSync": delete_express_sync,
    "DescribeExpressSyncs": describe_express_syncs,
    "DescribeExpressSyncShares": describe_express_sync_shares,
    "AddSharesToExpressSync": add_shares_to_express_sync,
    "RemoveSharesFromExpressSync": remove_shares_from_express_sync,
    "ValidateExpressSyncConfig": validate_express_sync_config,
    "DescribeSharesBucketInfoForExpressSync": describe_shares_bucket_info_for_express_sync,
    "DescribeGatewayFileShares": describe_gateway_file_shares,
    "DescribeGatewayFileStatus": describe_gateway_file_status,
    "DescribeGateways": describe_gateways,
    "DescribeStorageBundles": describe_storage_bundles,
    "DescribeRegions": describe_regions,
    "CreateSyncTask": create_sync_task,
    "StartSyncTask": start_sync_task,
    "StopSyncTask": stop_sync_task,
    "DeleteSyncTask": delete_sync_task,
    "ListSyncTasks": list_sync_tasks,
    "ShowSyncTask": show_sync_task,
    "ListSyncTaskStatistic": list_sync_task_statistic,
    "CreateSyncEvents": create_sync_events,
    "KeystoneListProjects": keystone_list_projects,
    "KeystoneCreateUserTokenByPassword": keystone_create_user_token_by_password,
}
