"""What is sent, compared with what the vendors' own SDKs send for the same operation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import huaweicloudsdkiam.v3 as iam_models
import huaweicloudsdkoms.v2 as oms_models
import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import Account
from engine.clouds import clouds
from engine.clouds.operation import Operation
from engine.emulator import AccessKey
from signers import SignedRequest
from tests.clouds.recorder import Recorder, Seen, recording
from tests.clouds.samples import BUCKETS, OMS, PROJECT, SECRETS, SGW, TASK, Oms, Sgw, name_of
from tests.clouds.samples import alibaba_account as alibaba
from tests.clouds.samples import huawei_account as huawei
from tests.emulator import sdks

KEY = AccessKey("key", "secret")
# What every request of this API has, in the query or, with the newer signature, in headers.
COMMON = {
    *("Action", "Version", "Format", "AccessKeyId", "SignatureMethod", "SignatureVersion", "SignatureNonce"),
    *("SignatureType", "Timestamp", "Signature", "RegionId"),
}


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with recording() as running:
        yield running


def signed(operation: Operation[Any], account: Account) -> SignedRequest:
    return clouds()[account.cloud].signer(account)(operation.call(account), 1.7e9, "nonce")


def test_every_operation_is_compared() -> None:
    assert {name_of(sample) for sample in SGW} == set(sgw.__all__)
    assert {name_of(sample) for sample in OMS} == set(oms.__all__) - {"SourceCdn"}


def own(params: Mapping[str, str]) -> dict[str, Any]:
    """The operation's own parameters. How JSON in one is spaced and escaped does not matter."""
    found: dict[str, Any] = {name: value for name, value in params.items() if name not in COMMON}
    if "GatewayShares" in found:
        found["GatewayShares"] = json.loads(found["GatewayShares"])
    return found


def described(params: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str, dict[str, Any]]:
    """The operation, the version of the API and the parameters, whatever the signature."""
    action = headers.get("x-acs-action") or params["Action"]
    return action, headers.get("x-acs-version") or params["Version"], own(params)


@pytest.mark.parametrize("signature", ["acs3", "rpc"])
@pytest.mark.parametrize("sdk", ["core", "tea-v3"])
@pytest.mark.parametrize("sample", SGW, ids=name_of)
async def test_sgw_operations_are_sent_as_the_vendor_sends_them(
    recorder: Recorder, sample: Sgw, sdk: str, signature: str
) -> None:
    await sdks.ALIBABA_SDKS[sdk](recorder.url, KEY)(name_of(sample), **sample.params)
    (theirs,) = recorder.seen
    ours = signed(sample.operation, alibaba(recorder.url, settings={"signature": signature}))
    url = urlsplit(ours.url)
    form = ours.body.decode() if signature == "rpc" else url.query
    assert (ours.method, url.path) == (theirs.method, theirs.path) == ("POST", "/")
    mine = described(dict(parse_qsl(form, keep_blank_values=True)), ours.headers)
    assert mine == described(theirs.params, theirs.headers)
    assert mine[2] == own(sample.params)  # an SDK that dropped a parameter would agree with one that did


async def test_gateways_of_a_region_as_the_one_sdk_asks_that_can(recorder: Recorder) -> None:
    await sdks.Core(recorder.url, KEY)("DescribeGateways", ResourceRegionId="cn-shanghai")
    ours = signed(sgw.DescribeGateways(resource_region_id="cn-shanghai"), alibaba(recorder.url))
    assert dict(parse_qsl(urlsplit(ours.url).query)) == own(recorder.seen[0].params)


def test_what_is_none_is_not_sent() -> None:
    account = alibaba("http://127.0.0.1:1")
    for operation, sent in (
        (sgw.CreateExpressSync("a", "r", "b"), {"Name", "BucketRegion", "BucketName"}),
        (sgw.DescribeExpressSyncs(), set()),
        (sgw.DescribeTasks("gw"), {"TargetId", "PageNumber", "PageSize"}),
    ):
        assert operation.call(account).params.keys() == sent
    bare = oms.CreateSyncTask(**BUCKETS, **SECRETS)
    assert json.loads(bare.call(huawei("http://127.0.0.1:1")).body) == {**BUCKETS, **SECRETS}
    assert oms.ListSyncTasks().call(huawei("http://127.0.0.1:1")).params == {}


def _request(sample: Oms) -> tuple[str, Any]:
    """The SDK's method, and its request made of what the vendor calls the parameters."""
    body: Any = sample.body
    match name_of(sample):
        case "CreateSyncTask":
            body = oms_models.CreateSyncTaskReq(**{**body, "source_cdn": oms_models.SourceCdnReq(**body["source_cdn"])})
            return "create_sync_task", oms_models.CreateSyncTaskRequest(body)
        case "StartSyncTask":
            return "start_sync_task", oms_models.StartSyncTaskRequest(TASK, oms_models.StartSyncTaskReq(**body))
        case "StopSyncTask":
            return "stop_sync_task", oms_models.StopSyncTaskRequest(TASK)
        case "DeleteSyncTask":
            return "delete_sync_task", oms_models.DeleteSyncTaskRequest(TASK)
        case "ShowSyncTask":
            return "show_sync_task", oms_models.ShowSyncTaskRequest(TASK, sample.params["query_time"])
        case "ListSyncTasks":
            return "list_sync_tasks", oms_models.ListSyncTasksRequest(**sample.params)
        case "ListSyncTaskStatistic":
            return "list_sync_task_statistic", oms_models.ListSyncTaskStatisticRequest(TASK, **sample.params)
        case "CreateSyncEvents":
            return "create_sync_events", oms_models.CreateSyncEventsRequest(TASK, oms_models.SyncObjectReq(**body))
        case "KeystoneListProjects":
            return "keystone_list_projects", iam_models.KeystoneListProjectsRequest(**sample.params)
        case _:
            return "keystone_create_user_token_by_password", sdks.token_request(body, **sample.params)


@pytest.mark.parametrize("sample", OMS, ids=name_of)
def test_oms_operations_are_sent_as_the_vendor_sends_them(
    recorder: Recorder, sample: Oms, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # the SDK writes there
    recorder.answer = lambda seen: (200, "application/json", b"{}")
    method, request = _request(sample)
    call: Callable[[str, Any], Any]
    if sample.operation.service == "iam":
        call = sdks.Iam(recorder.url, KEY, asynchronous=False)
    else:
        call = sdks.Oms(recorder.url, KEY, PROJECT, asynchronous=False)
    call(method, request)
    (theirs,) = recorder.seen
    ours = signed(sample.operation, huawei(recorder.url))
    url = urlsplit(ours.url)
    mine = Seen(ours.method, url.path, dict(parse_qsl(url.query)), ours.headers, ours.body)
    below = f"/v2/{PROJECT}/sync-tasks" + (f"/{sample.path}" if sample.path else "")
    path = sample.path if sample.path.startswith("/") else below
    for one in (mine, theirs):
        assert (one.method, one.path, one.params) == (sample.method, path, sample.params)
        assert (json.loads(one.body) if one.body else None) == sample.body
    assert mine.headers.get("x-project-id") == (theirs.headers.get("x-project-id") if below == path else None)


def test_kms_encryption_which_the_sdk_cannot_ask_for_any_more() -> None:
    operation = oms.CreateSyncTask(**BUCKETS, **SECRETS, enable_kms=True)
    assert json.loads(operation.call(huawei("http://127.0.0.1:1")).body)["enable_kms"] is True
