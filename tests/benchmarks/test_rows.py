"""What `rows` reads: manifests that the engine and the bare parsers take for the same rows."""

from __future__ import annotations

import csv
from pathlib import Path

import orjson
import pytest

from benchmarks.model import Setup
from benchmarks.suite import rows
from benchmarks.suite.rows import DIRECTORIES, KEYS, Workload, manifest
from engine.clouds import clouds
from engine.rows import Manifest


@pytest.mark.parametrize("workload", [KEYS, DIRECTORIES], ids=[KEYS.name, DIRECTORIES.name])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_every_row_is_read_and_planned(workload: Workload, suffix: str, tmp_path: Path) -> None:
    path, number = manifest(Setup(True, str(tmp_path), "", "", None), workload, suffix)
    expected = [list(workload.values(each)) for each in range(number)]
    found: list[list[str]] = []
    jobs = 0
    for chunk in Manifest(path, workload.row, workload.fixed).chunks():
        assert not chunk.rejected
        planned = clouds()[workload.cloud].plan(chunk.rows, ["account"], 10)
        assert not planned.rejected
        assert not planned.repeated
        jobs += len(planned.jobs)
        found += [list(row[: len(workload.columns)]) for row in chunk.rows]
    assert found == expected
    assert jobs == (number if workload is DIRECTORIES else number / 10)
    with path.open(newline="") as file:
        alone = list(csv.reader(file))[1:] if suffix == ".csv" else [[*orjson.loads(line).values()] for line in file]
    assert alone == expected


def test_directories_are_as_people_name_them() -> None:
    names = [rows.DIRECTORIES.values(number)[2] for number in range(100)]
    assert sum("," in name and not name.isascii() for name in names) == 13
    assert len({rows.DIRECTORIES.values(number)[:2] for number in range(1000)}) == 100
