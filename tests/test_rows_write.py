"""What is written reads back as the same rows."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clouds.alibaba import Trigger
from engine.clouds.huawei import Push
from engine.errors import InputError
from engine.rows import Manifest, write_manifest

NAMES = ["a.csv", "a.jsonl", "a.ndjson", "a.csv.gz", "a.JSONL.gz"]
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
AWKWARD = st.text(st.sampled_from('",\r\n\t =+@-\\u0{}\x1b\ufeffé')) | TEXT
ROWS = st.lists(st.builds(Push, AWKWARD.filter(bool), AWKWARD, AWKWARD), max_size=8)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


@pytest.mark.parametrize("name", NAMES)
@given(rows=ROWS)
@settings(max_examples=150, deadline=None)
def test_what_is_written_reads_back(directory: Path, name: str, rows: list[Push]) -> None:
    path = directory / name
    assert write_manifest(path, iter(rows)) == len(rows)
    chunks = list(Manifest(path, Push).chunks())
    assert [row for chunk in chunks for row in chunk.rows] == rows
    assert [chunk.rejected for chunk in chunks if chunk.rejected] == []
    if name == "a.csv" and rows:
        with path.open(newline="") as file:
            assert list(csv.reader(file)) == [list(Push._fields), *map(list, rows)]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([Push("a"), Push("b\0")], "key contains a NUL"),
        ([Push("a"), Push("\ud800")], r"not a Unicode text: \\ud800"),
        ([Push("a"), Push("")], "key is empty"),
        ([Push("a"), Push("x" * (1 << 16))], "a row takes up 65,5.. bytes"),
        ([Push("a"), Trigger("g", "i", "/")], "more than one kind"),
    ],
)
def test_what_cannot_be_carried_is_told_and_leaves_the_old_file(
    tmp_path: Path, name: str, rows: list[Any], message: str
) -> None:
    path = tmp_path / name
    path.write_text("old")
    with pytest.raises(InputError, match=message):
        write_manifest(path, rows)
    assert os.listdir(tmp_path) == [name]  # noqa: PTH208 - also what is hidden
    assert path.read_text() == "old"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.csv"):
        write_manifest(tmp_path / "a.keys", [Push("a")])
    with pytest.raises(InputError, match="No such file or directory"):
        write_manifest(tmp_path / "none" / "a.csv", [Push("a")])
