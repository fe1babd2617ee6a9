"""Failed work: named, exported, tried again."""

from __future__ import annotations

import pytest

from .conftest import Clouds, Syncmux

KEYS = [f"k{i}" for i in range(25)]
BUCKET_KEYS = {f"SYNCMUX_{name}": "any" for name in ("SRC_AK", "SRC_SK", "DST_AK", "DST_SK")}


@pytest.fixture
def failed(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> str:
    """A manifest of a thousand keys, pushed, of which one failed."""
    cloud.set(reject_keys=["k500", "k501"])
    manifest = syncmux.file("keys.txt", "".join(f"k{i}\n" for i in range(1000) if i != 501))
    done = syncmux("push", manifest, "--sync-task", sync_task, "--rate", "1000", "--json")
    assert done.code == 3
    assert (done.summary["accepted"], done.summary["failed"]) == (998, 1)
    (event,) = [event for event in done.events if event["event"] == "failed"]
    assert event["row"]["key"] == "k500"
    assert "k500" not in cloud.keys
    assert len(cloud.keys) == 998
    return manifest


def test_the_same_command_keeps_telling_of_it(syncmux: Syncmux, failed: str, sync_task: str) -> None:
    again = syncmux("push", failed, "--sync-task", sync_task)
    assert again.code == 3
    assert "999 of 999 done earlier" in again.out
    assert "1 failed earlier, of the whole backlog, whatever the input" in again.out


@pytest.mark.parametrize("name", ["failed.csv", "failed.jsonl.gz"])
def test_what_is_exported_can_be_pushed(syncmux: Syncmux, cloud: Clouds, failed: str, name: str) -> None:
    assert syncmux("export-failed", "-o", name).code == 0
    still = syncmux("push", name)
    assert still.code == 3
    assert "failed: k500," in still.out
    cloud.clear()
    assert syncmux("push", name, "--backlog", "other.db").code == 0
    assert cloud.keys["k500"] == 1


def test_exported_to_standard_output_and_pushed_from_standard_input(
    syncmux: Syncmux, cloud: Clouds, failed: str, sync_task: str
) -> None:
    exported = syncmux("export-failed")
    assert exported.out.splitlines() == ["key,sync_task_id,account", f"k500,{sync_task},huawei"]
    cloud.clear()
    done = syncmux("push", "-", stdin=exported.out.encode())  # the backlog in which it failed
    assert done.code == 0
    assert cloud.keys["k500"] == 1
    assert syncmux("export-failed").out == ""


@pytest.fixture
def stopped(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> str:
    """A manifest whose keys all failed, in batches of ten, because their sync task was stopped; it works again."""
    manifest = syncmux.file("keys.txt", "".join(f"{key}\n" for key in KEYS))
    assert syncmux("sync-task", "stop", sync_task, "--wait").code == 0
    try:
        done = syncmux("push", manifest, "--sync-task", sync_task, "--json")
    finally:
        start = syncmux("sync-task", "start", sync_task, "--wait", environ={**syncmux.environ, **BUCKET_KEYS})
    assert start.code == 0, start.err
    assert done.code == 3
    assert done.summary["failed"] == 25
    assert not cloud.keys
    return manifest


def test_what_was_pushed_again_in_other_batches_has_not_failed(
    syncmux: Syncmux, cloud: Clouds, stopped: str, sync_task: str
) -> None:
    header, *rows = syncmux("export-failed").out.splitlines()
    assert len(rows) == 25
    syncmux.file("failed.csv", "\n".join([header, *reversed(rows), ""]))
    assert syncmux("push", "failed.csv").code == 0
    (status,) = syncmux("status", "--json").events
    assert (status["rows"]["failed"], status["rows"]["accepted"], status["failures"]) == (0, 25, [])
    assert syncmux("export-failed").out == ""
    assert "nothing to do" in syncmux("retry-failed").out
    same = syncmux("push", stopped, "--sync-task", sync_task)
    assert same.code == 0
    assert "failed" not in same.out
    assert cloud.keys == dict.fromkeys(KEYS, 1)


def test_of_what_was_pushed_again_in_part_the_rest_has_failed(
    syncmux: Syncmux, cloud: Clouds, stopped: str, sync_task: str
) -> None:
    some = ["k3", "k17", "k5"]
    assert syncmux("push", "-", "--sync-task", sync_task, stdin="\n".join(some).encode()).code == 0
    (status,) = syncmux("status", "--json").events
    assert (status["rows"]["failed"], status["rows"]["accepted"]) == (22, 3)
    left = [line.split(",")[0] for line in syncmux("export-failed").out.splitlines()[1:]]
    assert left == [key for key in KEYS if key not in some]
    same = syncmux("push", stopped, "--sync-task", sync_task, "--json")
    assert same.code == 3
    assert same.summary["failed_earlier"] == 22
    retried = syncmux("retry-failed", "--json")
    assert retried.code == 0
    assert retried.summary["accepted"] == 22
    assert syncmux("push", stopped, "--sync-task", sync_task).code == 0
    assert cloud.keys == dict.fromkeys(KEYS, 1)


def test_what_failed_earlier_may_be_done_by_the_same_command(
    syncmux: Syncmux, cloud: Clouds, stopped: str, sync_task: str
) -> None:
    syncmux.file("others.txt", "".join(f"{key}\n" for key in ["new", *KEYS]))
    done = syncmux("push", stopped, "others.txt", "--sync-task", sync_task, "--json")
    assert done.code == 0
    assert (done.summary["accepted"], done.summary["failed_earlier"]) == (26, 0)


def test_a_key_that_failed_alone_is_tried_again_with_its_batch(
    syncmux: Syncmux, cloud: Clouds, failed: str, sync_task: str
) -> None:
    """Its batch was divided, and the others were accepted: they are known, and nothing more is sent of them."""
    cloud.clear()
    same = "".join(f"k{i}\n" for i in range(1000) if i != 501)
    done = syncmux("push", "-", "--sync-task", sync_task, "--json", stdin=same.encode())
    assert done.code == 0
    assert (done.summary["accepted"], done.summary["repeated"]) == (1, 998)
    assert set(cloud.keys.values()) == {1}
    assert syncmux("push", failed, "--sync-task", sync_task).code == 0


def test_retry_failed(syncmux: Syncmux, cloud: Clouds, failed: str, sync_task: str) -> None:
    before = cloud.ledger()["calls"]
    assert "1 failed rows would be tried again" in syncmux("retry-failed", "--dry-run").out
    assert cloud.ledger()["calls"] == before
    still = syncmux("retry-failed", "--json")
    assert still.code == 3
    assert (still.summary["total"], still.summary["failed"]) == (1, 1)
    cloud.clear()
    done = syncmux("retry-failed", "--json")
    assert done.code == 0
    assert done.summary["accepted"] == 1
    assert set(cloud.keys.values()) == {1}
    assert len(cloud.keys) == 999
    assert syncmux("retry-failed").code == 0
    assert syncmux("push", failed, "--sync-task", sync_task).code == 0


def test_two_kinds_of_failures_are_exported_one_by_one(syncmux: Syncmux, cloud: Clouds, failed: str) -> None:
    cloud.set(task_fail=1.0)
    manifest = syncmux.file("directories.csv", "gateway_id,index_id,path\ngw-1,NFSa,/failing\n")
    triggered = syncmux("trigger", manifest)
    assert triggered.code == 3
    assert "failed: gw-1,NFSa,/failing: task " in triggered.out
    both = syncmux("export-failed")
    assert both.code == 2
    assert "--verb" in both.err
    assert syncmux("export-failed", "--verb", "trigger").out.splitlines()[1] == "gw-1,NFSa,/failing,alibaba"
    assert syncmux("export-failed", "--verb", "push").out.splitlines()[1].startswith("k500,")
    assert syncmux("export-failed", "--verb", "fly").code == 2


def test_status(syncmux: Syncmux, failed: str, sync_task: str) -> None:
    told = syncmux("status").out
    assert "998 accepted, 1 failed" in told
    assert "failed: k500" in told
    assert "keys.txt" in told
    (status,) = syncmux("status", "--json").events
    assert status["rows"] == {"waiting": 0, "started": 0, "succeeded": 0, "accepted": 998, "failed": 1}
    assert status["targets"][0]["name"] == sync_task
    assert status["sources"][0]["rows"] == 999
    assert status["failures"][0]["row"]["key"] == "k500"


def test_status_names_the_latest_failures(syncmux: Syncmux, cloud: Clouds, stopped: str, sync_task: str) -> None:
    cloud.set(reject_keys=["later"])
    assert syncmux("push", "-", "--sync-task", sync_task, stdin=b"later").code == 3
    told = syncmux("status").out.splitlines()
    place = told.index("the latest of 26 failures:")
    assert told[place + 1].startswith("failed: later,")
    assert len([line for line in told if line.startswith("failed: ")]) == 10
    (status,) = syncmux("status", "--json").events
    assert status["failures"][0]["row"]["key"] == "later"
    assert status["failures"][0]["at"] > status["failures"][1]["at"]
