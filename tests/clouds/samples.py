"""One of every operation, with what the vendor calls its parameters and a good answer to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import Account, Credentials
from engine.clouds.operation import Operation

PROJECT = "0123456789abcdef0123456789abcdef"
TASK = "d18befdd-eb82-41f3-8019-bbb593d74a3e"
NOW_MS = 1_700_639_560_751
SECRETS: dict[str, Any] = {
    "src_ak": "src-ak-marker",
    "src_sk": "src-sk-marker",
    "dst_ak": "dst-ak-marker",
    "dst_sk": "dst-sk-marker",
}
BUCKETS: dict[str, Any] = {
    "src_region": "cn-beijing",
    "src_bucket": "from",
    "dst_region": "cn-north-4",
    "dst_bucket": "to",
}
CDN: dict[str, Any] = {"domain": "cdn.example", "protocol": "https", "authentication_type": "ALIYUN_OSS_A"}
KMS_KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"


def alibaba_account(url: str, **changes: Any) -> Account:
    return Account("gateways", "alibaba", "cn-shanghai", Credentials("key", "secret"), {"sgw": url}, **changes)


def huawei_account(url: str) -> Account:
    endpoints = {"oms": url, "iam": url}
    return Account("buckets", "huawei", "cn-north-4", Credentials("key", "secret"), endpoints, {"project_id": PROJECT})


class Sgw(NamedTuple):
    operation: Operation[Any]
    params: Mapping[str, str]
    answer: Mapping[str, Any]


def _list(parents: str, child: str, **item: Any) -> Mapping[str, Any]:
    return {parents: {child: [item]}, "TotalCount": 1, "PageNumber": 1, "PageSize": 10}


_GROUP = {"Name": "組-a_b.c", "BucketRegion": "cn-hangzhou", "BucketName": "bucket-1", "BucketPrefix": "a b/ö+"}
_SHARES = {"gw-1": ["share 1", "share2"], "gw-2": ["週"]}
_SHARES_SENT = '{"gw-1":"share 1,share2","gw-2":"週"}'
_TASK = {"TaskId": "t-1"}

SGW = [
    Sgw(
        sgw.TriggerGatewayRemoteSync("gw-1", "NFSphotos", "/a b/+%ü"),
        {"GatewayId": "gw-1", "IndexId": "NFSphotos", "Path": "/a b/+%ü"},
        _TASK,
    ),
    Sgw(
        sgw.DescribeTasks("gw-1", "t-1", page_number=2, page_size=50),
        {"TargetId": "gw-1", "TaskId": "t-1", "PageNumber": "2", "PageSize": "50"},
        _list("Tasks", "SimpleTask", TaskId="t-1", StateCode="task.state.Running", Progress=5, CreatedTime=1),
    ),
    Sgw(
        sgw.CreateExpressSync("組-a_b.c", "cn-hangzhou", "bucket-1", "a b/ö+", "what & for?"),
        {**_GROUP, "Description": "what & for?"},
        {"ExpressSyncId": "sync-1"},
    ),
    Sgw(sgw.DeleteExpressSync("sync-1"), {"ExpressSyncId": "sync-1"}, _TASK),
    Sgw(
        sgw.DescribeExpressSyncs("bucket-1", ""),
        {"BucketName": "bucket-1", "BucketPrefix": ""},
        _list("ExpressSyncs", "ExpressSync", ExpressSyncId="sync-1", Name="a", BucketPrefix=""),
    ),
    Sgw(
        sgw.DescribeExpressSyncShares(["sync-1", "sync-2"], is_external=True),
        {"ExpressSyncIds": "sync-1,sync-2", "IsExternal": "true"},
        _list("Shares", "Share", GatewayId="gw-1", ShareName="share1", SyncProgress=-2),
    ),
    Sgw(
        sgw.AddSharesToExpressSync("sync-1", _SHARES),
        {"ExpressSyncId": "sync-1", "GatewayShares": _SHARES_SENT},
        {**_TASK, "MnsTopic": "topic", "MnsFullSyncDelay": 719},
    ),
    Sgw(
        sgw.RemoveSharesFromExpressSync("sync-1", _SHARES),
        {"ExpressSyncId": "sync-1", "GatewayShares": _SHARES_SENT},
        _TASK,
    ),
    Sgw(
        sgw.ValidateExpressSyncConfig("組-a_b.c", "cn-hangzhou", "bucket-1", "a b/ö+"),
        _GROUP,
        {"IsValid": False, "ValidateMessage": "ConflictExpressSyncConfig"},
    ),
    Sgw(
        sgw.DescribeSharesBucketInfoForExpressSync("cn-hangzhou", "bucket-1"),
        {"BucketRegion": "cn-hangzhou", "BucketName": "bucket-1"},
        _list("BucketInfos", "BucketInfo", BucketName="bucket-1"),
    ),
    Sgw(
        sgw.DescribeGatewayFileShares("gw-1", "NFSphotos", refresh=False),
        {"GatewayId": "gw-1", "IndexId": "NFSphotos", "Refresh": "false"},
        _list("FileShares", "FileShare", IndexId="NFSphotos", RemoteSync=True, PollingInterval=15),
    ),
    Sgw(
        sgw.DescribeGatewayFileStatus("gw-1", "NFSphotos", "sub/ü"),
        {"GatewayId": "gw-1", "IndexId": "NFSphotos", "FilePath": "sub/ü"},
        {"Status": "Clean"},
    ),
    Sgw(
        sgw.DescribeGateways(storage_bundle_id="sb-1", page_number=1, page_size=50),
        {"StorageBundleId": "sb-1", "PageNumber": "1", "PageSize": "50"},
        _list("Gateways", "Gateway", GatewayId="gw-1", Status="Running"),
    ),
    Sgw(
        sgw.DescribeStorageBundles("cn-shanghai", 1, 50),
        {"BackendBucketRegionId": "cn-shanghai", "PageNumber": "1", "PageSize": "50"},
        _list("StorageBundles", "StorageBundle", StorageBundleId="sb-1"),
    ),
    Sgw(sgw.DescribeRegions(), {}, _list("Regions", "Region", RegionId="cn-shanghai")),
]

_SHOWN = {
    "sync_task_id": TASK,
    "status": "STOPPED",
    "create_time": NOW_MS,
    "app_id": None,
    "enable_restore": False,
    "monthly_size": 0,
    "source_cdn": CDN,
}


class Oms(NamedTuple):
    operation: Operation[Any]
    method: str
    path: str  # below /v2/{project_id}/sync-tasks, or the whole of it if it starts with a slash
    params: Mapping[str, str]
    body: Mapping[str, Any] | None
    answer: Mapping[str, Any] | None
    answer_headers: Mapping[str, str] = {}


OMS = [
    Oms(
        oms.CreateSyncTask(
            **BUCKETS,
            **SECRETS,
            src_cloud_type="Tencent",
            app_id="an-app",
            description="nächtlich",
            enable_metadata_migration=True,
            enable_restore=False,
            dst_storage_policy="IA",
            consistency_check="crc64",
            source_cdn=oms.SourceCdn(**CDN, authentication_key="cdn-key-marker"),
            src_crypto_type="KMS",
            src_kms_key_id=KMS_KEY,
        ),
        "POST",
        "",
        {},
        {
            **BUCKETS,
            **SECRETS,
            "src_cloud_type": "Tencent",
            "app_id": "an-app",
            "description": "nächtlich",
            "enable_metadata_migration": True,
            "enable_restore": False,
            "dst_storage_policy": "IA",
            "consistency_check": "crc64",
            "source_cdn": {**CDN, "authentication_key": "cdn-key-marker"},
            "src_crypto_type": "KMS",
            "src_kms_key_id": KMS_KEY,
        },
        {"sync_task_id": TASK},
    ),
    Oms(
        oms.StartSyncTask(sync_task_id=TASK, **SECRETS, source_cdn_authentication_key="cdn-key-marker"),
        "POST",
        f"{TASK}/start",
        {},
        {**SECRETS, "source_cdn_authentication_key": "cdn-key-marker"},
        None,
    ),
    Oms(oms.StopSyncTask(TASK), "POST", f"{TASK}/stop", {}, None, None),
    Oms(oms.DeleteSyncTask(TASK), "DELETE", TASK, {}, None, None),
    Oms(oms.ShowSyncTask(TASK, NOW_MS), "GET", TASK, {"query_time": str(NOW_MS)}, None, _SHOWN),
    Oms(
        oms.ListSyncTasks(status="STOPPED", limit=100, offset=10_000),
        "GET",
        "",
        {"limit": "100", "offset": "10000", "status": "STOPPED"},
        None,
        {"tasks": [_SHOWN], "count": 1},
    ),
    Oms(
        oms.ListSyncTaskStatistic(TASK, ["REQUEST", "SIZE"], NOW_MS - 1, NOW_MS),
        "GET",
        f"{TASK}/statistics",
        {"data_type": "REQUEST,SIZE", "start_time": str(NOW_MS - 1), "end_time": str(NOW_MS)},
        None,
        {
            "sync_task_id": TASK,
            "statistic_time_type": "ONE_HOUR",
            "statistic_datas": [{"data_type": "SIZE", "data": [{"time_stamp": NOW_MS, "statistic_num": 7}]}],
        },
    ),
    Oms(
        oms.CreateSyncEvents(TASK, ["test/001.txt", "a b+c", "中%"]),
        "POST",
        f"{TASK}/events",
        {},
        {"object_keys": ["test%2F001.txt", "a%20b%2Bc", "%E4%B8%AD%25"]},
        None,
    ),
    Oms(
        oms.KeystoneListProjects("cn-north-4"),
        "GET",
        "/v3/projects",
        {"name": "cn-north-4"},
        None,
        {"projects": [{"id": PROJECT, "name": "cn-north-4", "enabled": True}], "links": {}},
    ),
    Oms(
        oms.KeystoneCreateUserTokenByPassword("me", "user-password-marker", "company", "cn-north-4"),
        "POST",
        "/v3/auth/tokens",
        {"nocatalog": "true"},
        {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {
                        "user": {"name": "me", "password": "user-password-marker", "domain": {"name": "company"}}
                    },
                },
                "scope": {"project": {"name": "cn-north-4"}},
            }
        },
        {"token": {"expires_at": "2020-01-04T09:08:49.965000Z", "project": {"id": PROJECT, "name": "cn-north-4"}}},
        {"x-subject-token": "token-marker"},
    ),
]


def name_of(sample: Sgw | Oms) -> str:
    return type(sample.operation).__name__
