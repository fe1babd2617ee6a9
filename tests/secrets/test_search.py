"""The search finds what it is to find: else that it finds nothing would prove nothing."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.secrets.marks import CHUNK, LENGTH, MARKS, Mark, search

SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "raw": str.encode,
    "in JSON": orjson.dumps,
    "URL-encoded": lambda text: quote(text, safe="").encode(),
    "URL-encoded twice": lambda text: quote(quote(text, safe=""), safe="").encode(),
    "every character URL-encoded": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
    "every character, twice": lambda text: "".join(f"%25{byte:02x}" for byte in text.encode()).encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "HEX": lambda text: text.encode().hex().upper().encode(),
    "Base64": lambda text: b64encode(text.encode()),
    "Base64, one byte on": lambda text: b64encode(b"x" + text.encode()),
    "Base64, two bytes on": lambda text: b64encode(b"xy" + text.encode()),
    "URL-safe Base64": lambda text: urlsafe_b64encode(b"key:" + text.encode()),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_mark_is_found_in_every_spelling(spelling: str) -> None:
    for mark in MARKS:
        found = search(b"before " + SPELLINGS[spelling](mark.value) + b" after")
        assert {hit.mark for hit in found} == {mark}


@given(st.binary(), st.binary())
def test_base64_is_found_wherever_it_begins(before: bytes, after: bytes) -> None:
    mark = MARKS[0]
    assert mark in {hit.mark for hit in search(b64encode(before + mark.value.encode() + after))}


@given(st.integers(0, LENGTH), st.integers(0, LENGTH))
def test_most_of_a_mark_is_found(first: int, last: int) -> None:
    piece = MARKS[0].core[first:last]
    found = search(f"say {piece} and".encode())
    assert bool(found) or len(piece) < 2 * CHUNK - 1


@given(st.binary(max_size=2000))
def test_nothing_is_found_in_anything_else(text: bytes) -> None:
    assert not search(text)


def test_marks_are_unlike_each_other_and_keys() -> None:
    assert len({mark.core for mark in MARKS}) == len({mark.field for mark in MARKS}) == len(MARKS)
    assert Mark("a").core.isalnum()
    assert len(Mark("a").core) == LENGTH
