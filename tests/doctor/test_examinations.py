"""What the clouds contribute: probes that change nothing, and what they make of answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine.clouds import clouds
from engine.clouds.examination import Probe, Status
from engine.doctor.advice import advice
from engine.errors import QuotaError, SyncmuxError, UnauthorizedError
from engine.model import Account, Reply
from signers import Credentials

NOW = 1.7e9
# Whether a password is accepted shows when credentials are fetched with it.
NO_PROBE = {"SourceCdn", "KeystoneCreateUserTokenByPassword"}
TYPED = {"alibaba": set(sgw.__all__), "huawei": set(oms.__all__) - NO_PROBE}


def account(cloud: str, region: str = "cn-north-4") -> Account:
    return Account("mine", cloud, region, Credentials("id", "secret"), {}, {"project_id": "p"})


def probes(cloud: str, region: str = "cn-north-4") -> Sequence[Probe]:
    return clouds()[cloud].examination.probes(account(cloud, region), NOW)


def answered(probe: Probe, **answer: Any) -> Any:
    """What a real answer reads as."""
    return probe.operation.read(Reply(200, {"content-type": "application/json"}, orjson.dumps(answer)))


def the(name: str, found: Sequence[Probe]) -> Probe:
    return next(probe for probe in found if type(probe.operation).__name__ == name)


@pytest.mark.parametrize("cloud", TYPED)
def test_every_operation_is_accounted_for(cloud: str) -> None:
    examination = clouds()[cloud].examination
    assert set(examination.permissions) == TYPED[cloud]
    assert set(examination.changes) < TYPED[cloud]


@pytest.mark.parametrize("cloud", TYPED)
@pytest.mark.parametrize("region", ["cn-north-4", ""])
def test_probes_change_nothing(cloud: str, region: str) -> None:
    examination = clouds()[cloud].examination
    for probe in probes(cloud, region):
        name = type(probe.operation).__name__
        assert name in examination.permissions
        assert name not in examination.changes
        assert probe.operation.repeatable
    changing = [
        name for name in examination.permissions if not name.startswith(("Describe", "List", "Show", "Validate"))
    ]
    assert set(changing) - {"KeystoneListProjects"} == set(examination.changes)


def gateways(*states: str) -> dict[str, Any]:
    listed = [{"GatewayId": f"gw-{number}", "Status": state} for number, state in enumerate(states)]
    return {"Gateways": {"Gateway": listed}, "TotalCount": len(listed)}


def test_gateways_that_do_not_run() -> None:
    probe = the("DescribeGateways", probes("alibaba"))
    (well,) = probe.told(answered(probe, **gateways("Running", "Running")))
    assert well.status is Status.OK
    (finding,) = probe.told(answered(probe, **gateways("Running", "Stopped", "Unknown")))
    assert finding.status is Status.WARN
    assert finding.advice == "see to what does not run: gw-1, gw-2"
    assert finding.facts == {"total": 3, "states": {"Running": 1, "Stopped": 1, "Unknown": 1}}
    (none,) = probe.told(answered(probe, **gateways()))
    assert (none.status, "region" in none.advice) == (Status.WARN, True)


def test_of_many_gateways_some_are_looked_at() -> None:
    probe = the("DescribeGateways", probes("alibaba"))
    many = answered(probe, **gateways(*["Running"] * 40) | {"TotalCount": 120})
    (finding,) = probe.told(many)
    assert finding.seen == "120: 40 Running; the shares of 10 are looked at"
    assert [type(one.operation).__name__ for one in probe.then(many)] == [
        "DescribeTasks",
        *["DescribeGatewayFileShares"] * 10,
    ]


@pytest.mark.parametrize("health", ["TopicAndQueueFailure", "TopicFailure", "QueueFailure", "MNSHealthy"])
def test_shares_that_no_change_reaches(health: str) -> None:
    parent = the("DescribeGateways", probes("alibaba"))
    shares = the("DescribeGatewayFileShares", parent.then(answered(parent, **gateways("Running"))))
    found = answered(shares, FileShares={"FileShare": [{"IndexId": "NFSa", "MnsHealth": health}]})
    (finding,) = shares.told(found)
    assert finding.status is (Status.OK if health == "MNSHealthy" else Status.WARN)
    assert finding.subject == "gw-0"
    groups = the("DescribeExpressSyncs", probes("alibaba"))
    known = answered(groups, ExpressSyncs={"ExpressSync": [{"ExpressSyncId": "sync-1", "BucketRegion": "r"}]})
    (members,) = groups.then(known)
    share = {"GatewayId": "gw-0", "ShareName": "a", "ExpressSyncState": health}
    (told,) = members.told(answered(members, Shares={"Share": [share]}))
    assert told.status is finding.status


@pytest.mark.parametrize(("number", "status"), [(0, Status.OK), (9, Status.OK), (10, Status.WARN), (11, Status.WARN)])
def test_event_rules_are_counted_by_region(number: int, status: Status) -> None:
    probe = the("DescribeExpressSyncs", probes("alibaba", "cn-shanghai"))
    groups = [{"ExpressSyncId": f"sync-{n}", "BucketRegion": "cn-shanghai"} for n in range(number)]
    groups.append({"ExpressSyncId": "sync-x", "BucketRegion": "cn-beijing"})
    findings = probe.told(answered(probe, ExpressSyncs={"ExpressSync": groups}))
    quotas = {finding.subject: finding for finding in findings if finding.check == "quota"}
    assert {region: quota.facts["used"] for region, quota in quotas.items()} == {"cn-shanghai": number, "cn-beijing": 1}
    assert quotas["cn-shanghai"].status is status


@pytest.mark.parametrize(("used", "status"), [(0, Status.OK), (4, Status.OK), (5, Status.FAIL), (7, Status.FAIL)])
def test_sync_tasks_have_a_quota(used: int, status: Status) -> None:
    probe = probes("huawei")[0]
    tasks = [{"sync_task_id": f"t-{n}", "status": "STOPPED"} for n in range(used)]
    quota = [finding for finding in probe.told(answered(probe, tasks=tasks, count=used)) if finding.check == "quota"]
    assert [finding.status for finding in quota] == [status]
    assert isinstance(quota[0].error, QuotaError) is (status is Status.FAIL)


@pytest.mark.parametrize(
    ("cloud", "status", "code", "forbidden"),
    [
        ("alibaba", 403, "NoPermission", True),
        ("alibaba", 403, "Forbidden.RAM", True),
        ("alibaba", 403, "SignatureDoesNotMatch", False),
        ("alibaba", 404, "InvalidAccessKeyId.NotFound", False),
        ("alibaba", 403, "InvalidSecurityToken.Malformed", False),
        ("huawei", 403, "APIG.0302", True),
        ("huawei", 403, "OMS.0206", True),
        ("huawei", 400, "OMS.0072", True),
        ("huawei", 403, "", True),
        ("huawei", 401, "APIG.0301", False),
        ("huawei", 401, "", False),
        ("huawei", 400, "APIG.1009", False),
        ("huawei", 403, "OMS.0202", False),
    ],
)
def test_a_missing_permission_is_told_from_refused_credentials(
    cloud: str, status: int, code: str, forbidden: bool
) -> None:
    error = UnauthorizedError("no", status=status, code=code)
    assert clouds()[cloud].examination.forbids(error) is forbidden


def subclasses(kind: type[SyncmuxError]) -> Iterator[type[SyncmuxError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from subclasses(each)


def test_there_is_advice_for_every_error() -> None:
    assert {kind for kind in subclasses(SyncmuxError) if not advice(kind("message"))} == set()
