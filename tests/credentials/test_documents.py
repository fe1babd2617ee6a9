"""Every way in which a set of keys is written down, and that no message repeats what stands there."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clouds.documents import SPELLINGS, ini_document, instant, json_document, key_set
from engine.errors import CredentialsError
from signers import Credentials

MARKER = "MARKERdontshow"


@pytest.mark.parametrize("names", SPELLINGS)
@pytest.mark.parametrize("wrapper", ["", "Credentials", "credentials", "credential"])
def test_every_spelling_is_read(names: tuple[str, ...], wrapper: str) -> None:
    values = dict(zip(names, ("id", "secret", "token", "2026-01-02T03:04:05Z"), strict=True))
    found = key_set({wrapper: values} if wrapper else values, "here")
    assert found.credentials == Credentials("id", "secret", "token")
    assert (found.expires_at, found.source) == (1767323045.0, "here")


def test_a_set_without_a_token_never_ends() -> None:
    found = key_set({"ak": "id", "sk": "secret"}, "here")
    assert (found.credentials, found.expires_at) == (Credentials("id", "secret"), None)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "here holds no access key"),
        ({"access": "id"}, "here has access and no secret"),
        ({"AccessKeySecret": MARKER}, "here has AccessKeySecret and no AccessKeyId"),
        ({"ak": "id", "sk": f"{MARKER}\n"}, "sk in here holds a space"),
        ({"ak": f"{MARKER}\u00e9", "sk": "secret"}, "ak in here holds a space"),
        ({"ak": "id", "sk": "s", "security_token": f"{MARKER} x"}, "security_token in here holds a space"),
        ({"ak": ["id", MARKER], "sk": "secret"}, "ak in here holds a space"),
        ({"AccessKeyId": "i", "AccessKeySecret": "s", "Expiration": MARKER}, "Expiration in here is not a time"),
    ],
)
def test_a_set_that_cannot_be_used_is_refused_by_name(document: dict[str, Any], said: str) -> None:
    with pytest.raises(CredentialsError) as refused:
        key_set(document, "here")
    assert said in str(refused.value)
    assert MARKER not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("read", [json_document, ini_document])
@pytest.mark.parametrize(
    "body", [f'{{"AccessKeySecret": "{MARKER}', f"sk = {MARKER}", f"[default\nsk={MARKER}", "", "\xff"]
)
def test_a_broken_document_is_not_quoted(read: Callable[[bytes, str], object], body: str) -> None:
    with pytest.raises(CredentialsError, match="here is not a") as refused:
        read(body.encode("latin-1"), "here")
    assert MARKER not in "".join(traceback.format_exception(refused.value))


def test_an_ini_file_may_have_comments_and_a_default_section() -> None:
    body = b"# mine\n[default]\naccess_key_id = id # the first\n[other]\nsk: a=b%c\n"
    assert ini_document(body, "here") == {"default": {"access_key_id": "id"}, "other": {"sk": "a=b%c"}}


def test_a_time_without_a_zone_is_utc() -> None:
    assert instant("2020-01-08T02:56:19.587000Z", "x") == instant("2020-01-08T02:56:19.587", "x") == 1578452179.587


NESTED = st.recursive(
    st.none() | st.text() | st.integers(-(2**63), 2**63),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["ak", "sk", "Credentials", "expires_at"]), inner),
)


@given(st.binary() | st.text().map(str.encode) | NESTED.map(orjson.dumps))
def test_any_bytes_give_a_set_or_an_error_of_ours(body: bytes) -> None:
    for read in (json_document, ini_document):
        with suppress(CredentialsError):
            key_set(read(body, "here"), "here")
