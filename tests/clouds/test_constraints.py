"""What the vendors demand of parameters is refused before anything is sent, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from typing import Any

import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import InputError
from engine.clouds.huawei import create_sync_task
from engine.clouds.operation import Operation, Untyped
from tests.clouds.samples import (
    BUCKETS,
    CDN,
    KMS_KEY,
    NOW_MS,
    OMS,
    SECRETS,
    SGW,
    TASK,
    Oms,
    Sgw,
    huawei_account,
    name_of,
)

Make = Callable[..., Operation[Any]]


def create_group(**changes: Any) -> Operation[Any]:
    return sgw.CreateExpressSync(**{"name": "a", "bucket_region": "cn-hangzhou", "bucket_name": "b", **changes})


def validate_group(**changes: Any) -> Operation[Any]:
    return sgw.ValidateExpressSyncConfig(**{"name": "a", "bucket_region": "r", "bucket_name": "b", **changes})


def trigger(**changes: Any) -> Operation[Any]:
    return sgw.TriggerGatewayRemoteSync(**{"gateway_id": "gw-1", "index_id": "NFSa", **changes})


def tasks(**changes: Any) -> Operation[Any]:
    return sgw.DescribeTasks(**{"target_id": "gw-1", **changes})


def groups(**changes: Any) -> Operation[Any]:
    return sgw.DescribeExpressSyncs(**changes)


def shares(**changes: Any) -> Operation[Any]:
    return sgw.AddSharesToExpressSync(**{"express_sync_id": "sync-1", "gateway_shares": {"gw-1": ["a"]}, **changes})


def fewer_shares(**changes: Any) -> Operation[Any]:
    return sgw.RemoveSharesFromExpressSync(**{"express_sync_id": "s", "gateway_shares": {"gw-1": ["a"]}, **changes})


def create_task(**changes: Any) -> Operation[Any]:
    return oms.CreateSyncTask(**{**BUCKETS, **SECRETS, **changes})


def start_task(**changes: Any) -> Operation[Any]:
    return oms.StartSyncTask(**{"sync_task_id": TASK, **SECRETS, **changes})


def cdn(**changes: Any) -> Operation[Any]:
    return create_task(source_cdn=oms.SourceCdn(**{**CDN, "authentication_key": "key", **changes}))


def events(**changes: Any) -> Operation[Any]:
    return oms.CreateSyncEvents(**{"sync_task_id": TASK, "object_keys": ["a"], **changes})


def statistic(**changes: Any) -> Operation[Any]:
    span = {"start_time": NOW_MS, "end_time": NOW_MS}
    return oms.ListSyncTaskStatistic(**{"sync_task_id": TASK, "data_type": ["SIZE"], **span, **changes})


def token(**changes: Any) -> Operation[Any]:
    user = {"user_name": "u", "password": "p", "domain_name": "d", "project_name": "cn-north-4"}
    return oms.KeystoneCreateUserTokenByPassword(**{**user, **changes})


LONG = "x" * 256
NOT_IDS = ("", "a b", "a\n", ".", "..", None, 5, LONG)
NAMES = ("", "1a", "-a", "a b", "a/b", "a\n", "é", "x" * 129, None)
NOT_TIMES = (NOW_MS // 1000, NOW_MS * 10, -1, str(NOW_MS), True, 1.7e12)

REFUSED: list[tuple[Make, str, tuple[Any, ...]]] = [
    (trigger, "gateway_id", NOT_IDS),
    (trigger, "index_id", NOT_IDS),
    (trigger, "path", ("", "/a/../b", "a\\..", "\0", "\ud800", "x" * 1025, None)),
    (tasks, "target_id", NOT_IDS),
    (tasks, "task_id", ("", "a b", 5)),
    (tasks, "page_number", (0, -1, "1", True, None)),
    (tasks, "page_size", (0, 51, "50", None)),
    (create_group, "name", NAMES),
    (create_group, "bucket_region", ("", None)),
    (create_group, "bucket_name", ("", None)),
    (create_group, "bucket_prefix", (5, "\ud800")),
    (create_group, "description", (LONG, 5)),
    (validate_group, "name", NAMES),
    (validate_group, "bucket_name", ("", None)),
    (validate_group, "bucket_region", ("", None)),
    (groups, "bucket_name", ("",)),
    (groups, "bucket_prefix", ("a/", "")),  # without a bucket_name
    (sgw.DeleteExpressSync, "express_sync_id", NOT_IDS),
    (
        sgw.DescribeExpressSyncShares,
        "express_sync_ids",
        ([], "sync-1", ["a,b"], [""], None),
    ),
    (
        lambda **changes: sgw.DescribeExpressSyncShares(["sync-1"], **changes),
        "is_external",
        ("true", 1),
    ),
    *(
        (
            make,
            "gateway_shares",
            ({}, {"gw": "share1"}, {"gw": ["a,b"]}, {"gw": [""]}, {"": ["a"]}, {1: ["a"]}, ["gw"], None),
        )
        for make in (shares, fewer_shares)
    ),
    *((make, "express_sync_id", NOT_IDS) for make in (shares, fewer_shares)),
    (sgw.DescribeSharesBucketInfoForExpressSync, "bucket_name", ("", 5)),
    (sgw.DescribeGatewayFileShares, "gateway_id", NOT_IDS),
    (lambda **changes: sgw.DescribeGatewayFileShares("gw-1", **changes), "refresh", ("true", 0)),
    (lambda **changes: sgw.DescribeGatewayFileStatus("gw-1", "NFSa", **changes), "file_path", ("", None)),
    (sgw.DescribeGateways, "storage_bundle_id", (*NOT_IDS,)),  # None: and no region
    (lambda **changes: sgw.DescribeGateways("sb", **changes), "page_size", (0, 51)),
    (lambda **changes: sgw.DescribeGateways("sb", **changes), "page_number", (0,)),
    (sgw.DescribeStorageBundles, "page_size", (0, 51)),
    (create_task, "src_region", ("", "x" * 101, None)),
    (create_task, "dst_region", ("", "x" * 101, None)),
    (create_task, "src_bucket", ("", "x" * 1025, None)),
    (create_task, "dst_bucket", ("", "x" * 1025, None)),
    *((make, name, ("", "x" * 101, None)) for make in (create_task, start_task) for name in SECRETS),
    (create_task, "src_cloud_type", ("Cloud", "aliyun", "")),
    (create_task, "description", (LONG, *"<>()\"'&")),
    (create_task, "dst_storage_policy", ("COLD", "")),
    (create_task, "consistency_check", ("no_check", "")),
    (lambda **changes: create_task(src_cloud_type="AWS", **changes), "consistency_check", ("crc64",)),
    (create_task, "app_id", (LONG,)),
    (create_task, "enable_kms", ("false", 0)),
    (create_task, "enable_restore", ("false", 0)),
    (create_task, "enable_metadata_migration", ("false", 0)),
    (create_task, "source_cdn", ({"domain": "x"}, "cdn")),
    *((make, f"{side}_crypto_type", ("AES",)) for make in (create_task, start_task) for side in ("src", "dst")),
    *(
        (make, f"{side}_kms_key_id", ("x" * 35, "x" * 37))
        for make in (create_task, start_task)
        for side in ("src", "dst")
    ),
    (start_task, "sync_task_id", NOT_IDS),
    (start_task, "source_cdn_authentication_key", (LONG,)),
    (start_task, "source_cdn_crypto_type", ("AES",)),
    (cdn, "domain", ("", "x" * 1025)),
    (cdn, "protocol", ("ftp", "HTTPS", None)),
    (cdn, "authentication_type", ("BASIC", None)),
    (cdn, "authentication_key", (LONG, "", None)),
    (cdn, "crypto_type", ("AES",)),
    (cdn, "kms_key_id", ("x",)),
    *((make, "sync_task_id", NOT_IDS) for make in (oms.StopSyncTask, oms.DeleteSyncTask)),
    (lambda **changes: oms.ShowSyncTask(**{"query_time": NOW_MS, **changes}), "sync_task_id", NOT_IDS),
    (lambda **changes: oms.ShowSyncTask(TASK, **changes), "query_time", (*NOT_TIMES, None)),
    (oms.ListSyncTasks, "status", ("stopped", "RUNNING")),
    (oms.ListSyncTasks, "limit", (0, 101, "10")),
    (oms.ListSyncTasks, "offset", (-1, 10_001)),
    (statistic, "data_type", ([], "SIZE", ["size"], ["SIZE"] * 6, None)),
    (statistic, "start_time", NOT_TIMES),
    (statistic, "end_time", (*NOT_TIMES, NOW_MS - 1)),
    (events, "sync_task_id", NOT_IDS),
    (events, "object_keys", ([], ["a"] * 101, "photo.jpg", [""], ["\0"], ["é" * 513], ["\ud800"], [5], None)),
    (oms.KeystoneListProjects, "name", ("", 5)),
    *((token, name, ("", None, 5)) for name in ("user_name", "password", "domain_name")),
    (token, "project_name", ("", None)),
    (token, "project_id", ("", "and a name as well")),
    (lambda **changes: Untyped("alibaba", "x", **changes), "path", ("", "a", "http://elsewhere/")),
    (lambda **changes: Untyped("alibaba", "x", **changes), "params", ({"a": 1}, ["a"])),
]


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [(make, name, value) for make, name, values in REFUSED for value in values],
    ids=lambda part: part if isinstance(part, str) and len(part) < 40 and part.isprintable() else None,
)
def test_refused(make: Make, name: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"\b{name}\b"):
        make(**{name: value})


@pytest.mark.parametrize("sample", [*SGW, *OMS], ids=name_of)
def test_every_parameter_is_checked(sample: Sgw | Oms) -> None:
    for field in fields(sample.operation):  # type: ignore[arg-type]
        missing = [None] if field.default is MISSING else []
        for value in (object(), *missing):
            with pytest.raises(InputError, match=rf"\b{field.name}\b"):
                replace(sample.operation, **{field.name: value})  # type: ignore[type-var]


ACCEPTED: list[tuple[Make, dict[str, Any]]] = [
    (trigger, {"gateway_id": "x" * 128, "path": "x" * 1024}),
    (trigger, {"path": "/..a/b.."}),
    (tasks, {"page_size": 50, "page_number": 1}),
    (tasks, {"page_size": 1}),
    (create_group, {"name": "x" * 128, "description": "x" * 255, "bucket_prefix": ""}),
    (create_group, {"name": "中.国_-9"}),
    (groups, {"bucket_name": "b", "bucket_prefix": ""}),
    (shares, {"gateway_shares": {"gw-1": ("a", "b c"), "gw-2": []}}),
    (create_task, dict.fromkeys(SECRETS, "x" * 100)),
    (create_task, {"src_bucket": "x" * 1024, "dst_bucket": "x" * 1024, "src_region": "x" * 100}),
    (create_task, {"src_cloud_type": "Tencent", "app_id": "1"}),
    *((create_task, {"src_cloud_type": kind, "consistency_check": "crc64"}) for kind in (None, "HuaweiCloud")),
    *((cdn, {"authentication_type": kind, "authentication_key": None}) for kind in create_sync_task.KEYLESS),
    (create_task, {"src_crypto_type": "KMS", "src_kms_key_id": KMS_KEY}),
    (cdn, {"domain": "x" * 1024, "authentication_key": "x" * 255}),
    (start_task, {"sync_task_id": "x" * 255}),
    (events, {"object_keys": ["é" * 512] * 100}),
    (events, {"object_keys": ("a",)}),
    (statistic, {"data_type": ("REQUEST", "SUCCESS", "FAILURE", "SKIP", "SIZE")}),
]


@pytest.mark.parametrize(("make", "changes"), ACCEPTED)
def test_accepted(make: Make, changes: dict[str, Any]) -> None:
    make(**changes)


@pytest.mark.parametrize("app_id", [None, ""])
def test_tencent_needs_an_app_id(app_id: str | None) -> None:
    with pytest.raises(InputError, match="app_id is required when src_cloud_type is Tencent"):
        create_task(src_cloud_type="Tencent", app_id=app_id)


def test_gateways_are_of_a_bundle_or_of_a_region() -> None:
    with pytest.raises(InputError, match="storage_bundle_id is required unless resource_region_id"):
        sgw.DescribeGateways()


def test_the_value_is_shown_and_the_rule_told() -> None:
    with pytest.raises(InputError) as refused:
        create_group(name="1st")
    assert str(refused.value).startswith("name '1st' must be 1 to 128 characters in length, can contain letters")


def test_a_region_without_documented_sync_tasks_is_warned_of() -> None:
    account = huawei_account("http://127.0.0.1:1")
    for region in ("cn-north-4", "cn-east-3", "cn-southwest-2", ""):
        create_task().call(replace(account, region=region))  # a warning would be an error
    with pytest.warns(UserWarning, match="not for eu-west-101"):
        create_task().call(replace(account, region="eu-west-101"))


def test_what_may_be_repeated() -> None:
    """By what the vendors promise of each; see the docstrings."""
    every = [*(getattr(sgw, name) for name in sgw.__all__), *(getattr(oms, name) for name in oms.__all__)]
    once = {kind.__name__ for kind in every if kind is not oms.SourceCdn and not kind.repeatable}
    assert once == {
        "CreateExpressSync",
        "DeleteExpressSync",
        "AddSharesToExpressSync",
        "RemoveSharesFromExpressSync",
        "CreateSyncTask",
    }
