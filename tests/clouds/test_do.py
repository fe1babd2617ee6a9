"""How operations are done: prepared, repeated or not, for which account, and those without a type."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import Account, CallError, ConfigError, Credentials, Engine, InputError
from engine.errors import BusyError, QuotaError, RejectedError, TransportError
from tests.clouds.conftest import Clouds
from tests.clouds.samples import BUCKETS, SECRETS

DEADLINE_S = 10.0


async def test_a_busy_group_is_waited_for_only_where_waiting_does_no_harm(clouds: Clouds) -> None:
    clouds.set(task_s=3600)
    async with clouds.engine() as engine:
        group = (await engine.do(sgw.CreateExpressSync("g", "cn-hangzhou", "bucket-1"))).express_sync_id
        await engine.do(sgw.AddSharesToExpressSync(group, {"gw-1": ["a"]}))
        with pytest.raises(BusyError):
            await engine.do(sgw.RemoveSharesFromExpressSync(group, {"gw-1": ["a"]}))
    assert clouds.calls("RemoveSharesFromExpressSync") == 1


async def test_a_create_whose_answer_is_lost_is_not_repeated(clouds: Clouds) -> None:
    clouds.set(reset_after=1.0)
    account = replace(clouds.buckets, settings={"project_id": "a-project"})
    async with Engine([clouds.gateways, account], ":memory:") as engine:
        with pytest.raises(TransportError) as lost:
            await engine.do(oms.CreateSyncTask(**BUCKETS, **SECRETS))
        assert lost.value.sent
        with pytest.raises(TransportError):
            await engine.do(sgw.CreateExpressSync("g", "cn-hangzhou", "bucket-1"))
    assert (clouds.calls("CreateSyncTask"), clouds.calls("CreateExpressSync")) == (1, 1)


async def test_a_tenants_sixth_sync_task_is_a_matter_of_quota(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        for _ in range(5):
            await engine.do(oms.CreateSyncTask(**BUCKETS, **SECRETS))
        with pytest.raises(QuotaError, match=r"OMS\.0077"):
            await engine.do(oms.CreateSyncTask(**BUCKETS, **SECRETS))


@pytest.mark.parametrize("operation", ["StopSyncTask", "DeleteSyncTask", "StartSyncTask"])
async def test_a_repeat_that_finds_it_done_has_succeeded(clouds: Clouds, operation: str) -> None:
    async with clouds.engine() as engine:
        task = (await engine.do(oms.CreateSyncTask(**BUCKETS, **SECRETS))).sync_task_id
        wanted: oms.StopSyncTask | oms.DeleteSyncTask | oms.StartSyncTask = oms.StopSyncTask(task)
        if operation != "StopSyncTask":
            await engine.do(wanted)
            wanted = oms.DeleteSyncTask(task)
        if operation == "StartSyncTask":
            wanted = oms.StartSyncTask(sync_task_id=task, **SECRETS)
        before = clouds.calls(operation)
        clouds.set(operations={operation: {"reset_after": 1.0}})
        doing = asyncio.create_task(engine.do(wanted))
        deadline = time.monotonic() + DEADLINE_S
        while clouds.calls(operation) == before:
            assert time.monotonic() < deadline
            await engine.do(oms.ListSyncTasks())  # let the other call go
        clouds.clear()
        await doing
        assert clouds.calls(operation) >= before + 2
        if operation == "DeleteSyncTask":
            await engine.do(wanted)  # gone is gone
        else:
            with pytest.raises(RejectedError):  # without a doubtful attempt before it, the refusal is the answer
                await engine.do(wanted)


async def test_an_account_is_prepared_once(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        await asyncio.gather(*(engine.do(oms.ListSyncTasks()) for _ in range(10)))
        await engine.do(oms.ListSyncTasks())
    assert clouds.calls("KeystoneListProjects") == 1


async def test_projects_can_be_asked_for_by_an_account_that_has_none(clouds: Clouds) -> None:
    lost = Account("lost", "huawei", "", clouds.buckets.credentials, clouds.buckets.endpoints)
    async with Engine([lost], ":memory:") as engine:
        assert len(await engine.do(oms.KeystoneListProjects())) == 3
        with pytest.raises(ConfigError, match="project_id"):
            await engine.do(oms.ListSyncTasks())
        assert "projects" in await engine.call(
            "huawei", "KeystoneListProjects", method="GET", path="/v3/projects", service="iam"
        )


async def test_any_other_operation_can_be_called(clouds: Clouds) -> None:
    async with clouds.engine() as engine:
        regions = await engine.call("alibaba", "DescribeRegions")
        assert {"RegionId": "cn-shanghai"} in regions["Regions"]["Region"]
        status = {"GatewayId": "gw-1", "IndexId": "NFSa", "FilePath": "x"}
        assert (await engine.call("alibaba", "DescribeGatewayFileStatus", status))["Status"] == "Not found"
        path = "/v2/{project_id}/sync-tasks"
        body = {**BUCKETS, **SECRETS}
        task = (await engine.call("huawei", "CreateSyncTask", path=path, body=body))["sync_task_id"]
        listed = await engine.call("huawei", "ListSyncTasks", {"limit": "1"}, method="GET", path=path)
        assert [each["sync_task_id"] for each in listed["tasks"]] == [task]
        assert await engine.call("huawei", "StopSyncTask", path=f"{path}/{task}/stop") == {}
        with pytest.raises(CallError, match="InvalidApi"):
            await engine.call("alibaba", "NoSuchOperation")
        with pytest.raises(InputError, match="path"):
            await engine.call("huawei", "x", path="no-slash")


async def test_operations_go_to_the_account_that_is_named(clouds: Clouds) -> None:
    wrong = Account("wrong", "alibaba", "cn-shanghai", Credentials("emulator-ak", "no"), clouds.gateways.endpoints)
    async with Engine([clouds.gateways, wrong], ":memory:") as engine:
        assert (await engine.do(sgw.DescribeRegions())).items
        assert (await engine.do(sgw.DescribeRegions(), "gateways")).items
        with pytest.raises(CallError, match="SignatureDoesNotMatch"):
            await engine.do(sgw.DescribeRegions(), "wrong")
        for operation, name in (
            (sgw.DescribeRegions(), "nobody"),
            (oms.ListSyncTasks(), ""),
            (oms.ListSyncTasks(), "wrong"),
        ):
            with pytest.raises(ConfigError, match="there is no account"):
                await engine.do(operation, name)
