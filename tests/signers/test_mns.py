"""SMQ's request signature: against what the vendor published, and against the words of its documents."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from hashlib import md5, sha1
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signers import Credentials, SignedRequest
from signers.mns import (
    MnsSigner,
    authorization,
    canonical_headers,
    content_md5,
    signature,
    string_to_sign,
)

ENDPOINT = "https://123.mns.cn-hangzhou.aliyuncs.com"
NOW = 1436410894.9  # Thu, 09 Jul 2015 03:01:34 GMT


def test_the_published_signature() -> None:
    """help/en/message-service: how to obtain the signature string. The last four characters are masked there."""
    text = string_to_sign("GET", {"date": "Thu, 09 Jul 2015 03:01:34 GMT", "x-mns-version": "2015-06-06"}, "/MyQueue")
    assert text == "GET\n\n\nThu, 09 Jul 2015 03:01:34 GMT\nx-mns-version:2015-06-06\n/MyQueue"
    made = signature("TestAccessSecret", text)
    assert made[:-4] == "uwx3yeWoILzgmvesW0BQSgfM"
    assert authorization("TestAccessID", made) == f"MNS TestAccessID:{made}"


def test_the_signer_makes_the_published_signature() -> None:
    request = MnsSigner(Credentials("TestAccessID", "TestAccessSecret"), ENDPOINT).sign("GET", "/MyQueue", now=NOW)
    assert request.headers["authorization"].startswith("MNS TestAccessID:uwx3yeWoILzgmvesW0BQSgfM")
    assert request.url == f"{ENDPOINT}/MyQueue"
    assert request.body == b""


def test_headers_are_sorted_and_others_are_not_signed() -> None:
    headers = {"x-mns-b": "2", "host": "h", "x-mns-a": "1 ", "x-mn": "3", "security-token": "t"}
    assert canonical_headers(headers) == "x-mns-a:1 \nx-mns-b:2\n"


def test_the_digest_is_the_base64_of_hexadecimal() -> None:
    """The sample request of the vendor's pages has such a one."""
    assert b64decode("ZDgxNjY5ZjFlMDQ5MGM0YWMwMWE5ODlmZDVlYmQxYjI=") == b"d81669f1e0490c4ac01a989fd5ebd1b2"
    assert b64decode(content_md5(b"x")) == md5(b"x", usedforsecurity=False).hexdigest().encode()


def server_side(request: SignedRequest, secret: str) -> str:
    """The signature as the documents describe it, from what is on the wire."""
    parts = urlsplit(request.url)
    resource = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [request.method, *(request.headers.get(name, "") for name in ("content-md5", "content-type", "date"))]
    lines += [f"{name}:{value}" for name, value in sorted(request.headers.items()) if name.startswith("x-mns-")]
    return b64encode(hmac.digest(secret.encode(), "\n".join([*lines, resource]).encode(), sha1)).decode()


@given(
    secret=st.text(min_size=1, max_size=100).filter(lambda text: text.isascii()),
    query=st.dictionaries(
        st.text("abcXYZ", min_size=1), st.text(st.characters(codec="utf-8"), max_size=20), max_size=3
    ),
    body=st.binary(max_size=50),
    token=st.none() | st.just("token"),
    now=st.floats(0, 4e9),
)
def test_what_is_on_the_wire_is_what_was_signed(
    secret: str, query: dict[str, str], body: bytes, token: str | None, now: float
) -> None:
    signer = MnsSigner(Credentials("id", secret, token), ENDPOINT)
    request = signer.sign("DELETE", "/queues/q/messages", query, body, now=now)
    assert request.headers["authorization"] == f"MNS id:{server_side(request, secret)}"
    assert dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True)) == query
    assert ("content-md5" in request.headers) == bool(body)
    assert request.headers.get("security-token") == token
    assert request.headers["host"] == "123.mns.cn-hangzhou.aliyuncs.com"


def test_a_path_is_absolute() -> None:
    with pytest.raises(ValueError, match="path"):
        MnsSigner(Credentials("id", "secret"), ENDPOINT).sign("GET", "queues", now=NOW)
