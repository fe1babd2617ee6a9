"""What a doctor finds at the emulated clouds, account by account."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

import engine.clouds.alibaba.operations as sgw
from engine import Engine
from engine.cli.demo import create_sync_task
from engine.clouds.examination import Status
from engine.config import accounts, load
from engine.errors import (
    ConfigError,
    CredentialsError,
    ExpiredCredentialsError,
    QuotaError,
    StaleSignatureError,
    UnauthorizedError,
    UnavailableError,
)

from .between import Between
from .conftest import READS, Emulated, diagnosed, keys

NO_EFFECTS: dict[str, object] = {"triggers": {}, "events": {}, "creates": {}}


async def test_all_is_well(emulated: Emulated) -> None:
    report = await diagnosed(emulated.environ("alibaba", "huawei"))
    assert not report.bad()
    for cloud, variable in (("alibaba", "ALIBABA_CLOUD_ACCESS_KEY_ID"), ("huawei", "HUAWEICLOUD_SDK_AK")):
        assert report.the("credentials", cloud).facts == {"source": f"the environment: {variable}", "expires_at": None}
        assert report.the("tls", cloud).status is Status.SKIPPED
        assert "plain http" in report.the("tls", cloud).seen
        assert abs(report.the("clock", cloud).facts["offset_s"]) < 2
        assert report.all("identity", cloud)[0].seen == "access key well... is accepted"
    assert report.the("gateways").facts == {"total": 2, "states": {"Running": 2}}
    assert {finding.subject for finding in report.all("shares")} == {"gw-emulator1", "gw-emulator2"}
    assert report.the("project_id").seen.endswith("as KeystoneListProjects says")
    assert report.all("quota", "huawei")[0].facts["limit"] == 5


async def test_nothing_is_changed_however_much_there_is(emulated: Emulated) -> None:
    environ = emulated.environ("alibaba", "huawei")
    mine = {account.cloud: account for account in accounts(load(None, environ), environ)}
    await create_sync_task(mine["huawei"])
    async with Engine([mine["alibaba"]], ":memory:") as engine:
        group = await engine.do(sgw.CreateExpressSync("doctor", "cn-shanghai", "a-bucket"))
        await engine.do(sgw.AddSharesToExpressSync(group.express_sync_id, {"gw-emulator1": ["share1"]}))
    before = emulated.ledger()
    emulated.forget()
    report = await diagnosed(environ)
    assert not report.bad()
    after = emulated.ledger()
    assert set(after["calls"]) == READS
    assert {name: after[name] for name in NO_EFFECTS} == NO_EFFECTS
    assert before["creates"], "there was something to find"
    assert report.the("sync tasks").facts == {"total": 1, "states": {"SYNCHRONIZING": 1}}
    assert report.the("express sync groups").facts == {"total": 1}
    assert report.the("express sync shares").facts == {"total": 1, "unreached": []}
    untried = {finding.subject for finding in report.all("permission") if finding.status is Status.SKIPPED}
    assert "TriggerGatewayRemoteSync" in untried
    assert not untried & READS


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_a_wrong_secret_is_tried_once(emulated: Emulated, cloud: str) -> None:
    report = await diagnosed(emulated.environ(cloud) | keys(cloud, "well", "neither-this"))
    assert report.bad(cloud) == {("identity", "")}
    identity = report.the("identity", cloud)
    assert isinstance(identity.error, UnauthorizedError)
    assert identity.facts["code"] in {"SignatureDoesNotMatch", "APIG.0301"}
    assert emulated.ledger()["calls"] == {}
    refused = emulated.ledger()["refused"]
    del refused["MissingAccessKeyId"]  # who asks for the time does not say who asks
    assert list(refused.values()) == [1]
    assert report.the("permission", cloud).status is Status.SKIPPED


@pytest.mark.parametrize(
    ("skew_s", "status", "refusals"),
    [
        (30, Status.OK, 0),
        (300, Status.WARN, 0),
        (-300, Status.WARN, 0),
        (7200, Status.WARN, 1),
        (-7200, Status.WARN, 1),
    ],
)
@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_a_clock_that_is_off(
    emulated: Emulated, cloud: str, skew_s: float, status: Status, refusals: int
) -> None:
    emulated.set(clock_skew_s=skew_s)
    report = await diagnosed(emulated.environ(cloud))
    clock = report.the("clock", cloud)
    assert clock.status is status
    assert clock.facts["offset_s"] == pytest.approx(skew_s, abs=3)
    assert report.bad(cloud) <= {("clock", "127.0.0.1")}
    refused = emulated.ledger()["refused"]
    assert refused.get("InvalidTimeStamp.Expired", 0) + refused.get("APIGW.0301", 0) == refusals


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_a_clock_that_is_not_to_be_believed(emulated: Emulated, cloud: str) -> None:
    emulated.set(clock_skew_s=25 * 3600)
    report = await diagnosed(emulated.environ(cloud))
    assert report.the("clock", cloud).status is Status.FAIL
    assert isinstance(report.the("identity", cloud).error, StaleSignatureError)


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_credentials_that_have_ended(emulated: Emulated, cloud: str) -> None:
    report = await diagnosed(emulated.environ(cloud) | keys(cloud, "ended", token="ended-token"))
    identity = report.the("identity", cloud)
    assert isinstance(identity.error, ExpiredCredentialsError)
    assert identity.advice.startswith("get new temporary credentials")
    assert "(temporary)" in identity.seen


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_a_source_whose_credentials_have_ended(emulated: Emulated, cloud: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    held = {"access_key_id": "ended-key-id", "access_key_secret": "ended-secret", "security_token": "ended-token"}
    path.write_bytes(orjson.dumps(held | {"expiration": "2020-09-13T12:26:40Z"}))
    path.chmod(0o600)
    environ = emulated.environ(cloud) | {f"SYNCMUX_{cloud.upper()}_CREDENTIALS": f"file:{path}"}
    report = await diagnosed(environ)
    credentials = report.the("credentials", cloud)
    assert isinstance(credentials.error, CredentialsError)
    assert credentials.seen == f"{path}; they ended at 2020-09-13 12:26:40 UTC"
    assert isinstance(report.the("identity", cloud).error, ExpiredCredentialsError)


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_temporary_credentials_say_when_they_end(emulated: Emulated, cloud: str) -> None:
    report = await diagnosed(emulated.environ(cloud) | {f"SYNCMUX_{cloud.upper()}_CREDENTIALS": "metadata"})
    assert not report.bad(cloud)
    credentials = report.the("credentials", cloud)
    assert credentials.seen.startswith("the metadata service")
    assert "60 min" in credentials.seen
    assert credentials.facts["expires_at"] > 0


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_credentials_that_nobody_has(emulated: Emulated, cloud: str) -> None:
    emulated.set(metadata="no_role")
    report = await diagnosed(emulated.environ(cloud) | {f"SYNCMUX_{cloud.upper()}_CREDENTIALS": "metadata"})
    assert report.bad(cloud) == {("credentials", "")}
    assert isinstance(report.the("credentials", cloud).error, CredentialsError)
    assert report.the("identity", cloud).status is Status.SKIPPED


async def test_a_project_that_the_settings_name(emulated: Emulated) -> None:
    environ = emulated.environ("huawei")
    found = (await diagnosed(environ)).the("project_id").facts["value"]
    emulated.forget()
    report = await diagnosed(environ | {"HUAWEICLOUD_SDK_PROJECT_ID": found})
    assert not report.bad()
    assert report.the("project_id").seen == f"{found}, as it is set"


async def test_a_token_names_its_project(emulated: Emulated) -> None:
    user = {"HW_USER_NAME": "well-key-id", "HW_USER_PASSWORD": "well-secret", "HW_DOMAIN_NAME": "well"}
    report = await diagnosed(emulated.environ("huawei") | user | {"SYNCMUX_HUAWEI_CREDENTIALS": "password"})
    assert not report.bad()
    assert report.the("project_id").seen.endswith("as the credentials say")
    assert report.all("identity")[0].seen == "the bearer of a token is accepted"


async def test_a_project_that_cannot_be_found(emulated: Emulated) -> None:
    report = await diagnosed(emulated.environ("huawei") | {"SYNCMUX_HUAWEI_REGION": "nowhere"})
    assert report.bad("huawei") == {("project_id", "")}
    project = report.the("project_id")
    assert isinstance(project.error, ConfigError)
    assert "IAM names no project" in project.seen
    assert project.advice == "set project_id (HUAWEICLOUD_SDK_PROJECT_ID)"
    assert report.the("identity").status is Status.OK
    assert "ListSyncTasks" not in emulated.ledger()["calls"]


async def test_a_region_without_sync_tasks(emulated: Emulated) -> None:
    report = await diagnosed(emulated.environ("huawei") | {"SYNCMUX_HUAWEI_REGION": "cn-south-1"})
    assert report.bad("huawei") == {("region", "")}
    assert "cn-east-3" in report.the("region").advice


async def test_somebody_elses_project(emulated: Emulated) -> None:
    theirs = (await diagnosed(emulated.environ("huawei", who="other"))).the("project_id").facts["value"]
    report = await diagnosed(emulated.environ("huawei") | {"HUAWEICLOUD_SDK_PROJECT_ID": theirs})
    assert report.bad("huawei") == {("permission", "ListSyncTasks")}
    refused = report.the("permission", subject="ListSyncTasks")
    assert isinstance(refused.error, UnauthorizedError)
    assert refused.facts["code"] == "APIG.0302"
    assert refused.advice == "grant oms:synctask:list to this identity"
    assert report.all("identity")[0].seen == "access key well... is accepted"


NO_PERMISSION = orjson.dumps({"Code": "NoPermission", "Message": "RAM says no.", "RequestId": "r-1"})


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ("DescribeTasks", Status.FAIL),
        ("DescribeGateways", Status.FAIL),
        ("DescribeRegions", Status.FAIL),
        ("DescribeExpressSyncs", Status.WARN),
        ("DescribeGatewayFileShares", Status.WARN),
    ],
)
async def test_a_permission_that_is_missing(emulated: Emulated, proxy: Between, operation: str, status: Status) -> None:
    proxy.refusals[operation] = (403, NO_PERMISSION)
    report = await diagnosed(emulated.environ("alibaba", url=proxy.url))
    assert report.bad("alibaba") == {("permission", operation)}
    finding = report.the("permission", subject=operation)
    assert finding.status is status
    assert finding.seen == "not allowed: RAM says no. (NoPermission, HTTP 403)"
    assert finding.facts == {"code": "NoPermission", "http_status": 403, "request_id": "r-1"}
    assert finding.advice.startswith("grant ")
    assert report.the("identity").status is Status.OK
    assert len(report.all("permission", "alibaba")) == 15  # each operation once, whatever became of it


async def test_projects_that_may_not_be_listed(emulated: Emulated, proxy: Between) -> None:
    forbidden = orjson.dumps({"error": {"code": 403, "message": "You are not authorized.", "title": "Forbidden"}})
    proxy.refusals["GET /v3/projects"] = (403, forbidden)
    report = await diagnosed(emulated.environ("huawei", url=proxy.url))
    assert report.bad("huawei") == {("project_id", "")}
    assert report.the("project_id").advice == (
        "set project_id (HUAWEICLOUD_SDK_PROJECT_ID), or grant iam:projects:listProjects to this identity"
    )
    assert report.the("identity").status is Status.OK


@pytest.mark.parametrize("code", ["OMS.0202", "OMS.0204"])
async def test_an_account_that_is_frozen(emulated: Emulated, proxy: Between, code: str) -> None:
    """Nobody could grant a permission that helps."""
    frozen = orjson.dumps({"error_code": code, "error_msg": "Sorry."})

    proxy.answer = lambda operation, headers: (400, frozen) if operation.endswith("/sync-tasks") else None
    report = await diagnosed(emulated.environ("huawei", url=proxy.url))
    assert isinstance(report.the("identity").error, UnauthorizedError)


@pytest.mark.parametrize(
    ("code", "status", "seen"),
    [
        ("InvalidTargetId", Status.FAIL, "cannot be told"),
        ("GatewayNotExist", Status.WARN, "cannot be told"),
        ("GatewayInOperation", Status.OK, "allowed, and busy now"),
    ],
)
async def test_another_refusal_is_no_missing_permission(
    emulated: Emulated, proxy: Between, code: str, status: Status, seen: str
) -> None:
    proxy.refusals["DescribeTasks"] = (400, orjson.dumps({"Code": code, "Message": "no"}))
    report = await diagnosed(emulated.environ("alibaba", url=proxy.url), deadline_s=2)
    finding = report.the("permission", subject="DescribeTasks")
    assert (finding.status, finding.seen) == (status, f"{seen}: no ({code}, HTTP 400)")


async def test_a_quota_that_is_exhausted(emulated: Emulated) -> None:
    environ = emulated.environ("huawei", who="full")
    (account,) = accounts(load(None, environ), environ, only={"huawei"})
    for number in range(1, 6):
        assert not (await diagnosed(environ)).bad("huawei")
        await create_sync_task(account)
        assert number <= 5
    report = await diagnosed(environ)
    assert report.bad("huawei") == {("quota", "sync tasks")}
    quota = report.the("quota")
    assert isinstance(quota.error, QuotaError)
    assert quota.facts == {"quota": "sync tasks", "used": 5, "limit": 5}
    assert "sync-task delete" in quota.advice


async def test_trouble_that_passes_is_not_told(emulated: Emulated, proxy: Between) -> None:
    busy = (503, orjson.dumps({"Code": "ServiceUnavailable", "Message": "later"}))
    name = "DescribeGateways"
    proxy.answer = lambda operation, headers: busy if operation == name and proxy.seen.count(name) == 1 else None
    assert not (await diagnosed(emulated.environ("alibaba", url=proxy.url))).bad("alibaba")
    assert proxy.seen.count(name) == 2


async def test_trouble_that_stays_is_told_by_its_name(emulated: Emulated) -> None:
    emulated.set(operations={"DescribeGateways": {"unavailable": 1.0}})
    report = await diagnosed(emulated.environ("alibaba"), deadline_s=1.2)
    (finding,) = report.all("permission", subject="DescribeGateways")
    assert isinstance(finding.error, UnavailableError)
    assert finding.status is Status.FAIL
    assert report.bad("alibaba") == {("permission", "DescribeGateways")}


async def test_who_answers_in_the_clouds_place_is_told_when_the_time_is_over(emulated: Emulated) -> None:
    """Such as a captive portal, asked for the project."""
    emulated.set(operations={"KeystoneListProjects": {"html": 1.0}})
    report = await diagnosed(emulated.environ("huawei"), deadline_s=0.7)
    assert "not JSON" in report.the("project_id", "huawei").seen or "html" in report.the("project_id", "huawei").seen


@pytest.mark.parametrize("fault", ["html", "truncate", "empty"])
@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_answers_of_no_use_are_findings(emulated: Emulated, cloud: str, fault: str) -> None:
    emulated.set(**{fault: 1.0})
    report = await diagnosed(emulated.environ(cloud), deadline_s=0.8)
    assert report.bad(cloud)
    assert report.the("clock", cloud).status is Status.OK
