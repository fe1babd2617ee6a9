"""`trigger` and `push`: what is done, what is told, and what is not done twice."""

from __future__ import annotations

import gzip
import signal

from .conftest import Clouds, Syncmux, until

HEADER = "gateway_id,index_id,path\n"


def directories(number: int) -> str:
    return HEADER + "".join(f"gw-{i % 3},NFSa,/d{i}\n" for i in range(number))


def keys(number: int) -> str:
    return "".join(f"k{i}\n" for i in range(number))


def test_trigger(syncmux: Syncmux, cloud: Clouds) -> None:
    done = syncmux("trigger", syncmux.file("directories.csv", directories(30)))
    assert done.code == 0
    assert "        30 succeeded" in done.out.splitlines()
    assert cloud.directories == {f"gw-{i % 3}|NFSa|/d{i}": 1 for i in range(30)}


def test_trigger_without_waiting(syncmux: Syncmux, cloud: Clouds) -> None:
    done = syncmux("trigger", "--no-wait", syncmux.file("directories.csv", directories(30)))
    assert done.code == 0
    assert "30 accepted by the cloud; was not waited for" in done.out
    assert len(cloud.directories) == 30
    assert cloud.calls("DescribeTasks") == 0


def test_tasks_that_run_are_not_waited_for_when_unasked(syncmux: Syncmux, cloud: Clouds) -> None:
    """Tasks of an earlier run neither hold up --no-wait nor are lost to it."""
    cloud.set(task_s=60)
    manifest = syncmux.file("directories.csv", directories(3))
    first = syncmux.start("trigger", manifest)
    while len(cloud.directories) < 3:
        assert first.poll() is None
    while '"started":3' not in syncmux("status", "--json").out:
        assert first.poll() is None
    first.kill()
    first.wait()
    assert syncmux("trigger", "--no-wait", manifest).code == 0
    cloud.set(task_s=0)
    assert '"started":3' in syncmux("status", "--json").out


def test_push_in_batches(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> None:
    done = syncmux("push", syncmux.file("keys.txt", keys(95)), "--sync-task", sync_task, "--json")
    assert done.code == 0
    assert done.summary["accepted"] == done.summary["total"] == 95
    assert done.summary["calls"]["CreateSyncEvents"] == cloud.calls("CreateSyncEvents") == 10
    assert done.summary["saved_by_batching"] == 85
    assert cloud.keys == {f"k{i}": 1 for i in range(95)}
    assert all(event["syncmux"] == 1 for event in done.events)


def test_no_proof_is_claimed(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> None:
    done = syncmux("push", syncmux.file("keys.txt", "a\n"), "--sync-task", sync_task)
    assert "accepted by the cloud; it offers no per-object proof" in done.out


def test_every_format_and_several_manifests(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> None:
    syncmux.file("a.csv", f"key,sync_task_id\r\na b+c,{sync_task}\r\n")
    syncmux.file("b.jsonl", '{"key": "b"}\n')
    syncmux.file("c.txt.gz", gzip.compress(b"c\n"))
    done = syncmux(
        "push", "a.csv", "b.jsonl", "c.txt.gz", "-", "--sync-task", sync_task, "--json", stdin=b"d\n"
    )  # fmt: skip
    assert done.code == 0
    assert done.summary["accepted"] == 4
    assert cloud.keys == {"a b+c": 1, "b": 1, "c": 1, "d": 1}


def test_nothing_is_done_twice_unless_asked(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> None:
    command = ["push", syncmux.file("keys.txt", keys(40)), "--sync-task", sync_task]
    assert syncmux(*command).code == 0
    again = syncmux(*command)
    assert again.code == 0
    assert "40 of 40 done earlier" in again.out
    assert set(cloud.keys.values()) == {1}
    more = syncmux.file("keys.txt", keys(45))
    assert "40 of 45 done earlier" in syncmux("push", more, "--sync-task", sync_task).out
    assert set(cloud.keys.values()) == {1}
    assert syncmux(*command, "--again").code == 0
    assert cloud.keys == {f"k{i}": 2 for i in range(45)}


def test_quiet_is_silent_unless_something_went_wrong(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> None:
    done = syncmux("--quiet", "push", syncmux.file("keys.txt", "a\n"), "--sync-task", sync_task)
    assert (done.code, done.out, done.err) == (0, "", "")
    done = syncmux("--quiet", "push", syncmux.file("more.txt", "a\nb\0\n"), "--sync-task", sync_task)
    assert done.code == 3
    assert "more.txt:2" in done.out


def account_in_a_file(syncmux: Syncmux, environ: dict[str, str]) -> dict[str, str]:
    """syncmux.toml with the account `mine`; returns the environment that goes with it."""
    own = {name: value for name, value in environ.items() if not name.startswith("SYNCMUX_")}
    own |= {f"MY_{name}": own.pop(name) for name in ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")}
    syncmux.file(
        "syncmux.toml",
        f'backlog = "here.db"\n[accounts.mine]\ncloud = "huawei"\nregion = "cn-north-4"\ncredentials = "MY_"\n'
        f'endpoint = "{environ["SYNCMUX_HUAWEI_ENDPOINT"]}"\n'
        f'iam_endpoint = "{environ["SYNCMUX_HUAWEI_IAM_ENDPOINT"]}"\n',
    )
    return own


def test_settings_from_a_file(syncmux: Syncmux, environ: dict[str, str], cloud: Clouds, sync_task: str) -> None:
    own = account_in_a_file(syncmux, environ)
    manifest = syncmux.file("keys.csv", f"key,sync_task_id,account\na,{sync_task},mine\nb,{sync_task},\n")
    assert syncmux("push", manifest, "--config", "syncmux.toml", environ=own).code == 0
    assert (syncmux.directory / "here.db").exists()
    assert cloud.keys == {"a": 1, "b": 1}


def test_rows_of_an_account_that_is_not_configured_are_not_done(
    syncmux: Syncmux, environ: dict[str, str], cloud: Clouds, sync_task: str
) -> None:
    own = account_in_a_file(syncmux, environ)
    command = ["push", syncmux.file("keys.txt", keys(100)), "--sync-task", sync_task, "--backlog", "here.db"]
    with_file = Syncmux(syncmux.directory, own, syncmux.running)
    process = with_file.start(*command, "--config", "syncmux.toml", "--rate", "2")
    until(lambda: len(cloud.keys) >= 10, process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    done = len(cloud.keys)
    forgotten = syncmux(*command, "--json")
    assert forgotten.code == 2
    assert forgotten.summary["not_configured"] == {"mine": 100 - done}
    assert (forgotten.summary["done"], forgotten.summary["left"]) == (done, 100 - done)
    assert f"{100 - done} rows wait for account mine, which is not configured" in syncmux(*command).out
    assert with_file(*command, "--config", "syncmux.toml").code == 0
    assert set(cloud.keys.values()) == {1}
    assert len(cloud.keys) == 100


def test_failed_rows_of_an_account_that_is_not_configured_stay_failed(
    syncmux: Syncmux, environ: dict[str, str], cloud: Clouds, sync_task: str
) -> None:
    own = account_in_a_file(syncmux, environ)
    cloud.set(reject_keys=["k1"])
    command = ["push", syncmux.file("keys.txt", keys(3)), "--sync-task", sync_task, "--config", "syncmux.toml"]
    assert syncmux(*command, environ=own).code == 3
    refused = syncmux("retry-failed", "--backlog", "here.db")
    assert refused.code == 2
    assert "account mine" in refused.err
    assert "k1" in syncmux("export-failed", "--backlog", "here.db").out
