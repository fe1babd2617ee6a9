"""Every operation through the engine, against both clouds emulated in another process."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import Engine
from engine.clouds.alibaba.express_groups import ExpressSync
from engine.clouds.huawei.projects import Project
from engine.errors import RejectedError, TargetError, UnauthorizedError
from tests.clouds.conftest import Clouds
from tests.clouds.samples import BUCKETS, SECRETS

DEADLINE_S = 10.0


async def test_every_operation(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        await _inventory(engine)
        await _reverse_sync(engine)
        await _express_sync(engine)
        await _sync_task(engine)
    assert set(clouds.ledger()["calls"]) == {*sgw.__all__, *oms.__all__} - {"SourceCdn"}


async def _inventory(engine: Engine) -> None:
    assert "cn-shanghai" in {region.region_id for region in (await engine.do(sgw.DescribeRegions())).items}
    bundles = await engine.do(sgw.DescribeStorageBundles("cn-shanghai"))
    (bundle,) = bundles.items
    assert (bundle.backend_bucket_region_id, bundle.created_time) == ("cn-shanghai", 1_500_000_000)
    page = await engine.do(sgw.DescribeGateways(bundle.storage_bundle_id, page_number=2, page_size=1))
    assert (page.total_count, page.page_number, page.page_size) == (2, 2, 1)
    (gateway,) = page.items
    assert (gateway.gateway_id, gateway.status) == ("gw-emulator2", "Running")
    assert len((await engine.do(sgw.DescribeGateways(resource_region_id="cn-shanghai"))).items) == 2
    first, second = (await engine.do(sgw.DescribeGatewayFileShares(gateway.gateway_id, refresh=True))).items
    assert (first.index_id, first.protocol, first.remote_sync, first.polling_interval) == (
        "NFSshare1",
        "NFS",
        True,
        3600,
    )
    assert (second.index_id, second.mns_health, second.active_messages) == ("SMBshare2", "MNSNotEnabled", 0)


async def _reverse_sync(engine: Engine) -> None:
    file = sgw.DescribeGatewayFileStatus("gw-1", "NFSa", "sub/file")
    assert (await engine.do(file)).status == "Not found"
    began = int(time.time())
    started = await engine.do(sgw.TriggerGatewayRemoteSync("gw-1", "NFSa", "sub"))
    assert started.request_id
    assert (await engine.do(file)).status == "Clean"
    await _follow(engine, "gw-1", started.task_id)
    page = await engine.do(sgw.DescribeTasks("gw-1"))
    (task,) = page.items
    assert (page.total_count, task.task_id, task.done, task.progress) == (1, started.task_id, True, 100)
    assert (task.related_resource_id, task.message_key) == ("NFSa", None)
    assert began <= (task.created_time or 0) <= (task.updated_time or 0) <= time.time()
    with pytest.raises(TargetError, match="GatewayNotExist"):
        await engine.do(sgw.DescribeGatewayFileShares("no-gateway"))


async def _express_sync(engine: Engine) -> None:
    wanted: dict[str, Any] = {"name": "group", "bucket_region": "cn-hangzhou", "bucket_name": "bucket-1"}
    validate = sgw.ValidateExpressSyncConfig(**wanted, bucket_prefix="a/")
    assert (await engine.do(validate)).is_valid is True
    created = await engine.do(sgw.CreateExpressSync(**wanted, bucket_prefix="a/", description="ü & <"))
    group = created.express_sync_id
    refused = await engine.do(validate)
    assert (refused.is_valid, refused.validate_message) == (False, "DuplicateExpressSyncName")
    with pytest.raises(RejectedError, match="DuplicateExpressSyncName"):
        await engine.do(sgw.CreateExpressSync(**wanted))
    found = await engine.do(sgw.DescribeExpressSyncs("bucket-1", "a/"))
    topic = f"sgw-express-sync-topic-{group}"
    assert found.items == (ExpressSync(group, "group", "ü & <", "bucket-1", "a/", "cn-hangzhou", topic),)
    assert (await engine.do(sgw.DescribeExpressSyncs("bucket-1", ""))).items == ()

    added = await engine.do(sgw.AddSharesToExpressSync(group, {"gw-1": ["share1", "share2"], "gw-2": ["weekly"]}))
    assert (added.mns_topic, added.mns_full_sync_delay) == (topic, 719)
    await _follow(engine, group, added.task_id)
    joined = (await engine.do(sgw.DescribeExpressSyncShares([group]))).items
    assert {(share.gateway_id, share.share_name) for share in joined} == {
        ("gw-1", "share1"),
        ("gw-1", "share2"),
        ("gw-2", "weekly"),
    }
    assert {(share.express_sync_state, share.sync_progress) for share in joined} == {("MNSHealthy", 100)}
    free = (await engine.do(sgw.DescribeExpressSyncShares([group], is_external=True))).items
    assert {share.sync_progress for share in free} == {-1}
    infos = (await engine.do(sgw.DescribeSharesBucketInfoForExpressSync("cn-hangzhou"))).items
    assert [(info.bucket_name, info.bucket_prefix) for info in infos] == [("bucket-1", "a/")]
    removed = await engine.do(sgw.RemoveSharesFromExpressSync(group, {"gw-1": ["share1", "share2"]}))
    await _follow(engine, group, removed.task_id)
    assert [share.share_name for share in (await engine.do(sgw.DescribeExpressSyncShares([group]))).items] == ["weekly"]
    deleted = await engine.do(sgw.DeleteExpressSync(group))
    await _follow(engine, group, deleted.task_id)
    with pytest.raises(TargetError, match="ExpressSyncNotExist"):
        await engine.do(sgw.DeleteExpressSync(group))


async def _follow(engine: Engine, target: str, task_id: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        (task,) = (await engine.do(sgw.DescribeTasks(target, task_id))).items
        if task.done:
            return
        assert time.monotonic() < deadline


async def _sync_task(engine: Engine) -> None:
    (project,) = await engine.do(oms.KeystoneListProjects("cn-north-4"))
    assert isinstance(project, Project)
    assert (project.name, project.enabled) == ("cn-north-4", True)
    user = oms.KeystoneCreateUserTokenByPassword("emulator-ak", "emulator-sk", "emulator", "cn-north-4")
    issued = await engine.do(user)
    assert (issued.project_id, issued.expires_at > time.time()) == (project.id, True)
    with pytest.raises(UnauthorizedError, match="password is wrong"):
        await engine.do(replace(user, password="another"))
    cdn = oms.SourceCdn("cdn.example", "https", "ALIYUN_OSS_A", "a-cdn-key")
    wanted = oms.CreateSyncTask(
        **BUCKETS, **SECRETS, src_cloud_type="AWS", description="nächtlich", enable_restore=True, source_cdn=cdn
    )
    task = (await engine.do(wanted)).sync_task_id
    now_ms = int(time.time() * 1000)
    shown = await engine.do(oms.ShowSyncTask(task, now_ms))
    assert (shown.status, shown.src_cloud_type, shown.description) == ("SYNCHRONIZING", "AWS", "nächtlich")
    assert (shown.enable_restore, shown.enable_metadata_migration, shown.app_id) == (True, False, None)
    assert shown.create_time == shown.last_start_time
    listed = await engine.do(oms.ListSyncTasks(limit=100))
    assert (listed.count, [each.sync_task_id for each in listed.tasks]) == (1, [task])
    assert listed.tasks[0].source_cdn is not None
    assert (listed.tasks[0].source_cdn.domain, listed.tasks[0].monthly_size) == ("cdn.example", None)
    await engine.do(oms.CreateSyncEvents(task, ["test/001.txt", "a b+c", "中"]))
    deadline = time.monotonic() + DEADLINE_S
    while (shown := await engine.do(oms.ShowSyncTask(task, now_ms))).monthly_success_object != 3:
        assert shown.monthly_acceptance_request == 3
        assert time.monotonic() < deadline
    statistic = await engine.do(
        oms.ListSyncTaskStatistic(task, ["REQUEST", "SUCCESS", "FAILURE", "SIZE"], now_ms - 3_600_000, now_ms + 60_000)
    )
    assert (statistic.sync_task_id, statistic.statistic_time_type) == (task, "FIVE_MINUTES")
    sums = {each.data_type: sum(point.statistic_num for point in each.data) for each in statistic.statistic_datas}
    assert sums == {"REQUEST": 3, "SUCCESS": 3, "FAILURE": 0, "SIZE": 3072}
    with pytest.raises(RejectedError, match=r"OMS\.0065"):
        await engine.do(oms.StartSyncTask(sync_task_id=task, **SECRETS))
    await engine.do(oms.StopSyncTask(task))
    assert (await engine.do(oms.ListSyncTasks("STOPPED"))).count == 1
    await engine.do(oms.StartSyncTask(sync_task_id=task, **SECRETS))
    assert (await engine.do(oms.ListSyncTasks("STOPPED"))).count == 0
    with pytest.raises(RejectedError, match=r"OMS\.0063"):
        await engine.do(oms.DeleteSyncTask(task))
    await engine.do(oms.StopSyncTask(task))
    await engine.do(oms.DeleteSyncTask(task))
    with pytest.raises(TargetError, match=r"OMS\.1009"):
        await engine.do(oms.ShowSyncTask(task, now_ms))
