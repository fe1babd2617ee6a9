"""Sides in processes of their own, as a run has them, and ours made worse."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from benchmarks import gate, side, suite
from benchmarks.children import ChildError, Children, answer, begin
from benchmarks.injections import INJECTIONS, Injection
from benchmarks.model import Setup

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(("name", "side"), [("signers", "Huawei"), ("backlog", "on disk, depth 1,000")])
def test_a_side_takes_its_turns(name: str, side: str, tmp_path: Path) -> None:
    benchmark = suite.load(name)
    setup = Setup(True, str(tmp_path), "", "", None)
    with Children() as children:
        child = children.start("benchmarks.side", name, side, setup.to_json())
        assert answer(child, timeout_s=60) == {}
        for _ in range(2):
            begin(child)
            sample = answer(child, timeout_s=60)
            assert {figure.key for figure in benchmark.figures} <= sample.keys()


def test_a_side_that_is_ended_between_turns_closes_its_files(tmp_path: Path) -> None:
    setup = Setup(True, str(tmp_path), "", "", None)
    with Children() as children:
        child = children.start("benchmarks.side", "backlog", "on disk, depth 1,000", setup.to_json())
        begin(child)
        for _ in ("ready", "a turn"):
            answer(child, timeout_s=60)
        assert len(list(tmp_path.glob("*/backlog.db-wal"))) == 1
        children.end(child)
    assert len(list(tmp_path.glob("*/backlog.db"))) == 1
    assert list(tmp_path.glob("*/backlog.db-wal")) == []


def test_what_a_library_prints_is_no_sample() -> None:
    with Children() as children:
        child = children.start("tests.benchmarks.children", "chatty")
        assert answer(child, timeout_s=30) == {}
        for number in range(2):
            begin(child)
            assert answer(child, timeout_s=30) == {"turn": number}


@pytest.mark.parametrize(
    ("name", "side", "says"),
    [
        ("unheard-of", "ours", "benchmarks.side: there is no unheard-of; there is calls, sdk"),
        ("start", "ours", "benchmarks.side: start has no 'ours'; it has 'syncmux --help'"),
    ],
)
def test_an_unknown_name_is_refused(name: str, side: str, says: str) -> None:
    command = [sys.executable, "-m", "benchmarks.side", name, side]
    told = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, told.stderr.splitlines()[1:]) == (2, "", [])
    assert told.stderr.startswith(says)


def test_by_hand_a_side_takes_one_turn() -> None:
    command = [sys.executable, "-m", "benchmarks.side", "start", "import engine"]
    told = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    sample = orjson.loads(told.stdout)
    assert (sample["sockets"], sample["vendors"]) == (0, 0)
    assert sample["rss_mb"] > 5


def test_by_hand_nobody_need_hold_the_standard_input() -> None:
    command = [sys.executable, "-m", "benchmarks.side", "start", "python alone"]
    told = subprocess.run(command, cwd=ROOT, input=b"", capture_output=True, check=True)
    assert orjson.loads(told.stdout)["sockets"] == 0


@pytest.mark.parametrize(
    ("name", "side", "amid", "status"),
    [("rows", "CSV", "keys.csv", 143), ("scale", "10 thousand", "*/backlog.db", 130)],
    ids=["alone", "in the engine's loop"],
)
def test_by_hand_a_side_that_is_ended_leaves_nothing(
    name: str, side: str, amid: str, status: int, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "benchmarks.side", name, side]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    run = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(f"benchmarks-*/{name}-*/{amid}")):
        assert time.monotonic() < deadline
        assert run.poll() is None
    run.send_signal(signal.SIGTERM)
    _, errors = run.communicate(timeout=30)
    assert (run.returncode, errors) == (status, b"")
    assert list(tmp_path.iterdir()) == []


def test_by_hand_what_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ChildError("the neutral server did not start")

    monkeypatch.setattr(side, "by_hand", fail)
    monkeypatch.setattr(side, "exit_on_signals", lambda: None)
    monkeypatch.setattr("benchmarks.side.logging.disable", lambda level: None)
    monkeypatch.setattr("benchmarks.side.os.dup2", lambda *_: None)
    assert side.main(["start", "python alone"]) == 1
    assert capsys.readouterr().err == "benchmarks.side: the neutral server did not start\n"


@pytest.mark.parametrize("injection", INJECTIONS.values(), ids=INJECTIONS)
def test_an_injection_is_into_sides_that_quick_compares(injection: Injection) -> None:
    compared = {goal.side for goal in gate.held(suite.load(injection.benchmark))}
    assert compared.issuperset(injection.sides)


def test_an_injection_costs_what_it_says(tmp_path: Path) -> None:
    """Larger jobs, which are the same in every run."""
    found = {}
    for injected in ("", "a job 30 % larger on disk"):
        setup = Setup(True, str(tmp_path), "", "", None, injected)
        with Children() as children:
            child = children.start("benchmarks.side", "backlog", "on disk, depth 1,000", setup.to_json())
            answer(child, timeout_s=60)
            begin(child)
            found[injected] = answer(child, timeout_s=60)["bytes"]
    small, large = found.values()
    assert large / small == pytest.approx(1.3, abs=0.05)
