"""The rest of Alibaba Cloud Storage Gateway's operations, through all of the vendor's SDKs."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from engine.emulator import AccessKey, EmulatorProcess

from .sdks import ALIBABA_SDKS, AlibabaSdk, VendorError


@pytest.fixture(params=ALIBABA_SDKS)
def sdk(request: pytest.FixtureRequest, process: EmulatorProcess, key: AccessKey) -> AlibabaSdk:
    return ALIBABA_SDKS[request.param](process.alibaba, key)


async def _create(sdk: AlibabaSdk, name: str = "group", prefix: str = "a/") -> str:
    wanted = {"Name": name, "BucketName": "bucket-1", "BucketRegion": "cn-hangzhou", "BucketPrefix": prefix}
    created: str = (await sdk("CreateExpressSync", **wanted))["ExpressSyncId"]
    return created


async def _finish(sdk: AlibabaSdk, target: str, task_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while True:
        (task,) = (await sdk("DescribeTasks", TargetId=target, TaskId=task_id))["Tasks"]["SimpleTask"]
        if task["StateCode"] == "task.state.completed":
            found: dict[str, Any] = task
            return found
        assert time.monotonic() < deadline


async def _shares(sdk: AlibabaSdk, group: str, **more: Any) -> dict[tuple[str, str], dict[str, Any]]:
    answer = await sdk("DescribeExpressSyncShares", ExpressSyncIds=group, **more)
    return {(share["GatewayId"], share["ShareName"]): share for share in answer["Shares"]["Share"]}


async def test_the_life_of_a_group(sdk: AlibabaSdk) -> None:
    group = await _create(sdk)
    shares = json.dumps({"gw-1": "share1,share2,", "gw-2": "weekly"})
    added = await sdk("AddSharesToExpressSync", ExpressSyncId=group, GatewayShares=shares)
    assert added["MnsTopic"] == f"sgw-express-sync-topic-{group}"
    assert len(added["MnsQueues"].split(",")) == 3
    assert added["MnsFullSyncDelay"] > 0
    assert added["MnsPublicEndpoint"].startswith("http://")
    assert (await _finish(sdk, group, added["TaskId"]))["Name"] == "task.name.operate_fast_sync.add_shares"
    joined = await _shares(sdk, group)
    assert set(joined) == {("gw-1", "share1"), ("gw-1", "share2"), ("gw-2", "weekly")}
    assert {share["ExpressSyncState"] for share in joined.values()} == {"MNSHealthy"}
    assert {share["SyncProgress"] for share in joined.values()} == {100}

    removed = await sdk("RemoveSharesFromExpressSync", ExpressSyncId=group, GatewayShares='{"gw-1":"share2"}')
    await _finish(sdk, group, removed["TaskId"])
    assert set(await _shares(sdk, group)) == {("gw-1", "share1"), ("gw-2", "weekly")}

    deleted = await sdk("DeleteExpressSync", ExpressSyncId=group)
    assert (await _finish(sdk, group, deleted["TaskId"]))["Name"] == "task.name.operate_fast_sync.delete"
    with pytest.raises(VendorError) as gone:
        await sdk("DeleteExpressSync", ExpressSyncId=group)
    assert (gone.value.code, gone.value.status) == ("ExpressSyncNotExist", 400)
    assert (await sdk("DescribeExpressSyncs"))["ExpressSyncs"]["ExpressSync"] == []


async def test_groups_are_found_by_bucket_and_prefix(sdk: AlibabaSdk) -> None:
    ids = {prefix: await _create(sdk, name=f"g{number}", prefix=prefix) for number, prefix in enumerate(("a/", "b/"))}
    for params, expected in (
        ({}, {"a/", "b/"}),
        ({"BucketName": "bucket-1"}, {"a/", "b/"}),
        ({"BucketName": "bucket-1", "BucketPrefix": "b/"}, {"b/"}),
        ({"BucketName": "bucket-1", "BucketPrefix": ""}, set()),
        ({"BucketName": "bucket-2"}, set()),
    ):
        found = (await sdk("DescribeExpressSyncs", **params))["ExpressSyncs"]["ExpressSync"]
        assert {group["BucketPrefix"]: group["ExpressSyncId"] for group in found} == {
            prefix: ids[prefix] for prefix in expected
        }
    assert (found := (await sdk("DescribeExpressSyncs"))["ExpressSyncs"]["ExpressSync"])[0]["Name"] == "g0"
    assert found[0]["BucketRegion"] == "cn-hangzhou"


async def test_a_configuration_is_validated(sdk: AlibabaSdk) -> None:
    wanted = {"Name": "new", "BucketName": "bucket-1", "BucketRegion": "cn-hangzhou", "BucketPrefix": "a/b/"}
    assert (await sdk("ValidateExpressSyncConfig", **wanted))["IsValid"] is True
    await _create(sdk)
    conflict = await sdk("ValidateExpressSyncConfig", **wanted)
    assert (conflict["IsValid"], conflict["ValidateMessage"]) == (False, "ConflictExpressSyncConfig")
    same_name = await sdk("ValidateExpressSyncConfig", **{**wanted, "Name": "group", "BucketPrefix": "x"})
    assert (same_name["IsValid"], same_name["ValidateMessage"]) == (False, "DuplicateExpressSyncName")


async def test_shares_that_could_be_added(sdk: AlibabaSdk) -> None:
    group = await _create(sdk)
    free = await _shares(sdk, group, IsExternal="true")
    assert ("gw-emulator1", "share1") in free
    assert {share["SyncProgress"] for share in free.values()} == {-1}
    await sdk("AddSharesToExpressSync", ExpressSyncId=group, GatewayShares='{"gw-emulator1":"share1"}')
    assert set(await _shares(sdk, group, IsExternal="true")) == set(free) - {("gw-emulator1", "share1")}


async def test_file_shares_and_buckets(sdk: AlibabaSdk) -> None:
    listed = (await sdk("DescribeGatewayFileShares", GatewayId="gw-1", Refresh="true"))["FileShares"]["FileShare"]
    assert [(share["IndexId"], share["Protocol"], share["Name"]) for share in listed] == [
        ("NFSshare1", "NFS", "share1"),
        ("SMBshare2", "SMB", "share2"),
    ]
    assert [share["RemoteSync"] for share in listed] == [True, True]
    group = await _create(sdk)
    await sdk("AddSharesToExpressSync", ExpressSyncId=group, GatewayShares='{"gw-1":"share1,extra"}')
    listed = (await sdk("DescribeGatewayFileShares", GatewayId="gw-1"))["FileShares"]["FileShare"]
    assert [share["IndexId"] for share in listed] == ["NFSshare1", "SMBshare2", "NFSextra"]
    assert [share["ExpressSyncId"] for share in listed] == [group, "", group]
    (one,) = (await sdk("DescribeGatewayFileShares", GatewayId="gw-1", IndexId="NFSshare1"))["FileShares"]["FileShare"]
    assert (one["OssBucketName"], one["PathPrefix"], one["RemoteSync"]) == ("bucket-1", "a/", False)
    infos = (await sdk("DescribeSharesBucketInfoForExpressSync"))["BucketInfos"]["BucketInfo"]
    assert {info["BucketName"] for info in infos} == {"bucket-1", "emulator-bucket"}
    infos = (await sdk("DescribeSharesBucketInfoForExpressSync", BucketRegion="cn-hangzhou"))["BucketInfos"]
    assert infos["BucketInfo"] == [{"BucketName": "bucket-1", "BucketPrefix": "a/", "BucketRegion": "cn-hangzhou"}]


async def test_the_status_of_a_file(sdk: AlibabaSdk, key: AccessKey) -> None:
    where = {"GatewayId": f"gw-{key.account}", "IndexId": "NFSa"}
    assert (await sdk("DescribeGatewayFileStatus", **where, FilePath="sub/dir/file"))["Status"] == "Not found"
    await sdk("TriggerGatewayRemoteSync", **where, Path="/sub")
    assert (await sdk("DescribeGatewayFileStatus", **where, FilePath="sub/dir/file"))["Status"] == "Clean"
    assert (await sdk("DescribeGatewayFileStatus", **where, FilePath="subs/file"))["Status"] == "Not found"


async def test_regions_bundles_and_gateways(sdk: AlibabaSdk) -> None:
    assert {"RegionId": "cn-shanghai"} in (await sdk("DescribeRegions"))["Regions"]["Region"]
    bundles = await sdk("DescribeStorageBundles", BackendBucketRegionId="cn-shanghai", PageNumber=1, PageSize=50)
    (bundle,) = bundles["StorageBundles"]["StorageBundle"]
    page = await sdk("DescribeGateways", StorageBundleId=bundle["StorageBundleId"], PageSize=1, PageNumber=2)
    assert (page["TotalCount"], page["PageNumber"], page["PageSize"]) == (2, 2, 1)
    (gateway,) = page["Gateways"]["Gateway"]
    assert (gateway["GatewayId"], gateway["Status"]) == ("gw-emulator2", "Running")
    with pytest.raises(VendorError) as unknown:
        await sdk("DescribeGateways", StorageBundleId="sb-none")
    assert (unknown.value.code, unknown.value.status) == ("StorageBundleNotExist", 400)
    assert (await sdk("DescribeStorageBundles", BackendBucketRegionId="cn-beijing"))["TotalCount"] == 0
