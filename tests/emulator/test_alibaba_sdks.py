"""Alibaba Cloud's own SDKs against the emulator: core signs the RPC way, tea either way, blocking and asyncio."""

from __future__ import annotations

import time
from uuid import UUID

import pytest

from engine.emulator import AccessKey, EmulatorProcess

from .control import Control
from .sdks import ALIBABA_SDKS, AlibabaSdk, VendorError

TRIGGER = {"GatewayId": "gw-sdk", "IndexId": "NFStest1", "Path": "/a b/ü+*~%"}


@pytest.fixture(params=ALIBABA_SDKS)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def sdk(name: str, process: EmulatorProcess, key: AccessKey) -> AlibabaSdk:
    return ALIBABA_SDKS[name](process.alibaba, key)


async def test_trigger_and_follow_a_reverse_sync(sdk: AlibabaSdk, control: Control, key: AccessKey) -> None:
    gateway = f"gw-{key.account}"
    started = await sdk("TriggerGatewayRemoteSync", **{**TRIGGER, "GatewayId": gateway})
    assert str(UUID(started["RequestId"])).upper() == started["RequestId"]
    assert (started["Code"], started["Message"], started["Success"]) == ("200", "successful", True)
    deadline = time.monotonic() + 10
    while True:
        page = await sdk("DescribeTasks", TargetId=gateway, TaskId=started["TaskId"])
        (task,) = page["Tasks"]["SimpleTask"]
        assert page["TotalCount"] == 1
        assert task["TaskId"] == started["TaskId"]
        if task["Progress"] == 100:
            break
        assert task["StateCode"] in {"task.state.Initialized", "task.state.Running"}
        assert time.monotonic() < deadline
    assert task["StateCode"] == "task.state.completed"
    assert task["Name"] == "task.name.operate_gateway.trigger_remote_sync"
    assert task["RelatedResourceId"] == "NFStest1"
    assert abs(task["CreatedTime"] - time.time()) < 60
    assert control.ledger()["triggers"][f"{gateway}|NFStest1|/a b/ü+*~%"] == 1


async def test_tasks_come_in_pages_newest_first(sdk: AlibabaSdk, key: AccessKey) -> None:
    gateway = f"gw-{key.account}"
    started = [(await sdk("TriggerGatewayRemoteSync", **{**TRIGGER, "GatewayId": gateway}))["TaskId"] for _ in range(5)]
    seen = []
    for number in (1, 2, 3):
        page = await sdk("DescribeTasks", TargetId=gateway, PageNumber=number, PageSize=2)
        assert (page["TotalCount"], page["PageNumber"], page["PageSize"]) == (5, number, 2)
        seen += [task["TaskId"] for task in page["Tasks"]["SimpleTask"]]
    assert seen == started[::-1]


async def test_a_failed_task_says_so(sdk: AlibabaSdk, control: Control, key: AccessKey) -> None:
    control.set(task_fail=1, task_s=0)
    started = await sdk("TriggerGatewayRemoteSync", **TRIGGER)
    (task,) = (await sdk("DescribeTasks", TargetId="gw-sdk", TaskId=started["TaskId"]))["Tasks"]["SimpleTask"]
    assert (task["Progress"], task["StateCode"]) == (-1, "task.state.Failed")
    assert task["MessageKey"]


async def test_create_express_sync(sdk: AlibabaSdk, control: Control, key: AccessKey) -> None:
    wanted = {
        "Name": f"组.{key.account}",
        "BucketName": "bucket-1",
        "BucketRegion": "cn-hangzhou",
        "Description": "x y",
    }
    created = await sdk("CreateExpressSync", **wanted)
    assert created["ExpressSyncId"].startswith("sync-")
    assert control.ledger()["creates"][f"CreateExpressSync|组.{key.account}"] == 1
    with pytest.raises(VendorError) as again:
        await sdk("CreateExpressSync", **wanted)
    assert (again.value.code, again.value.status) == ("DuplicateExpressSyncName", 400)


async def test_a_wrong_secret_is_refused(name: str, process: EmulatorProcess, key: AccessKey) -> None:
    sdk = ALIBABA_SDKS[name](process.alibaba, AccessKey(key.access_key_id, "wrong"))
    with pytest.raises(VendorError) as refused:
        await sdk("TriggerGatewayRemoteSync", **TRIGGER)
    # The core SDK recognises its own string to sign in the answer and concludes that only the secret can be wrong.
    assert refused.value.code == ("InvalidAccessKeySecret" if name == "core" else "SignatureDoesNotMatch")
    assert refused.value.status == 400


async def test_an_unknown_key_is_refused(name: str, process: EmulatorProcess) -> None:
    sdk = ALIBABA_SDKS[name](process.alibaba, AccessKey("nobody", "secret"))
    with pytest.raises(VendorError) as refused:
        await sdk("DescribeTasks", TargetId="gw-sdk")
    assert (refused.value.code, refused.value.status) == ("InvalidAccessKeyId.NotFound", 404)


@pytest.mark.parametrize("skew_s", [-920, 920])
async def test_a_stale_date_is_refused(sdk: AlibabaSdk, control: Control, skew_s: float) -> None:
    control.set(clock_skew_s=skew_s)
    with pytest.raises(VendorError) as refused:
        await sdk("TriggerGatewayRemoteSync", **TRIGGER)
    assert (refused.value.code, refused.value.status) == ("InvalidTimeStamp.Expired", 400)


async def test_a_date_just_inside_the_window_is_accepted(sdk: AlibabaSdk, control: Control) -> None:
    control.set(clock_skew_s=840)
    assert (await sdk("TriggerGatewayRemoteSync", **TRIGGER))["Success"] is True


@pytest.fixture
def stuck_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes both SDKs use one nonce for ever."""
    monkeypatch.setattr("aliyunsdkcore.utils.parameter_helper.get_uuid", lambda: "stuck")
    monkeypatch.setattr("aliyunsdkcore.auth.composer.rpc_signature_composer.helper.get_uuid", lambda: "stuck")
    monkeypatch.setattr("alibabacloud_tea_openapi.utils.Utils.get_nonce", staticmethod(lambda: "stuck"))


@pytest.mark.usefixtures("stuck_nonces")
async def test_a_nonce_is_good_for_one_call(sdk: AlibabaSdk) -> None:
    assert (await sdk("TriggerGatewayRemoteSync", **TRIGGER))["Success"] is True
    with pytest.raises(VendorError) as refused:
        await sdk("TriggerGatewayRemoteSync", **TRIGGER)
    assert (refused.value.code, refused.value.status) == ("SignatureNonceUsed", 400)


async def test_busy_gateway_and_throttling(sdk: AlibabaSdk, control: Control, key: AccessKey) -> None:
    control.set(operations={"TriggerGatewayRemoteSync": {"busy": 1}})
    with pytest.raises(VendorError) as busy:
        await sdk("TriggerGatewayRemoteSync", **TRIGGER)
    assert (busy.value.code, busy.value.status) == ("GatewayInOperation", 400)
    control.set(throttle=1)
    with pytest.raises(VendorError) as throttled:
        await sdk("TriggerGatewayRemoteSync", **TRIGGER)
    assert throttled.value.code in {"Throttling.User", "Throttling.Api"}
    assert throttled.value.status == 400


@pytest.mark.parametrize("algorithm", ["tea-v3", "tea-v1"])
async def test_a_security_token_belongs_to_the_key(algorithm: str, process: EmulatorProcess) -> None:
    make = ALIBABA_SDKS[algorithm]
    right = AccessKey("with-token", "token-secret", security_token="the/token+=")
    assert (await make(process.alibaba, right)("TriggerGatewayRemoteSync", **TRIGGER))["Success"] is True
    for key, code in (
        (AccessKey("with-token", "token-secret"), "MissingSecurityToken"),
        (AccessKey("with-token", "token-secret", security_token="no"), "InvalidSecurityToken.MismatchWithAccessKey"),
        (AccessKey("expired", "expired-secret", security_token="old"), "InvalidSecurityToken.Expired"),
        (AccessKey("disabled", "disabled-secret"), "InvalidAccessKeyId.Inactive"),
    ):
        with pytest.raises(VendorError) as refused:
            await make(process.alibaba, key)("DescribeTasks", TargetId="gw-sdk")
        assert (refused.value.code, refused.value.status) == (code, 400)
