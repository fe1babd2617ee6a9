"""The command as a process among others: its standard streams, its encoding, names of any kind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import orjson
import pytest

from .conftest import COMMAND, TIMEOUT_S, Clouds, Result, Syncmux

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
HOSTILE = "a\x1b[2Jb\u202ec\n9,999 succeeded"
ESCAPED = "a\\x1b[2Jb\\u202ec\\n9,999 succeeded"


def shell(syncmux: Syncmux, words: str, *arguments: str | bytes) -> Result:
    """Run it by a shell; in `words`, "$@" is the command with its arguments."""
    done = subprocess.run(
        ["/bin/bash", "-c", words, "bash", *COMMAND, *arguments], capture_output=True, cwd=syncmux.directory,
        check=False, env=syncmux.environ, timeout=TIMEOUT_S,
    )  # fmt: skip
    result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in result.err, result.err
    return result


@pytest.fixture
def push(syncmux: Syncmux, sync_task: str) -> list[str]:
    return ["push", syncmux.file("keys.txt", "a\nb\n"), "--sync-task", sync_task]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(syncmux: Syncmux, cloud: Clouds, push: list[str], closed: str) -> None:
    done = shell(syncmux, f'"$@" {closed}', *push)
    assert (done.code, done.err) == (0, "")
    assert ("2 accepted" in done.out) == (">&-" not in closed.replace("2>&-", ""))
    assert cloud.keys == {"a": 1, "b": 1}
    assert shell(syncmux, '"$@" 2>&-', *push, "--json").summary["done"] == 2


@pytest.mark.parametrize("arguments", [["push", "-"], ["call", "huawei", "CreateTask", "--body", "-"]])
def test_closed_standard_input_is_no_empty_manifest(syncmux: Syncmux, arguments: list[str]) -> None:
    done = shell(syncmux, '"$@" <&-', *arguments)
    assert done.code == 2
    assert "standard input is closed" in done.err


@pytest.mark.parametrize("words", ['"$@" 2>&1 | true', '"$@" | true', '"$@" 2>&1 >/dev/null | true'])
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "json"])
def test_streams_that_nobody_reads_any_more(
    syncmux: Syncmux, cloud: Clouds, push: list[str], words: str, more: list[str]
) -> None:
    cloud.set(reject_keys=["b"])
    done = shell(syncmux, f"set -o pipefail; {words}", *push, "none.txt", *more)
    assert done.code == 3
    assert done.err in {"", "syncmux: none.txt: No such file or directory\n"}  # if it is the one that is read
    assert cloud.keys == {"a": 1}


def test_names_do_not_reach_the_terminal_as_they_are(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> None:
    cloud.set(reject_keys=[HOSTILE])
    manifest = syncmux.file("keys.jsonl", orjson.dumps({"key": HOSTILE}))
    done = syncmux("push", manifest, "--sync-task", sync_task)
    assert done.code == 3
    for told in (done.out, syncmux("status").out):
        assert f"failed: {ESCAPED}," in told
        assert all(line.isprintable() for line in told.split("\n"))
    assert syncmux("status", "--json").events[0]["failures"][0]["row"]["key"] == HOSTILE
    failed = syncmux("retry-failed", "--json")
    assert failed.summary["failures"][0]["row"]["key"] == HOSTILE


def test_names_that_the_encoding_lacks(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> None:
    cloud.set(reject_keys=["schön"])
    poor = {**syncmux.environ, **ASCII}
    manifest = syncmux.file("keys.txt", "schön\n")
    done = syncmux("push", manifest, "--sync-task", sync_task, environ=poor)
    assert done.code == 3
    assert "failed: sch\\xf6n," in done.out
    assert syncmux("status", "--json", environ=poor).events[0]["failures"][0]["row"]["key"] == "schön"


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "json"])
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["push", b"na\xffme.txt"], r"b'na\xffme.txt' is not valid utf-8"),
        (["push", b"no\xffne.txt"], r"b'no\xffne.txt' is not valid utf-8"),
        (["push", "keys.txt", "--sync-task", b"a\xff"], r"b'a\xff' is not valid utf-8"),
        (["status", "--backlog", b"b\xff.db"], r"b'b\xff.db' is not valid utf-8"),
        (["export-failed", "-o", b"\xff.csv"], r"b'\xff.csv' is not valid utf-8"),
    ],
)
def test_arguments_that_are_no_text(
    syncmux: Syncmux, arguments: list[str | bytes], named: str, more: list[str]
) -> None:
    syncmux.file("keys.txt", "a\n")
    (Path(os.fsdecode(os.fsencode(syncmux.directory) + b"/na\xffme.txt"))).write_text("a\n")
    done = shell(syncmux, '"$@"', *arguments, *more)
    assert done.code == 2
    assert named in done.err
    assert len(done.err.splitlines()) == 1
    assert [event["exit"] for event in done.events] == ([2] if more else [])


def test_a_backlog_that_the_environment_names_in_no_text(syncmux: Syncmux, push: list[str]) -> None:
    done = shell(syncmux, "SYNCMUX_BACKLOG=$'b\\xff.db' \"$@\"", *push)
    assert done.code == 2
    assert "backlog: 'b\\udcff.db' is not valid UTF-8" in done.err


def test_a_directory_of_any_name(syncmux: Syncmux, cloud: Clouds, push: list[str]) -> None:
    words = "mkdir -p $'d\\xff' && cd $'d\\xff' && cp ../keys.txt . && \"$@\""
    assert shell(syncmux, words, *push).code == 0
    again = shell(syncmux, words, *push)
    assert "2 of 2 done earlier" in again.out
    assert "d\\xff/keys.txt" in shell(syncmux, "cd $'d\\xff' && \"$@\"", "status").out
    assert shell(syncmux, "cd $'d\\xff' && \"$@\"", "status", "--json").code == 0
    assert cloud.keys == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        ["push", "keys.txt", "--batch", "1.5"],
        ["push", "keys.txt", "--concurrency", "2.0"],
        ["demo", "--keys", "1.5"],
        ["emulate", "--port", "0.4"],
        ["sync-task", "stats", "id", "--hours", "1.5"],
    ],
)
def test_whole_numbers_only(syncmux: Syncmux, arguments: list[str]) -> None:
    syncmux.file("keys.txt", "a\n")
    done = syncmux(*arguments)
    assert done.code == 2
    assert f"Invalid value for {arguments[-2]}: '{arguments[-1]}' is not a whole number" in done.err


def test_the_same_manifest_named_twice_is_read_once(syncmux: Syncmux, cloud: Clouds, push: list[str]) -> None:
    verb, manifest, *rest = push
    same = [manifest, manifest, f"./{manifest}", str(syncmux.directory / manifest)]
    done = syncmux(verb, *same, *rest, "--json")
    assert done.code == 0
    counted = {name: done.summary[name] for name in ("total", "accepted", "done_earlier", "repeated")}
    assert counted == {"total": 2, "accepted": 2, "done_earlier": 0, "repeated": 0}


@pytest.mark.parametrize(("name", "content"), [("old.csv", "key,sync_task_id,account\r\n"), ("old.jsonl", "")])
def test_without_failures_an_empty_manifest_is_exported(
    syncmux: Syncmux, cloud: Clouds, push: list[str], name: str, content: str
) -> None:
    assert syncmux(*push).code == 0
    syncmux.file(name, "old\n")
    assert syncmux("export-failed", "-o", name, "--dry-run").code == 0
    assert (syncmux.directory / name).read_text() == "old\n"
    done = syncmux("export-failed", "-o", name, "--json")
    assert done.events == [{"syncmux": 1, "event": "exported", "rows": 0, "file": name}]
    assert (syncmux.directory / name).read_bytes().decode() == content
    empty = syncmux("push", name)
    assert (empty.code, empty.out) == (0, "no rows\n")


def test_retrying_without_failures_is_summed_up(syncmux: Syncmux, cloud: Clouds, push: list[str]) -> None:
    first = syncmux(*push, "--json")
    nothing = syncmux("retry-failed", "--json")
    assert nothing.code == 0
    assert nothing.summary.keys() == first.summary.keys()
    assert (nothing.summary["total"], nothing.summary["exit"]) == (0, 0)
