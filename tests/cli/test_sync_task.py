"""`syncmux sync-task`: created once, started, stopped, shown, deleted; keys from anywhere but the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Clouds, Result, Syncmux, until

KEYS = {
    "SYNCMUX_SRC_AK": "src-ak-marker",
    "SYNCMUX_SRC_SK": "src-sk-marker",
    "SYNCMUX_DST_AK": "dst-ak-marker",
    "SYNCMUX_DST_SK": "dst-sk-marker",
    "SYNCMUX_CDN_AUTHENTICATION_KEY": "cdn-key-marker",
}
BUCKETS = ["--src-region", "cn-beijing", "--src-bucket", "from", "--dst-region", "cn-north-4", "--dst-bucket", "to"]
CREATE = ["sync-task", "create", *BUCKETS]


class SyncTasks:
    """The command, with keys in its environment."""

    def __init__(self, syncmux: Syncmux) -> None:
        self.syncmux = syncmux
        self.keys = dict(KEYS)

    def __call__(self, *arguments: str) -> Result:
        done = self.syncmux(*arguments, environ={**self.syncmux.environ, **self.keys})
        assert not [secret for secret in KEYS.values() if secret in done.out + done.err]
        return done

    def events(self, *arguments: str) -> list[dict[str, Any]]:
        done = self("--json", *arguments)
        assert done.code == 0, done.err
        assert all(event["syncmux"] == 1 for event in done.events)
        return done.events

    def ids(self) -> set[str]:
        return {event["sync_task"]["sync_task_id"] for event in self("sync-task", "list", "--json").events}


@pytest.fixture
def tasks(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> Iterator[SyncTasks]:
    """A tenant has room for five: those of a test are deleted after it, all but the session's own."""
    command = SyncTasks(syncmux)
    yield command
    cloud.clear()
    for left in command.ids() - {sync_task}:
        assert command("sync-task", "delete", left, "--stop").code == 0


def test_the_same_create_twice_gives_the_same_and_says_so(tasks: SyncTasks, cloud: Clouds) -> None:
    first = tasks(*CREATE, "--wait", "--description", "nightly")
    assert first.code == 0
    assert "created" in first.out
    assert "is SYNCHRONIZING" in first.out
    second = tasks(*CREATE, "--description", "nightly")
    assert second.code == 0
    assert "exists already" in second.out
    (third,) = tasks.events(*CREATE, "--description", "nightly", "--backlog", "another.db")
    assert third["how"] == "exists"
    assert str(third["id"]) in first.out
    assert str(third["id"]) in second.out
    assert cloud.calls("CreateSyncTask") == 1


def test_a_create_whose_answer_is_lost_is_found(tasks: SyncTasks, cloud: Clouds) -> None:
    cloud.set(operations={"CreateSyncTask": {"reset_after": 1.0}})
    done = tasks(*CREATE)
    assert done.code == 0
    assert "the answer was lost" in done.out
    assert cloud.calls("CreateSyncTask") == 1


def test_start_and_stop_follow_to_the_end(tasks: SyncTasks) -> None:
    (created,) = tasks.events(*CREATE)
    task = str(created["id"])
    assert [event.get("how") for event in tasks.events("sync-task", "stop", task)] == ["done"]
    assert "already" in tasks("sync-task", "stop", task).out
    started = tasks.events("sync-task", "start", task, "--wait")
    assert [(event["event"], event["state"]) for event in started] == [
        ("change", "SYNCHRONIZING"),
        ("end", "SYNCHRONIZING"),
    ]
    shown = tasks("sync-task", "show", task)
    assert "status: SYNCHRONIZING" in shown.out
    assert "UTC" in shown.out
    statistic = tasks.events("sync-task", "stats", task, "--hours", "2")
    assert statistic[0]["event"] == "sync_task_statistic"
    refused = tasks("sync-task", "delete", task)
    assert (refused.code, "OMS.0063" in refused.err) == (1, True)
    assert tasks("sync-task", "delete", task, "--stop").code == 0
    assert tasks("sync-task", "show", task).code == 1


def test_a_start_stays_while_the_stop_of_a_killed_process_may_undo_it(tasks: SyncTasks, cloud: Clouds) -> None:
    (created,) = tasks.events(*CREATE)
    task = str(created["id"])
    cloud.set(operations={"StopSyncTask": {"late": 1.0, "late_s": 60.0}})
    stopping = tasks.syncmux.start("sync-task", "stop", task)
    until(lambda: cloud.calls("StopSyncTask") > 0, stopping)
    stopping.kill()
    stopping.wait()
    cloud.clear()
    tasks.syncmux.environ = tasks.syncmux.environ | tasks.keys
    starting = tasks.syncmux.start("sync-task", "start", task, "--wait")
    assert starting.stderr
    assert starting.stdout
    assert "already" in starting.stdout.readline()
    assert "waiting until" in starting.stderr.readline()
    assert starting.poll() is None
    starting.terminate()
    assert starting.wait() == 5


def test_tasks_are_changed_beside_whoever_owns_the_backlog(tasks: SyncTasks, sync_task: str) -> None:
    """Such as a push, or a daemon."""
    keys = tasks.syncmux.directory / "keys"
    os.mkfifo(keys)
    pushing = tasks.syncmux.start("push", str(keys), "--sync-task", sync_task)
    with keys.open("w") as manifest:
        owned = tasks.syncmux("push", tasks.syncmux.file("more.txt", "a\n"), "--sync-task", sync_task)
        assert (owned.code, "in use by process" in owned.err) == (1, True)
        (created,) = tasks.events(*CREATE)
        for verb in ("stop", "start"):
            assert tasks("sync-task", verb, str(created["id"])).code == 0
        manifest.write("a\n")
    assert pushing.wait() == 0


def test_what_is_not_there_is_deleted(tasks: SyncTasks) -> None:
    for more in ([], ["--stop"]):
        done = tasks("sync-task", "delete", "nobody", *more)
        assert (done.code, done.out) == (0, "nobody is not there\n")


def test_a_source_behind_a_cdn(tasks: SyncTasks) -> None:
    cdn = ["--cdn-domain", "cdn.example", "--cdn-authentication-type", "ALIYUN_OSS_A"]
    (created,) = tasks.events(*CREATE, *cdn)
    listed = tasks.events("sync-task", "list", "--status", "SYNCHRONIZING")
    (found,) = [event["sync_task"] for event in listed if event["sync_task"]["sync_task_id"] == created["id"]]
    assert found["source_cdn"]["domain"] == "cdn.example"


def test_a_sixth_is_a_matter_of_quota(tasks: SyncTasks) -> None:
    codes = [tasks(*CREATE, "--description", str(number)).code for number in range(5)]
    assert codes == [0, 0, 0, 0, 6]  # the session has one, too


def test_missing_keys_are_named(tasks: SyncTasks, cloud: Clouds) -> None:
    del tasks.keys["SYNCMUX_SRC_SK"]
    for command in (CREATE, ["sync-task", "start", "a-task"]):
        done = tasks(*command)
        assert done.code == 4
        assert "set SYNCMUX_SRC_SK," in done.err
    assert not cloud.calls("CreateSyncTask")


def test_keys_from_a_private_file(tasks: SyncTasks) -> None:
    tasks.keys = {"SYNCMUX_SRC_AK": "src-ak-marker"}
    path = tasks.syncmux.directory / "keys.toml"
    path.write_text('src_sk = "src-sk-marker"\ndst_ak = "dst-ak-marker"\ndst_sk = "dst-sk-marker"\n')
    path.chmod(0o644)
    refused = tasks(*CREATE, "--keys", "keys.toml")
    assert (refused.code, "chmod 600" in refused.err) == (4, True)
    path.chmod(0o600)
    assert tasks(*CREATE, "--keys", "keys.toml").code == 0
    tasks.keys["SYNCMUX_BUCKET_KEYS"] = "keys.toml"
    assert tasks(*CREATE).code == 0
    path.write_text('src_skk = "src-sk-marker"\n')
    wrong = tasks(*CREATE)
    assert (wrong.code, "src_skk" in wrong.err) == (2, True)
    path.write_text("src_sk = src-sk-marker\n")
    assert tasks(*CREATE).code == 2


def test_keys_are_no_options(tasks: SyncTasks) -> None:
    done = tasks.syncmux(*CREATE, "--src-sk", "anything")
    assert done.code == 2


def test_a_dry_run_sends_nothing_and_shows_no_key(tasks: SyncTasks, cloud: Clouds) -> None:
    done = tasks(*CREATE, "--dry-run")
    assert done.code == 0
    assert "src_bucket: from" in done.out
    assert "nothing was sent" in done.out
    assert cloud.ledger()["calls"] == {}
    assert not (tasks.syncmux.directory / ".syncmux").exists()


def test_a_dry_run_warns_as_the_run_would(tasks: SyncTasks) -> None:
    tasks.syncmux.environ = tasks.syncmux.environ | {"SYNCMUX_HUAWEI_REGION": "cn-south-1"}
    done = tasks(*CREATE, "--dry-run")
    assert done.code == 0
    assert "not for cn-south-1" in done.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["sync-task"], "sync-task"),
        (["sync-task", "nonsense"], "nonsense"),
        (["sync-task", "create", "--src-bucket", "x"], "--src-region"),
        ([*CREATE, "--src-cloud-type", "Cloud"], "src_cloud_type"),
        ([*CREATE, "--description", "a < b"], "description"),
        ([*CREATE[:3], "cn hangzhou", *CREATE[4:], "--dry-run"], "src_region"),
        (["sync-task", "list", "--status", "RUNNING"], "status"),
        (["sync-task", "stats", "a-task", "--hours", "25"], "--hours"),
    ],
)
def test_what_is_wrong_is_named(tasks: SyncTasks, arguments: list[str], named: str) -> None:
    done = tasks(*arguments)
    assert named in done.out + done.err
    assert done.code == (0 if arguments == ["sync-task"] else 2)
