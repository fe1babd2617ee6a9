"""Signals end a run well, then at once; whatever ends it, the same command resumes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.emulator.control import Control

from .conftest import COMMAND, Clouds, Result, Syncmux, until

KEYS = 1200


@pytest.fixture
def push(syncmux: Syncmux, sync_task: str) -> list[str]:
    manifest = syncmux.file("keys.txt", "".join(f"k{i}\n" for i in range(KEYS)))
    return ["push", manifest, "--sync-task", sync_task]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_drains(syncmux: Syncmux, cloud: Clouds, push: list[str], number: signal.Signals) -> None:
    process = syncmux.start(*push, "--rate", "20")
    until(lambda: len(cloud.keys) >= 50, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 5
    assert "another signal ends at once" in err
    assert "run the same command again to resume" in out
    done = len(cloud.keys)
    assert 50 <= done < KEYS
    resumed = syncmux(*push, "--rate", "1000")
    assert resumed.code == 0
    found = re.search(r"([\d,]+) of 1,200 done earlier", resumed.out)
    assert found
    assert int(found[1].replace(",", "")) == done
    assert cloud.keys == {f"k{i}": 1 for i in range(KEYS)}  # after a clean stop, never twice


def test_the_second_signal_ends_at_once(syncmux: Syncmux, cloud: Clouds, push: list[str]) -> None:
    cloud.set(operations={"CreateSyncEvents": {"delay_s": 25.0}})
    process = syncmux.start(*push)
    until(lambda: cloud.calls("CreateSyncEvents") >= 20, process)
    process.send_signal(signal.SIGINT)
    assert process.stderr
    while "another signal ends at once" not in (line := process.stderr.readline()):
        assert line, "it ended without waiting for what is in flight"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=5)  # nothing is waited for, though calls are in flight for much longer
    assert process.returncode == 5
    cloud.clear()
    assert syncmux(*push, "--rate", "1000").code == 0
    assert cloud.keys.keys() == {f"k{i}" for i in range(KEYS)}


def test_a_kill_loses_nothing(syncmux: Syncmux, cloud: Clouds, push: list[str]) -> None:
    process = syncmux.start(*push, "--rate", "50")
    until(lambda: len(cloud.keys) >= 100, process)
    process.kill()
    process.communicate()
    resumed = syncmux(*push, "--rate", "1000", "--json")
    assert resumed.code == 0
    assert resumed.summary["done_earlier"] > 0
    assert resumed.summary["done"] == resumed.summary["total"] == KEYS
    assert cloud.keys.keys() == {f"k{i}" for i in range(KEYS)}


def test_inputs_not_begun_are_left(syncmux: Syncmux, cloud: Clouds, push: list[str]) -> None:
    cloud.set(operations={"CreateSyncEvents": {"delay_s": 0.3}})
    syncmux.file("first.txt", "a\n")
    process = syncmux.start(push[0], "first.txt", *push[1:])
    until(lambda: cloud.calls("CreateSyncEvents") == 1, process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 5
    assert cloud.keys == {"a": 1}


class Idle:
    """`push -`, given some keys through a pipe that stays open."""

    def __init__(self, syncmux: Syncmux, sync_task: str, *keys: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "push", "-", "--sync-task", sync_task],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=syncmux.directory,
            env=syncmux.environ, text=True,
        )  # fmt: skip
        syncmux.running.append(self.process)
        assert self.process.stdin
        self.process.stdin.write("".join(f"{key}\n" for key in keys))
        self.process.stdin.flush()

    def end(self, timeout_s: float) -> tuple[str, str]:
        """What it says by its end; its input stays open."""
        self.process.wait(timeout=timeout_s)
        assert self.process.stdout
        assert self.process.stderr
        return self.process.stdout.read(), self.process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_standard_input_is_idle_drains(
    syncmux: Syncmux, cloud: Clouds, sync_task: str, number: signal.Signals
) -> None:
    idle = Idle(syncmux, sync_task, "a", "b")
    until(lambda: cloud.keys == {"a": 1, "b": 1}, idle.process)
    idle.process.send_signal(number)
    out, err = idle.end(timeout_s=20)
    assert idle.process.returncode == 5
    assert "2 accepted" in out
    assert "run the same command again to resume" in out
    assert err.splitlines() == ["ending: what is in flight is finished and recorded; another signal ends at once"]
    resumed = syncmux("push", "-", "--sync-task", sync_task, "--json", stdin=b"a\nb\nc\n")
    assert resumed.code == 0
    assert cloud.keys.keys() == {"a", "b", "c"}
    assert (syncmux("status", "--json").events[0]["rows"]["waiting"], syncmux("export-failed").out) == (0, "")


def test_a_second_signal_while_standard_input_is_idle_ends_at_once(
    syncmux: Syncmux, cloud: Clouds, sync_task: str
) -> None:
    cloud.set(operations={"CreateSyncEvents": {"delay_s": 25.0}})
    idle = Idle(syncmux, sync_task, "a", "b")
    until(lambda: cloud.calls("CreateSyncEvents") == 1, idle.process)
    idle.process.send_signal(signal.SIGTERM)
    assert idle.process.stderr
    while "another signal ends at once" not in (line := idle.process.stderr.readline()):
        assert line, "it ended without waiting for what is in flight"
    idle.process.send_signal(signal.SIGINT)
    out, _ = idle.end(timeout_s=5)
    assert idle.process.returncode == 5
    assert "run the same command again to resume" in out
    cloud.clear()
    assert syncmux("push", "-", "--sync-task", sync_task, stdin=b"").code == 0, "what was read is in the backlog"
    assert cloud.keys.keys() == {"a", "b"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_standard_input_has_said_anything(
    syncmux: Syncmux, cloud: Clouds, sync_task: str, number: signal.Signals
) -> None:
    idle = Idle(syncmux, sync_task)
    until(lambda: cloud.calls("KeystoneListProjects") == 1, idle.process)  # it has begun
    idle.process.send_signal(number)
    out, err = idle.end(timeout_s=20)
    assert idle.process.returncode == 5
    assert "no rows" in out
    assert "run the same command again to resume" in out
    assert "another signal ends at once" in err


class Signalled:
    """Runs the command with signals that come at exact places: see sitecustomize.py."""

    def __init__(self, syncmux: Syncmux) -> None:
        self.syncmux = syncmux

    def __call__(self, places: dict[str, Sequence[signal.Signals]], *arguments: str, **more: str) -> Result:
        path = os.pathsep.join([str(Path(__file__).parent / "signalled"), self.syncmux.environ["PYTHONPATH"]])
        at = json.dumps({place: [int(number) for number in numbers] for place, numbers in places.items()})
        return self.syncmux(*arguments, environ={**self.syncmux.environ, "PYTHONPATH": path, "SIGNALS_AT": at, **more})


@pytest.fixture
def signalled(syncmux: Syncmux) -> Signalled:
    return Signalled(syncmux)


ONE, TWO = (signal.SIGTERM,), (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = "syncmux: interrupted; run the same command again to resume"


@pytest.mark.parametrize(
    ("place", "numbers"),
    [
        ("import engine.cli.app", TWO),
        ("import apsw", TWO),  # an exception in there crashes it
        ("import uvloop", TWO),
        ("call Engine.__aenter__", ONE),
        ("call Engine.__aenter__", TWO),
        ("call SqliteBacklog.open", ONE),
        ("call conduct", ONE),
    ],
)
def test_signals_before_there_is_work(
    signalled: Signalled, cloud: Clouds, push: list[str], place: str, numbers: Sequence[signal.Signals]
) -> None:
    done = signalled({place: numbers}, *push)
    assert (done.code, done.out, done.err.splitlines()) == (5, "", [INTERRUPTED])
    assert not cloud.keys


@pytest.mark.parametrize(
    ("place", "numbers"),
    [
        ("call Session._standing", ONE),
        ("call Engine.endings", ONE),
        ("call Engine.endings", TWO),
        ("call Run.work", TWO),
    ],
)
def test_signals_when_work_begins(
    signalled: Signalled, cloud: Clouds, push: list[str], place: str, numbers: Sequence[signal.Signals]
) -> None:
    done = signalled({place: numbers}, *push)
    assert done.code == 5
    assert done.err.splitlines() == ["ending: what is in flight is finished and recorded; another signal ends at once"]
    assert done.out.splitlines()[-1] == "interrupted: run the same command again to resume"
    assert len(cloud.keys) < KEYS


LATE = ["return sum_up", "return SqliteBacklog.close", "exit", "end"]


@pytest.mark.parametrize("place", ["call Rejections.write", "return sum_up", "end"])
def test_signals_when_all_is_done_change_nothing(
    signalled: Signalled, syncmux: Syncmux, sync_task: str, cloud: Clouds, place: str
) -> None:
    manifest = syncmux.file("few.txt", "a\nb\n")
    done = signalled({place: TWO}, "push", manifest, "--sync-task", sync_task, "--json")
    assert (done.code, done.summary["exit"], done.summary["accepted"], done.err) == (0, 0, 2, "")


@pytest.mark.parametrize("place", LATE)
def test_signals_after_the_summary_of_an_interrupted_run_change_nothing(
    signalled: Signalled, cloud: Clouds, push: list[str], place: str
) -> None:
    done = signalled({"call Session.run": ONE, place: TWO}, *push, "--json")
    assert (done.code, done.summary["exit"], done.err) == (5, 5, "")


def test_a_signal_while_looking(signalled: Signalled, syncmux: Syncmux, sync_task: str) -> None:
    manifest = syncmux.file("few.txt", "a\n")
    assert syncmux("push", manifest, "--sync-task", sync_task).code == 0
    done = signalled({"call SqliteBacklog.tally": ONE}, "status")
    assert (done.code, done.out, done.err.splitlines()) == (5, "", [INTERRUPTED])


def test_a_signal_while_failures_are_exported(
    signalled: Signalled, syncmux: Syncmux, cloud: Clouds, sync_task: str
) -> None:
    cloud.set(reject_keys=["a"])
    manifest = syncmux.file("few.txt", "a\n")
    assert syncmux("push", manifest, "--sync-task", sync_task).code == 3
    syncmux.file("failed.csv", "old")
    before = set(syncmux.directory.iterdir())
    done = signalled({"call SqliteBacklog.failures": ONE}, "export-failed", "-o", "failed.csv")
    assert (done.code, done.err.splitlines()) == (5, [INTERRUPTED])
    assert (syncmux.directory / "failed.csv").read_text() == "old"
    assert set(syncmux.directory.iterdir()) == before


@pytest.mark.parametrize("place", ["call EmulatorProcess.__enter__", "return run"])
def test_a_signal_to_the_demo_leaves_nothing_behind(signalled: Signalled, syncmux: Syncmux, place: str) -> None:
    arguments = ["demo", "--directories", "10", "--keys", "10"]
    done = signalled({place: TWO}, *arguments, TMPDIR=str(syncmux.directory))
    assert done.code == (0 if place == "return run" else 5)
    (url,) = re.findall(r"http://127\.0\.0\.1:\d+", done.err)
    with pytest.raises(OSError, match="Connection refused"):
        Control(url).ledger()
    assert not list(syncmux.directory.iterdir())
