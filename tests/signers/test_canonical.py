"""The parts that the signatures are built from, against the standard library's."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import sha1, sha256
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signers.canonical import encode_pair, percent_encode
from signers.keyed_hash import KeyedHash


@given(st.text())
def test_percent_encode(text: str) -> None:
    assert percent_encode(text) == quote(text, safe="")


def test_percent_encode_every_byte() -> None:
    every = "".join(map(chr, range(0x800)))
    assert percent_encode(every) == quote(every, safe="")
    assert percent_encode("~ *+/é") == "~%20%2A%2B%2F%C3%A9"


def test_percent_encode_refuses_what_is_not_unicode() -> None:
    with pytest.raises(UnicodeEncodeError):
        percent_encode("\ud800")


@given(st.text(), st.text())
def test_encode_pair(name: str, value: str) -> None:
    assert encode_pair(name, value) == f"{quote(name, safe='')}={quote(value, safe='')}"


@pytest.mark.parametrize("algorithm", [sha1, sha256])
@given(key=st.binary(max_size=200), messages=st.lists(st.text(), min_size=1))
def test_keyed_hash(algorithm: Callable[..., Any], key: bytes, messages: list[str]) -> None:
    keyed = KeyedHash(key, algorithm)
    for message in messages:
        assert keyed.of(message).digest() == hmac.new(key, message.encode(), algorithm).digest()


@pytest.mark.parametrize("algorithm", [sha1, sha256])
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 200])
def test_keyed_hash_around_the_block_size(algorithm: Callable[..., Any], size: int) -> None:
    key = bytes(range(1, 201))[:size]
    assert KeyedHash(key, algorithm).of("m").digest() == hmac.new(key, b"m", algorithm).digest()
