"""Bad input: every flaw is told with file, line and what to do, and nothing valid is lost for it."""

from __future__ import annotations

import errno
import gzip
import os
import random
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from engine.clouds.alibaba import Trigger
from engine.clouds.huawei import Push
from engine.errors import InputError
from engine.rows import Manifest, Rejected

LONGEST = 1 << 20
LONGEST_RECORD = 1 << 16


def read(path: Path, row_type: type[Any] = Push) -> tuple[list[str], list[Rejected]]:
    """First values, and what was rejected; the same whatever the size of the chunks."""
    outcomes = []
    for chunk_rows in (1, 3, 5000):
        chunks = list(Manifest(path, row_type, chunk_rows=chunk_rows).chunks())
        keys = [row[0] for chunk in chunks for row in chunk.rows]
        outcomes.append((keys, [rejected for chunk in chunks for rejected in chunk.rejected]))
        assert sum(len(chunk.lines) for chunk in chunks) == len(keys)
    assert outcomes[0] == outcomes[1] == outcomes[2]
    return outcomes[0]


@pytest.mark.parametrize(
    ("name", "bad", "reason", "text"),
    [
        ("a.csv", b"x\xff,1", "not valid UTF-8: save the manifest as UTF-8", "x\\xff,1"),
        ("a.csv", b"x\xed\xa0\x80,1", "not valid UTF-8: save the manifest as UTF-8", "x\\xed\\xa0\\x80,1"),
        ("a.csv", b"x\0,1", "key contains a NUL character, which no object name has", "x\\x00,1"),
        ("a.csv", b",1", "key is empty: every row needs one", ",1"),
        ("a.csv", b"x", "the header has 2 columns, this row 1", "x"),
        (
            "a.csv",
            b"x,1,2",
            "the header has 2 columns, this row 3: a value that contains a comma needs quotes",
            "x,1,2",
        ),
        ("a.csv", b'"x,1', "a quote opens in this line and is never closed", '"x,1'),
        ("a.csv", b'"x"y,1', "not valid CSV: ',' expected after '\"'", '"x"y,1'),
        ("a.csv", b"x\ry,1", "not valid CSV: new-line character seen in unquoted field", "x\\ry,1"),
        ("a.jsonl", b'{"key":"x\xff"}', "not valid UTF-8: save the manifest as UTF-8", '{"key":"x\\xff"}'),
        ("a.jsonl", b'{"key":"\\ud800"}', "not valid JSON at character ", '{"key":"\\ud800"}'),
        ("a.jsonl", b'{"key":"\\u0000"}', "key contains a NUL character, which no object", '{"key":"\\u0000"}'),
        ("a.jsonl", b'{"key":"x\0"}', "not valid JSON at character ", '{"key":"x\\x00"}'),
        ("a.jsonl", b'{"key":""}', "key is empty: every row needs one", '{"key":""}'),
        ("a.jsonl", b'{"account":"x"}', "key is missing: every row needs one", '{"account":"x"}'),
        ("a.jsonl", b'{"key":null}', "key is missing: every row needs one", '{"key":null}'),
        ("a.jsonl", b'{"key":1}', "key is a number: write it as a string, in quotes", '{"key":1}'),
        ("a.jsonl", b'{"key":"x","account":[]}', "account is a list: write it as a string", '{"key":"x","account":[]}'),
        ("a.jsonl", b'{"key":"x","account":0}', "account is a number: write it as", '{"key":"x","account":0}'),
        ("a.jsonl", b'{"key":"x","accuont":""}', "unknown column 'accuont'; known: key, sync_task_id, account", None),
        ("a.jsonl", b'{"key":"x","accuont":null}', "unknown column 'accuont'; known: key, sync_task_id, account", None),
        ("a.jsonl", b'["x"]', 'a list where an object like {"key": "..."} is needed', '["x"]'),
        ("a.jsonl", b"null", 'null where an object like {"key": "..."} is needed', "null"),
        ("a.jsonl", b'{"key":"x"},{"key":"y"}', "not valid JSON at character 12: ", '{"key":"x"},{"key":"y"}'),
        ("a.jsonl", b'{"key":"x"', "not valid JSON at character 1", None),
        ("a.jsonl", b"[" * 5000, "not valid JSON at character ", "[" * 200),
        ("a.keys", b"x\xff", "not valid UTF-8: save the manifest as UTF-8", "x\\xff"),
        ("a.keys", b"x\0\x1b[2J", "key contains a NUL character, which no object", "x\\x00\\x1b[2J"),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_bad_row_is_rejected_and_the_others_are_kept(
    tmp_path: Path, name: str, bad: bytes, reason: str, text: str | None, end: bytes
) -> None:
    good, header = {
        "a.csv": ([b"a,1", b"b,2", b'"c\nc",3'], [b"key,sync_task_id"]),
        "a.jsonl": ([b'{"key":"%b"}' % key for key in (b"a", b"b", b"c\\nc")], []),
        "a.keys": ([b"a", b"b", b"c c"], []),
    }[name]
    path = tmp_path / name
    for position in range(4):
        path.write_bytes(end.join([*header, *good[:position], bad, *good[position:]]) + end)
        keys, rejected = read(path)
        assert [key[0] for key in keys] == ["a", "b", "c"]
        line = 1 + len(header) + b"".join(part + b"\n" for part in good[:position]).count(b"\n")
        assert [(one.source, one.line) for one in rejected] == [(str(path), line)]
        assert rejected[0].reason.startswith(reason)
        assert rejected[0].text == (bad.decode() if text is None else text)


@pytest.mark.parametrize(
    ("name", "header", "before", "after"),
    [("a.csv", b"key\n", b"", b""), ("a.keys", b"", b"", b""), ("a.jsonl", b"", b'{"key":"', b'"}')],
)
def test_a_line_has_a_longest_length(tmp_path: Path, name: str, header: bytes, before: bytes, after: bytes) -> None:
    fits = LONGEST if name != "a.csv" else 100_000  # the csv module takes no longer value than 131,072 characters
    path = tmp_path / name
    extra = len(before) + len(after)
    for end in (b"\n", b""):  # also as the last line of the file
        lines = [b"a", b"b" * (fits - extra), b"c", b"d" * (LONGEST + 1 - extra)]
        path.write_bytes(header + b"\n".join(before + line + after for line in lines) + end)
        keys, rejected = read(path)
        assert [(key[0], len(key)) for key in keys] == [("a", 1), ("b", fits - extra), ("c", 1)]
        assert [(one.line, len(one.text)) for one in rejected] == [(5 if header else 4, 200)]
        assert rejected[0].reason.startswith("the line is longer than 1,048,576 bytes")


def test_a_huge_line_is_never_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.keys"
    path.write_bytes(b"a\n" + b"x" * (20 << 20) + b"\nb\n")
    tracemalloc.start()
    try:
        manifest = [row for chunk in Manifest(path, Push).chunks() for row in chunk.rows]
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert manifest == [Push("a"), Push("b")]
    assert peak_bytes < 8 << 20


def test_a_quote_that_is_never_closed_costs_its_own_line_only(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    many = [f"k{n}" for n in range(LONGEST_RECORD // 4)]  # more than one record may take up
    for rest in (["b"], many):
        path.write_text("\n".join(["key", "a", '"oops', *rest, ""]))
        keys, rejected = read(path) if rest is not many else read_large(path)
        assert keys == ["a", *rest]
        assert [(one.line, one.text) for one in rejected] == [(3, '"oops')]


def read_large(path: Path) -> tuple[list[str], list[Rejected]]:
    chunks = list(Manifest(path, Push).chunks())
    return [row.key for chunk in chunks for row in chunk.rows], [one for chunk in chunks for one in chunk.rejected]


def test_a_record_may_take_up_many_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    key = "x\n" * (LONGEST_RECORD // 2 - 2)  # with quotes and end just what is allowed
    path.write_text(f'key\na\n"{key}"\nb\n')
    assert read_large(path) == (["a", key, "b"], [])
    path.write_text(f'key\na\n"{key}xx"\nb\n')
    keys, rejected = read_large(path)
    assert (keys[0], keys[-1], rejected[0].line) == ("a", "b", 3)


def test_an_open_quote_before_a_long_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'key\na\n"b\nc\n' + b"x" * (LONGEST + 1) + b'\n"d"\n')
    keys, rejected = read(path)
    assert keys == ["a", "c", "d"]
    assert [one.line for one in rejected] == [3, 5]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"key,size\na,1\n", r"unknown column 'size'.*key, sync_task_id, account.*key,size"),
        ("a.csv", b"a\nb\n", "unknown column 'a'"),
        ("a.csv", b"account\na\n", "column key is missing"),
        ("a.csv", b"key,key\na,b\n", "column key is there twice"),
        ("a.csv", b"key,\na,b\n", "unknown column ''"),
        ("a.csv", b'"key\na\n', "header cannot be read"),
        ("a.csv", b"key\ra\rb\r", "header cannot be read"),
        ("a.csv", b"k\xff\n", "header cannot be read"),
        ("a.csv", b"key" + b" " * LONGEST + b"\na\n", "header is too long"),
        ("a.csv", "key\na\n".encode("utf-16"), "UTF-16"),
        ("a.csv", "key\na\n".encode("utf-16-le"), "UTF-16"),
        ("a.keys", "key\na\n".encode("utf-16-be"), "UTF-16"),
        ("a.csv", b"\x28\xb5\x2f\xfd\x00", "zstd"),
        ("a.csv", b"PK\x03\x04", "spreadsheet"),
        ("a.csv.gz", gzip.compress(b"key\na\n", mtime=0)[:12], "gzip data ends too early"),
        ("a.csv.gz", b"\x1f\x8b\x00\x00rubbish", "gzip data is corrupt after 0 "),
    ],
)
def test_a_manifest_that_cannot_be_read_at_all(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        next(Manifest(path, Push).chunks())
    assert str(caught.value).startswith(str(path))


def test_plain_keys_are_for_rows_with_one_required_column(tmp_path: Path) -> None:
    for name in ("a.keys", "a"):
        (tmp_path / name).write_text("gw-1\n")
        with pytest.raises(InputError, match=r"format is not clear.*gateway_id, index_id, path"):
            next(Manifest(tmp_path / name, Trigger).chunks())


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for path, number in ((tmp_path / "none.csv", errno.ENOENT), (tmp_path, errno.EISDIR)):
        with pytest.raises(InputError, match=f"^{path}: {errno_text(number)}$"):
            next(Manifest(path, Push).chunks())


def errno_text(number: int) -> str:
    return os.strerror(number)


def test_gzip_that_breaks_off_gives_every_row_before(tmp_path: Path) -> None:
    path = tmp_path / "a.keys.gz"
    letters = random.Random(1)  # compresses badly, so that every cut loses rows
    keys = ["".join(letters.choices("abcdefgh", k=30)) for _ in range(30_000)]
    whole = gzip.compress("\n".join(keys).encode())
    for size in (len(whole) // 3, len(whole) - 9):
        path.write_bytes(whole[:size])
        some, rejected = read_large(path)
        assert some == keys[: len(some)]
        assert len(some) > len(keys) * size / len(whole) * 0.99 - 1
        assert [(one.line, one.text) for one in rejected] == [(len(some) + 1, "")]
        assert "gzip data ends too early after " in rejected[0].reason


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_corrupt_gzip_gives_what_comes_before(tmp_path: Path, place: float) -> None:
    path = tmp_path / "a.keys.gz"
    keys = [f"{n:08}" for n in range(50_000)]
    first, second = (gzip.compress("".join(f"{key}\n" for key in part).encode()) for part in (keys, keys[:1000]))
    damaged = bytearray(second)
    damaged[int(len(damaged) * place)] ^= 0xFF
    path.write_bytes(first + damaged)
    some, rejected = read_large(path)
    assert some[: len(keys)] == keys, "the first member is sound"
    assert len(rejected) >= 1
    assert re.match("the gzip data (is corrupt|ends too early) after 4[0-9]{2},", rejected[-1].reason)
    path.write_bytes(first + second + b"\0" * 512)
    assert read_large(path) == ([*keys, *keys[:1000]], []), "members add up, and zeros may follow"
    path.write_bytes(first + b"rubbish")
    assert len(read_large(path)[1]) == 1


def test_a_repaired_file_is_read_on_from_where_it_broke_off(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    keys = [f"{n:08}" for n in range(20_000)]
    whole = gzip.compress(("key\n" + "".join(f"{key}\n" for key in keys)).encode())
    path.write_bytes(whole[: len(whole) // 2])
    chunks = list(Manifest(path, Push).chunks())
    before = [row.key for chunk in chunks for row in chunk.rows]
    path.write_bytes(whole)
    manifest = Manifest(path, Push)
    after = [row.key for chunk in manifest.chunks(chunks[-1].cursor) for row in chunk.rows]
    assert manifest.resumed
    assert 0 < len(before) < len(keys)
    assert before + after == keys


def test_a_wrong_checksum_costs_no_row_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.keys.gz"
    content = bytearray(gzip.compress(b"a\nb\n"))
    content[-8] ^= 0xFF
    path.write_bytes(content)
    keys, rejected = read(path)
    assert keys == ["a", "b"]
    assert [one.reason[:53] for one in rejected] == ["the gzip data is corrupt after 4 decompressed bytes; "]


def test_damage_before_the_first_row_leaves_nothing_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"key\n")[:-4])
    with pytest.raises(InputError, match=f"^{path}: the gzip data ends too early after 4 "):
        next(Manifest(path, Push).chunks())
