"""No process outlives a run, whether it ends well, badly, or by a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks import suite
from benchmarks.children import Child, ChildError, Children, answer, begin
from benchmarks.stage import Stage

ROOT = Path(__file__).resolve().parent.parent.parent
HELPERS = "tests.benchmarks.children"


HEEDING = """
import runpy, signal

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it
runpy.run_module("benchmarks", run_name="__main__")
"""


def _alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    return bool(told.stdout.strip()) and not told.stdout.strip().startswith("Z")


def _descendants(pid: int) -> set[int]:
    told = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    rows = [line.split() for line in told.stdout.splitlines()]
    parents = {int(child): int(parent) for child, parent in rows}
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def _tries() -> Iterator[None]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        yield
    raise AssertionError("it did not happen")


def test_a_child_answers_in_its_turns_and_is_gone() -> None:
    with Children() as children:
        child = children.start(HELPERS, "answer")
        answers = []
        for _ in range(2):
            begin(child)
            answers.append(answer(child, timeout_s=30))
        assert answers == [{"pid": child.pid, "turn": 1}, {"pid": child.pid, "turn": 2}]
        children.end(child)
        assert not _alive(child.pid)


def test_a_child_that_fails_is_an_error() -> None:
    with Children() as children:
        child = children.start(HELPERS, "fail")
        with pytest.raises(ChildError, match="ended with status 3"):
            answer(child, timeout_s=30)
        with pytest.raises(ChildError, match="has ended"):
            begin(child)


def test_a_child_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with Children() as children:
        child = children.start(HELPERS, "hang", str(pids))
        assert child.stdout
        assert child.stdout.readline() == b"ready\n"
        with pytest.raises(ChildError, match="took longer than"):
            answer(child, timeout_s=0.01)
    assert [pid for pid in map(int, pids.read_text().split()) if _alive(pid)] == []


def test_what_still_runs_ends_with_the_block() -> None:
    with Children() as children:
        process = children.start(HELPERS, "hang")
        assert process.stdout
        assert process.stdout.readline()
    assert not _alive(process.pid)


def test_what_a_child_leaves_behind_is_made_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.children.GRACE_S", 0.1)
    with Children() as children:
        grandchild = answer(children.start(HELPERS, "orphan"), timeout_s=30)["pid"]
        assert _alive(grandchild)
    for _ in _tries():
        if not _alive(grandchild):
            break


class _Mute(Children):
    """Starts, in the place of anything, a process that says nothing."""

    def start(self, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Child:
        return super().start(HELPERS, "mute")


def test_a_server_that_hangs_does_not_hang_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.stage.START_S", 0.1)
    with _Mute() as children:
        stage = Stage(children, tmp_path, quick=True)
        with pytest.raises(ChildError, match=r"the neutral server did not start: python .* took longer than 0\.1 s"):
            stage.setup(suite.load("calls"))


def test_children_leave_when_their_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-m", HELPERS, "parent"], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert _alive(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in _tries():
        if not _alive(child):
            break


def test_who_leads_no_group_leaves_with_his_parent_too() -> None:
    command = [sys.executable, "-m", HELPERS, "follow"]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout
    assert child.stdout.readline() == b"ready\n"
    try:
        _, errors = child.communicate(timeout=10)  # closes its standard input
    finally:
        child.kill()
    assert (child.returncode, errors) == (-signal.SIGKILL, b"")


@pytest.mark.parametrize(("sign", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_run_that_is_interrupted_leaves_nothing(sign: signal.Signals, status: int, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", HEEDING, "polling", "--quick"]
    run = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in _tries():
        started = _descendants(run.pid)
        if len(started) == 4:  # the neutral server, and three sides
            break
    run.send_signal(sign)
    assert run.wait(30) == status
    for _ in _tries():
        if not any(_alive(pid) for pid in started):  # one that was being started sees for itself that nobody is left
            break
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_is_refused() -> None:
    command = [sys.executable, "-m", "benchmarks", "unheard-of"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "there is no unheard-of; there is calls, sdk" in run.stderr
