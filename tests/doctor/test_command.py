"""`syncmux doctor`: its words, its JSON and its exit codes."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import orjson
import pytest

from engine.cli.demo import create_sync_task
from engine.clouds.examination import Status
from engine.config import accounts, load

from .between import between
from .certificates import Authority
from .conftest import Command, Emulated, keys

FIELDS = ["syncmux", "event", "account", "cloud", "check", "subject", "status", "seen", "advice", "facts", "error"]
SUMMARY = ["syncmux", "event", "ok", "warn", "fail", "skipped", "exit"]


def by_account(events: list[dict[str, Any]], status: str) -> set[tuple[str, str]]:
    return {
        (event["account"], event["check"])
        for event in events
        if event["event"] == "finding" and event["status"] == status
    }


def test_all_is_well(doctor: Command, emulated: Emulated) -> None:
    doctor.environ = emulated.environ("alibaba", "huawei")
    done = doctor()
    assert done.code == 0, done.out
    lines = done.out.splitlines()
    assert {line for line in lines if not line.startswith(" ")} == {"alibaba", "huawei", lines[-1]}
    assert "  ok       permission DescribeGateways: allowed" in lines
    assert "  ok       gateways: 2: 2 Running" in lines
    assert " 0 warn, 0 fail, " in lines[-1]
    assert done.err == ""


def test_json_has_one_form(doctor: Command, emulated: Emulated) -> None:
    doctor.environ = emulated.environ("alibaba", "huawei") | keys("huawei", "well", "not-this-one")
    done = doctor("--json")
    assert done.code == 4
    *findings, summary = done.events
    assert list(summary) == SUMMARY
    for finding in findings:
        assert list(finding) == FIELDS
        assert (finding["syncmux"], finding["event"]) == (1, "finding")
        assert finding["seen"]
        bad = finding["status"] in {"warn", "fail"}
        assert bool(finding["advice"]) is bad, finding
        assert isinstance(finding["facts"], dict)
    number = Counter(finding["status"] for finding in findings)
    assert {status.value: number[status] for status in Status} == {status.value: summary[status] for status in Status}
    assert summary["exit"] == 4
    assert by_account(findings, "fail") == {("huawei", "identity")}
    assert {finding["error"] for finding in findings} == {None, "UnauthorizedError"}


CONFIG = """
allow_hosts = ["elsewhere.invalid"]

[accounts.well]
cloud = "huawei"
region = "cn-north-4"
endpoint = "{url}"
iam_endpoint = "{url}"
credentials = "WELL_"

[accounts.wrong]
cloud = "huawei"
region = "cn-north-4"
endpoint = "{url}"
iam_endpoint = "{url}"
credentials = "WRONG_"

[accounts.empty]
cloud = "huawei"
region = "cn-north-4"
credentials = "EMPTY_"

[accounts.unsafe]
cloud = "huawei"
region = "cn-north-4"
endpoint = "http://oms.cn-north-4.myhuaweicloud.com"
credentials = "WELL_"

[accounts.away]
cloud = "alibaba"
region = "cn-shanghai"
endpoint = "http://{nobody}"
credentials = "WELL_"

[accounts.other]
cloud = "nonsense"
"""


def test_no_account_hides_another(doctor: Command, emulated: Emulated, nobody: str) -> None:
    config = doctor.file("syncmux.toml", CONFIG.format(url=emulated.url, nobody=nobody))
    doctor.environ = keys("huawei", "well", prefix="WELL_") | keys("alibaba", "well", prefix="WELL_")
    doctor.environ |= keys("huawei", "well", "not-this-one", prefix="WRONG_")
    done = doctor("--config", config, "--json")
    assert by_account(done.events, "fail") == {
        ("wrong", "identity"),
        ("empty", "credentials"),
        ("unsafe", "configuration"),
        ("away", "clock"),
        ("other", "configuration"),
    }
    assert ("well", "permission") in by_account(done.events, "ok")
    (source,) = [
        event["facts"]["source"]
        for event in done.events
        if (event.get("account"), event.get("check")) == ("well", "credentials")
    ]
    assert source == "the environment: WELL_HUAWEICLOUD_SDK_AK"
    assert done.code == 4
    told = doctor("--config", config, "--quiet")
    assert "well (huawei)" not in told.out
    assert "EMPTY_HUAWEICLOUD_SDK_AK" in told.out
    assert told.code == 4


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        (["well"], 0),
        (["well", "away"], 1),
        (["away", "unsafe"], 2),
        (["other"], 2),
        (["well", "wrong"], 4),
        (["away", "unsafe", "empty"], 4),
    ],
)
def test_exit_codes(doctor: Command, emulated: Emulated, nobody: str, chosen: list[str], code: int) -> None:
    head, *tables = CONFIG.format(url=emulated.url, nobody=nobody).split("\n\n")
    kept = [table for table in tables if table.split("]")[0].removeprefix("[accounts.") in chosen]
    config = doctor.file("syncmux.toml", "\n\n".join([head, *kept]))
    doctor.environ = keys("huawei", "well", prefix="WELL_") | keys("alibaba", "well", prefix="WELL_")
    doctor.environ |= keys("huawei", "well", "not-this-one", prefix="WRONG_")
    done = doctor("--config", config)
    assert done.code == code, done.out


def test_an_exhausted_quota_exits_with_6(doctor: Command, emulated: Emulated) -> None:
    doctor.environ = emulated.environ("huawei", who="crowded")
    (account,) = accounts(load(None, doctor.environ), doctor.environ, only={"huawei"})
    for _ in range(5):
        asyncio.run(create_sync_task(account))
    done = doctor()
    assert done.code == 6
    assert "fail     quota sync tasks: all 5 that a tenant can have are in use" in done.out


def test_a_certificate_is_verified_on_the_loop_in_use(
    doctor: Command, emulated: Emulated, authority: Authority
) -> None:
    with between(emulated.url, authority.server(60)) as server:
        doctor.environ = emulated.environ("alibaba", url=server.url)
        refused = doctor()
        doctor.environ["SSL_CERT_FILE"] = str(authority.file)
        trusted = doctor()
    assert (refused.code, "certificate is not accepted" in refused.out) == (1, True)
    assert (trusted.code, "good for 60 days" in trusted.out) == (0, True)


def test_who_hangs_comes_last(doctor: Command, emulated: Emulated, silent: str) -> None:
    doctor.environ = emulated.environ("alibaba", url=f"http://{silent}") | emulated.environ("huawei")
    done = doctor("--timeout", "2", "--json")
    assert done.code == 1
    order = [event["account"] for event in done.events if event["event"] == "finding"]
    assert order == sorted(order, reverse=True), "huawei first"
    assert by_account(done.events, "fail") == {("alibaba", "clock")}


def test_a_cloud_that_is_not_used_is_no_trouble(doctor: Command, emulated: Emulated) -> None:
    doctor.environ = emulated.environ("huawei")
    done = doctor()
    assert done.code == 0
    assert "  skipped  configuration: not set up: neither SYNCMUX_ALIBABA_REGION nor" in done.out


def test_half_a_setting_is(doctor: Command, emulated: Emulated) -> None:
    doctor.environ = emulated.environ("huawei") | {"ALIBABA_CLOUD_ACCESS_KEY_ID": "well-key-id"}
    done = doctor("--json")
    assert done.code == 4
    assert by_account(done.events, "fail") == {("alibaba", "credentials")}
    doctor.environ = emulated.environ("huawei") | keys("alibaba", "well")
    done = doctor("--json")
    assert done.code == 2
    assert by_account(done.events, "fail") == {("alibaba", "configuration")}


def test_nothing_is_set_up(doctor: Command) -> None:
    done = doctor()
    assert done.code == 4
    assert "ALIBABA_CLOUD_ACCESS_KEY_ID" in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["--timeout", "0"], "--timeout"), (["--timeout", "soon"], "timeout"), (["--config", "none.toml"], "none.toml")],
)
def test_usage(doctor: Command, emulated: Emulated, arguments: list[str], named: str) -> None:
    doctor.environ = emulated.environ("huawei")
    done = doctor(*arguments)
    assert done.code == 2
    assert named in done.err
    assert emulated.ledger()["calls"] == {}


def test_a_dry_run_sends_nothing(doctor: Command, emulated: Emulated) -> None:
    doctor.environ = emulated.environ("huawei", "alibaba")
    done = doctor("--dry-run")
    assert done.code == 0
    assert "huawei: KeystoneListProjects, ListSyncTasks, ShowSyncTask, ListSyncTaskStatistic" in done.out
    assert "CreateSyncTask" not in done.out
    (alibaba, huawei) = doctor("--dry-run", "--json").events
    assert (alibaba["event"], huawei["calls"][0]) == ("plan", "KeystoneListProjects")
    ledger = emulated.ledger()
    assert (ledger["calls"], ledger["refused"]) == ({}, {})


MARKERS = {"secret": "MARKER/secret+=&", "token": "MARKER/token+=&", "password": "MARKER/password+=&"}


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
@pytest.mark.parametrize(("status", "how"), [(200, []), (400, ["--json"]), (401, []), (403, ["--json"]), (500, [])])
def test_who_repeats_everything_makes_nothing_seen(
    doctor: Command, emulated: Emulated, cloud: str, status: int, how: list[str]
) -> None:
    with between(emulated.url) as server:

        def repeat(operation: str, headers: Any) -> tuple[int, bytes]:
            said = " ".join([*headers.values(), *MARKERS.values(), "MARKER-key-id"])
            names = {"Code": said[-200:], "Message": said, "error_code": said[-200:], "error_msg": said}
            return status, orjson.dumps(names)

        server.answer = repeat
        doctor.environ = emulated.environ(cloud, url=server.url)
        doctor.environ |= keys(cloud, "MARKER", MARKERS["secret"], MARKERS["token"])
        done = doctor(*how, "--timeout", "1")
        assert server.seen, "nothing was sent"
    assert done.code in {1, 4}
    assert "MARK..." in done.out
    for marker in (MARKERS["secret"], MARKERS["token"], "MARKER-key-id"):
        assert marker not in done.out + done.err


def test_a_password_is_not_seen(doctor: Command, emulated: Emulated) -> None:
    doctor.environ = emulated.environ("huawei") | {
        "SYNCMUX_HUAWEI_CREDENTIALS": "password",
        "HW_USER_NAME": "well-key-id",
        "HW_USER_PASSWORD": MARKERS["password"],
        "HW_DOMAIN_NAME": "well",
    }
    done = doctor()
    assert done.code == 4
    assert "IAM does not accept the name and the password" in done.out
    assert "MARKER" not in done.out + done.err
