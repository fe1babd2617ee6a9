"""What manifests of every format give, and which format a file is taken for."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tracemalloc
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.clouds.huawei import Push
from engine.errors import InputError
from engine.rows import Chunk, Manifest


class Place(NamedTuple):
    gateway_id: str
    index_id: str
    path: str = "/"
    account: str = ""


BOM = b"\xef\xbb\xbf"


def read(path: Path, row_type: type[Any] = Push, fixed: Mapping[str, str] | None = None) -> list[Any]:
    """All rows; none may be rejected."""
    chunks: list[Chunk[Any]] = list(Manifest(path, row_type, fixed).chunks())
    assert [rejected for chunk in chunks for rejected in chunk.rejected] == []
    return [row for chunk in chunks for row in chunk.rows]


@pytest.mark.parametrize(
    ("name", "content", "keys"),
    [
        ("a.csv", b"key\na\nb\n", ["a", "b"]),
        ("a.CSV", b"key\na\nb", ["a", "b"]),
        ("a.csv", b"key\r\na\r\n\r\nb\r\n", ["a", "b"]),
        ("a.csv", b'key\n"a\nb\r\nc"\n"d,""e"\n', ["a\nb\r\nc", 'd,"e']),
        ("a.csv", BOM + b"\n\n key \n a \n", [" a "]),
        ("a.csv", b'key\nit"s\n"\r"\n', ['it"s', "\r"]),
        ("a.csv", b"key\n", []),
        ("a.csv", b"", []),
        ("a.jsonl", b'{"key":"a"}\n\n \t\r\n{"key":"\\u00e9\\n"}', ["a", "é\n"]),
        ("a.ndjson", BOM + b'{"key":"a","account":null}\r\n', ["a"]),
        ("a.jsonl", b'{"key":"\\\\u0000"}\n', ["\\u0000"]),
        ("a.keys", b" a b \n\nkey\r\nc\rd\n\xc3\xa9", [" a b ", "key", "c\rd", "é"]),
        ("a.txt", b'{"key":"a"}\n', ['{"key":"a"}']),
        ("a.keys", BOM + b"a\x0bb\x0cc\xc2\x85d\xe2\x80\xa8e\n", ["a\vb\fc\x85d\u2028e"]),
        ("a.keys", b"a\r", ["a"]),
        ("keys", b"a,b\n", ["a,b"]),
        ("keys", b"{3F25}/a\n", ["{3F25}/a"]),
        ("rows", b'\n { "key": "a"}\n', ["a"]),
        ("rows", b'account,"key"\n,a\n', ["a"]),
        ("empty", b"", []),
        ("blank", b"\n\r\n", []),
    ],
)
def test_keys(tmp_path: Path, name: str, content: bytes, keys: list[str]) -> None:
    plain, compressed = tmp_path / name, tmp_path / f"{name}.gz"
    plain.write_bytes(content)
    compressed.write_bytes(gzip.compress(content))
    assert read(plain) == read(compressed) == [Push(key) for key in keys]


def test_columns_come_in_any_order_and_empty_ones_take_the_default(tmp_path: Path) -> None:
    expected = [Place("gw-1", "i-1", "/", "b"), Place("gw-2", "i-2", "/x", "")]
    csv, json = tmp_path / "a.csv", tmp_path / "a.jsonl"
    csv.write_text("path,account,index_id,gateway_id\n,b,i-1,gw-1\n/x,,i-2,gw-2\n")
    json.write_text(
        '{"gateway_id":"gw-1","index_id":"i-1","path":"","account":"b"}\n{"path":"/x","index_id":"i-2","gateway_id":"gw-2"}'
    )
    assert read(csv, Place) == read(json, Place) == expected


def test_fixed_values_stand_in_for_what_rows_lack(tmp_path: Path) -> None:
    fixed = {"sync_task_id": "st", "account": ""}
    expected = [Push("a", "st"), Push("b", "own")]
    csv, json, keys = tmp_path / "a.csv", tmp_path / "a.jsonl", tmp_path / "a.keys"
    csv.write_text("key,sync_task_id\na,\nb,own\n")
    json.write_text('{"key":"a"}\n{"key":"b","sync_task_id":"own"}\n')
    keys.write_text("a\nb\n")
    assert read(csv, fixed=fixed) == read(json, fixed=fixed) == expected
    assert read(keys, fixed=fixed) == [Push("a", "st"), Push("b", "st")]
    csv.write_text("path\n/a\n")
    assert read(csv, Place, {"gateway_id": "g", "index_id": "i"}) == [Place("g", "i", "/a")]
    with pytest.raises(ValueError, match="no column task"):
        Manifest(csv, Push, {"task": "st"})


def test_a_manifest_is_told_apart_by_place_and_fixed_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = Manifest("a.csv", Push)
    assert here.name == "a.csv"
    assert here.identity == Manifest(tmp_path / "a.csv", Push, {"account": ""}).identity == str(tmp_path / "a.csv")
    assert len({Manifest("a.csv", Push, {"sync_task_id": task}).identity for task in ("", "1", "2")}) == 3
    assert Manifest("-", Push).identity == "-"


def test_chunks_tell_the_line_of_each_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('key\na\n"b\nb"\n\nc\nd\ne\n')
    chunks = list(Manifest(path, Push, chunk_rows=2).chunks())
    lines = [(row.key, line) for chunk in chunks for row, line in zip(chunk.rows, chunk.lines, strict=True)]
    assert lines == [("a", 2), ("b\nb", 3), ("c", 6), ("d", 7), ("e", 8)]
    assert chunks[-1].cursor.line == 8
    assert chunks[-1].cursor.rows == 5


def test_a_file_is_read_in_full_chunks(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("key\n" + "".join(f"{'k' * 90}{n}\n" for n in range(40_000)))  # several reads
    sizes = [len(chunk.rows) for chunk in Manifest(path, Push, chunk_rows=3000).chunks()]
    assert sizes == [3000] * 13 + [1000]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, compress: Any) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(compress(b"a\nb\n"))))
    manifest = Manifest("-", Push)
    chunks = list(manifest.chunks())
    assert [row.key for chunk in chunks for row in chunk.rows] == ["a", "b"]
    assert not sys.stdin.buffer.closed
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(compress(b"a\nb\n"))))
    again = [row.key for chunk in manifest.chunks(chunks[-1].cursor) for row in chunk.rows]
    assert again == ["a", "b"], "what cannot be read twice starts with its first row"
    assert not manifest.resumed


def test_rows_of_a_pipe_do_not_wait_for_more_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file, ThreadPoolExecutor(1) as thread:
        try:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
            chunks = Manifest("-", Push).chunks()
            os.write(writing, b"a\nb\nc")
            assert thread.submit(next, chunks).result(timeout=10).rows == [Push("a"), Push("b")]
            os.write(writing, b"c\nd")
            assert thread.submit(next, chunks).result(timeout=10).rows == [Push("cc")]
        finally:
            os.close(writing)
        assert [chunk.rows for chunk in chunks] == [[Push("d")]]


def test_memory_stays_flat(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"key\nbefore\n")
        for _ in range(32):
            file.write(b"x" * (1 << 20))
        file.write(b"\nafter\n")
        for _ in range(2):
            file.write(b"key\n" * (1 << 16))
    tracemalloc.start()
    try:
        rows = rejected = 0
        for chunk in Manifest(path, Push).chunks():
            rows += len(chunk.rows)
            rejected += len(chunk.rejected)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (rows, rejected) == (2 + 2 * (1 << 16), 1)
    assert peak_bytes < 12 << 20


def test_the_file_is_closed_when_reading_stops_early(tmp_path: Path) -> None:
    path = tmp_path / "a.keys"
    path.write_text("a\nb\n")
    chunks: Any = Manifest(path, Push, chunk_rows=1).chunks()
    next(chunks)
    chunks.close()  # an open file would be a ResourceWarning, which is an error here
    with pytest.raises(StopIteration):
        next(chunks)


def test_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input is closed"):
        next(Manifest("-", Push).chunks())
