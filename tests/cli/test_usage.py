"""What stops a command before anything is sent, and says what is missing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from engine.cli.everywhere import in_command
from engine.cli.exits import exit_of
from engine.errors import (
    BacklogError,
    ConfigError,
    CredentialsError,
    ForbiddenError,
    InputError,
    NoSpaceError,
    QuotaError,
    SyncmuxError,
    TransportError,
    UnauthorizedError,
    UnusableBacklogError,
)

from .conftest import Clouds, Syncmux


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nonsense"], "nonsense"),
        (["push"], "name a manifest"),
        (["push", "keys.txt", "--nonsense"], "--nonsense"),
        (["push", "keys.txt", "--rate", "fast"], "rate"),
        (["push", "keys.txt", "--batch", "101"], "batch"),
        (["push", "keys.txt", "--config", "none.toml"], "none.toml"),
        (["push", "keys.txt", "--backlog", "redis://host/0"], "not yet supported"),
        (["push", "none.txt", "--sync-task", "t"], "none.txt"),
        (["status"], "there is no backlog .syncmux/backlog.db"),
        (["export-failed", "--backlog", "none.db"], "there is no backlog none.db"),
        (["retry-failed"], "there is no backlog"),
    ],
)
def test_usage(syncmux: Syncmux, cloud: Clouds, arguments: list[str], named: str) -> None:
    syncmux.file("keys.txt", "a\n")
    done = syncmux(*arguments)
    assert done.code == 2
    assert named in done.err
    assert len(done.err.splitlines()) == 1
    assert cloud.ledger()["calls"] == {}


@pytest.mark.parametrize(
    ("without", "arguments", "code", "named"),
    [
        ("HUAWEICLOUD_SDK", ["push", "keys.txt"], 4, "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK"),
        ("HUAWEICLOUD_SDK_SK", ["push", "keys.txt"], 4, "HUAWEICLOUD_SDK_SK is not"),
        ("HUAWEICLOUD_SDK_AK", ["push", "keys.txt", "--dry-run"], 4, "HUAWEICLOUD_SDK_AK is not"),
        ("ALIBABA_CLOUD", ["trigger", "directories.csv"], 4, "ALIBABA_CLOUD_ACCESS_KEY_ID"),
        ("SYNCMUX_HUAWEI", ["push", "keys.txt"], 2, "SYNCMUX_HUAWEI_REGION"),
        ("SYNCMUX_ALIBABA", ["trigger", "directories.csv"], 2, "SYNCMUX_ALIBABA_REGION"),
    ],
)
def test_what_is_missing_is_named(
    syncmux: Syncmux, environ: dict[str, str], without: str, arguments: list[str], code: int, named: str
) -> None:
    syncmux.file("keys.txt", "a\n")
    syncmux.file("directories.csv", "gateway_id,index_id,path\ngw-1,NFSa,/\n")
    less = {name: value for name, value in environ.items() if not name.startswith(without)}
    done = syncmux(*arguments, environ=less)
    assert done.code == code
    assert named in done.err
    assert not (syncmux.directory / ".syncmux").exists()


def test_credentials_that_the_cloud_refuses(syncmux: Syncmux, environ: dict[str, str], cloud: Clouds) -> None:
    manifest = syncmux.file("directories.csv", "gateway_id,index_id,path\ngw-1,NFSa,/\n")
    wrong = environ | {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}
    done = syncmux("trigger", manifest, "--json", environ=wrong)
    assert done.code == 4
    assert "SignatureDoesNotMatch" in done.err
    assert [event["kind"] for event in done.events if event["event"] == "error"] == ["UnauthorizedError"]
    assert done.summary["left"] == 1
    assert cloud.directories == {}
    assert syncmux("trigger", manifest).code == 0  # nothing was lost


def test_a_permission_that_is_missing(syncmux: Syncmux, cloud: Clouds) -> None:
    manifest = syncmux.file("directories.csv", "gateway_id,index_id,path\ngw-1,NFSa,/\ngw-2,NFSa,/\n")
    cloud.set(forbidden=["gw-1", "gw-2"])
    done = syncmux("trigger", manifest)
    assert (done.code, "Forbidden.RAM" in done.err) == (4, True)
    cloud.set(forbidden=["gw-1"])
    assert syncmux("trigger", manifest).code == 3  # of one gateway alone, it is that one's failure
    cloud.set()
    assert syncmux("retry-failed", "--json").code == 0
    assert {each.split("|")[0] for each in cloud.directories} == {"gw-1", "gw-2"}


def test_a_backlog_has_one_owner(syncmux: Syncmux, cloud: Clouds) -> None:
    manifest = syncmux.file("directories.csv", "gateway_id,index_id,path\ngw-1,NFSa,/\n")
    cloud.set(delay_s=30)
    first = syncmux.start("trigger", manifest)
    while not cloud.calls("TriggerGatewayRemoteSync"):
        assert first.poll() is None
    second = syncmux("trigger", manifest)
    assert second.code == 1
    assert f"in use by process {first.pid}" in second.err
    assert syncmux("status").code == 0


@pytest.mark.parametrize("arguments", [["trigger", "directories.csv"], ["retry-failed"], ["status"], ["export-failed"]])
def test_a_backlog_of_another_version_is_for_no_command(syncmux: Syncmux, cloud: Clouds, arguments: list[str]) -> None:
    syncmux.file("directories.csv", "gateway_id,index_id,path\ngw-1,NFSa,/\n")
    with sqlite3.connect(syncmux.directory / "new.db") as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    done = syncmux(*arguments, "--backlog", "new.db")
    assert (done.code, "the backlog new.db was written by a newer syncmux" in done.err) == (2, True)
    assert cloud.directories == {}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(""), 2),
        (InputError(""), 2),
        (CredentialsError(""), 4),
        (UnauthorizedError(""), 4),
        (ForbiddenError(""), 4),
        (QuotaError(""), 6),
        (BacklogError(""), 1),
        (UnusableBacklogError(""), 2),
        (NoSpaceError(""), 1),
        (TransportError(""), 1),
    ],
)
def test_exit_codes_are_a_contract(error: SyncmuxError, code: int) -> None:
    assert exit_of(error) == code


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("push m --json", "push m --json"),
        ("--json push m", "push --json m"),
        ("--backlog status --rate=5 push m", "push --backlog status --rate=5 m"),
        ("--help", "--help"),
        ("--json", "--json"),
        ("--quiet nonsense", "nonsense --quiet"),
        ("--backlog", "--backlog"),
    ],
)
def test_options_before_the_command_count_as_after_it(given: str, read: str) -> None:
    assert in_command(given.split(), {"push", "status"}) == read.split()


def test_help_waits_for_nothing() -> None:
    code = (
        "import sys; from engine.cli.app import main\n"
        "try: main(['push', '--help'])\n"
        "finally: print(sorted({'aiohttp', 'apsw', 'uvloop', 'engine.engine'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--sync-task" in done.stdout
    assert "--dry-run" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
