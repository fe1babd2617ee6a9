"""Laws of the manifest reader, for any input."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clouds.huawei import Push
from engine.errors import InputError
from engine.rows import Chunk, Cursor, Manifest
from engine.rows.csv_rows import CsvRows
from engine.rows.json_lines import JsonLines
from engine.rows.lines import Block
from engine.rows.parsed import Format
from engine.rows.plain import PlainKeys
from engine.rows.schema import Schema


class Place(NamedTuple):
    """Several required columns, and a default that is not empty."""

    a: str
    b: str
    c: str = "/"


SCHEMA = Schema(Place)
FORMATS: list[Format[Any]] = [
    CsvRows("m", SCHEMA, b"b,a,c"),
    CsvRows("m", SCHEMA, b"b,a"),
    CsvRows("m", Schema(Place, {"a": "x"}), b"b"),
    JsonLines("m", SCHEMA),
    PlainKeys("m", Schema(Place, {"a": "x", "c": "y"})),
]

CSV = [b'"', b'""', b",", b"a", b"b,a,c\n", b"a,b\n", b'"a\nb",c,\n', b"\xc3\xa9", b'","', b'"\n']
JSON = [b'{"a":"1","b":"2"}\n', b'{"a":"1","b":"2","c":""}\n', b'{"b":"2","a":"1","c":"3"}\r\n', b'{"a":"","b":"2"}\n']
JSON += [
    b'{"a":"1","b":"2","c":null}\n',
    b'{"a":"1","b":"2","d":"3"}\n',
    b'{"a":1,"b":"2"}\n',
    b'{"a":"1","b":"2","c":0}\n',
]
JSON += [
    b'{"a":"1",',
    b'"b":"2"}',
    b'{"a":"\\u0000","b":"2"}\n',
    b'{"a":"\\ud800","b":"2"}\n',
    b"[]\n",
    b"null\n",
    b"{}\n",
]
ENDS = [b"\n", b"\r\n", b"\r", b"\n\n", b" "]
HOSTILE = [b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xc2\x85", b"\x0b"]


def contents(*fragments: bytes) -> st.SearchStrategy[bytes]:
    """Mostly sound lines, with some flaws among them."""
    return st.lists(st.sampled_from(fragments), max_size=12).map(b"".join)


ANY = st.one_of(contents(*CSV, *ENDS), contents(*JSON, *ENDS), contents(*CSV, *JSON, *ENDS, *HOSTILE), st.binary())


@pytest.mark.parametrize("reader", FORMATS, ids=lambda reader: type(reader).__name__)
@given(content=ANY, final=st.booleans())
@settings(max_examples=400, deadline=None)
def test_the_fast_reader_agrees_with_the_careful_one(reader: Format[Any], content: bytes, final: bool) -> None:
    data = content if final or content.endswith(b"\n") else content + b"\n"
    if not data:
        return
    block = Block(data, 7, data.count(b"\n") + (not data.endswith(b"\n")), final)
    fast, careful = reader.fast(block), reader.careful(block)
    if fast is not None:
        assert [type(row) for row in fast] == [Place] * len(fast)
        assert fast == careful.rows
        assert list(careful.lines) == list(range(7, 7 + block.count))
        assert (careful.rejected, careful.held_bytes, careful.held_lines) == ([], 0, 0)
    assert careful.held_bytes == 0 or not final


def test_the_fast_reader_takes_what_is_sound() -> None:
    """Or else the law above would hold for want of rows."""
    sound = [
        b'1,2,3\n"4","5,",\n',
        b"1,2\r\n3,4\r\n",
        b"1\n2\n",
        b'{"a":"1","b":"2"}\n{"a":"1","b":"2","c":"3"}\n',
        b"1\r\n2\n",
    ]
    for reader, data in zip(FORMATS, sound, strict=True):
        assert len(reader.fast(Block(data, 1, 2, False)) or []) == 2


def outcome(chunks: list[Chunk[Any]]) -> tuple[list[Any], list[Any]]:
    rows = [pair for chunk in chunks for pair in zip(chunk.rows, chunk.lines, strict=True)]
    return rows, [rejected for chunk in chunks for rejected in chunk.rejected]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("manifests")


NAMES = st.sampled_from(["a.csv", "a.jsonl", "a.keys", "a"])
HEADED = st.tuples(st.sampled_from([b"", b"key\n", b"key,account\n", b"\xef\xbb\xbf\nkey\r\n"]), ANY).map(b"".join)


@given(name=NAMES, content=HEADED, chunk_rows=st.integers(1, 4), compressed=st.booleans())
@settings(max_examples=600, deadline=None)
def test_reading_goes_on_exactly_where_a_chunk_ended(
    directory: Path, name: str, content: bytes, chunk_rows: int, compressed: bool
) -> None:
    path = directory / name
    path.write_bytes(gzip.compress(content) if compressed else content)
    try:
        chunks = list(Manifest(path, Push, chunk_rows=chunk_rows).chunks())
    except InputError:
        return
    rows, rejected = outcome(chunks)
    assert outcome(list(Manifest(path, Push).chunks())) == (rows, rejected), "whatever the size of the chunks"
    for index, chunk in enumerate(chunks, 1):
        manifest = Manifest(path, Push, chunk_rows=3)
        rest = list(manifest.chunks(Cursor.from_json(chunk.cursor.to_json())))
        assert manifest.resumed
        assert outcome(rest) == outcome(chunks[index:])
        assert chunk.cursor.rows == len(outcome(chunks[:index])[0])
    places = [chunk.cursor.offset_bytes for chunk in chunks]
    assert all(before < after for before, after in pairwise(places))
    assert all(place <= len(content) for place in places)


@given(name=NAMES, content=HEADED, appended=ANY, chunk_rows=st.integers(1, 4))
@settings(max_examples=300, deadline=None)
def test_rows_that_were_appended_are_read_as_if_they_had_been_there(
    directory: Path, name: str, content: bytes, appended: bytes, chunk_rows: int
) -> None:
    path = directory / name
    path.write_bytes(content)
    try:
        before = list(Manifest(path, Push, chunk_rows=chunk_rows).chunks())
    except InputError:
        return
    if not before or any("never closed" in one.reason for one in outcome(before)[1]):
        return  # what is appended may close the quote
    path.write_bytes(content + appended)
    try:
        whole = outcome(list(Manifest(path, Push).chunks()))
    except InputError:
        return
    manifest = Manifest(path, Push)
    after = outcome(list(manifest.chunks(before[-1].cursor)))
    if manifest.resumed:
        done = outcome(before)
        assert (done[0] + after[0], done[1] + after[1]) == whole
    else:
        assert after == whole
        assert not content.endswith(b"\n")
        assert appended


@given(content=st.lists(st.sampled_from([b"a", b"b", b"\n"]), min_size=2).map(b"".join), data=st.data())
@settings(deadline=None)
def test_a_manifest_that_was_changed_is_read_from_its_first_row(
    directory: Path, content: bytes, data: st.DataObject
) -> None:
    path = directory / "a.keys"
    path.write_bytes(content)
    chunks = list(Manifest(path, Push, chunk_rows=1).chunks())
    if not chunks:
        return
    cursor = data.draw(st.sampled_from(chunks)).cursor
    place = data.draw(st.integers(0, cursor.offset_bytes - 1))
    for changed in (content[:place] + b"x" + content[place + 1 :], content[:place]):
        path.write_bytes(changed)
        manifest = Manifest(path, Push)
        assert outcome(list(manifest.chunks(cursor))) == outcome(list(Manifest(path, Push).chunks()))
        assert not manifest.resumed


@given(
    name=st.sampled_from(["a.csv", "a.jsonl", "a.keys", "a", "a.csv.gz"]),
    content=st.one_of(ANY, HEADED, st.binary(max_size=2000)),
    cut=st.integers(0, 60),
    wrap=st.booleans(),
)
@settings(max_examples=600, deadline=None)
def test_any_bytes_give_rows_or_rejections_or_an_input_error(
    directory: Path, name: str, content: bytes, cut: int, wrap: bool
) -> None:
    path = directory / name
    path.write_bytes(gzip.compress(content)[: -cut or None] if wrap else content)
    try:
        chunks = list(Manifest(path, Push, chunk_rows=2).chunks())
    except InputError:
        return
    for (key, *others), _ in outcome(chunks)[0]:
        assert key
        assert "\0" not in "".join([key, *others])
        "".join([key, *others]).encode()
    for rejected in outcome(chunks)[1]:
        assert (rejected.reason + rejected.text).isprintable()


KINDS = ['"x",1,1,"x"', '2.0,1,1,"x"', '2,null,1,"x"', '2,1,[1],"x"', "2,1,1,5"]
OTHER_KINDS = ['{{"offset_bytes":{},"line":{},"rows":{},"digest":{}}}'.format(*kinds.split(",")) for kinds in KINDS]


@pytest.mark.parametrize("text", ["{}", "[]", "1", '{"offset_bytes":1}', "x", *OTHER_KINDS])
def test_only_a_cursor_is_read_as_one(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Cursor.from_json(text)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_end_of_the_last_line_may_come_later(directory: Path, end: str) -> None:
    path = directory / "a.keys"
    path.write_text("a\nb")
    *_, last = Manifest(path, Push).chunks()
    path.write_bytes(f"a\nb{end}c".encode())
    manifest = Manifest(path, Push)
    assert outcome(list(manifest.chunks(last.cursor))) == ([(Push("c"), 3)], [])
    assert manifest.resumed
