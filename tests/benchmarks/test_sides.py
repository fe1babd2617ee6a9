"""Sides in processes of their own, as a run has them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from benchmarks import suite
from benchmarks.children import Children, answer, begin
from benchmarks.model import Setup

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(("name", "side"), [("signers", "Huawei"), ("backlog", "on disk, depth 1,000")])
def test_a_side_takes_its_turns(name: str, side: str, tmp_path: Path) -> None:
    benchmark = suite.load(name)
    setup = Setup(True, str(tmp_path), "", "", None)
    with Children() as children:
        child = children.start("benchmarks.side", name, side, setup.to_json())
        for _ in range(2):
            begin(child)
            sample = answer(child, timeout_s=60)
            assert {figure.key for figure in benchmark.figures} <= sample.keys()


def test_by_hand_a_side_takes_one_turn() -> None:
    command = [sys.executable, "-m", "benchmarks.side", "start", "import engine"]
    told = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    sample = orjson.loads(told.stdout)
    assert (sample["sockets"], sample["vendors"]) == (0, 0)
    assert sample["rss_mb"] > 5
