"""Requests are read strictly: what two programs could understand differently is refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.daemon.http_body import Body
from engine.daemon.http_head import HttpError, read_head

GOOD = b"POST /p?q=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3"


def status(head: bytes) -> int:
    with pytest.raises(HttpError) as refused:
        read_head(head)
    return refused.value.status


def test_a_head_is_read() -> None:
    head = read_head(GOOD + b"\r\nX-Key:\t a b \r\nConnection: close")
    assert (head.method, head.path, head.query, head.target) == ("POST", "/p", "q=1", "/p?q=1")
    assert (head.length, head.keep_alive, head.headers["x-key"]) == (3, False, "a b")
    assert read_head(b"GET / HTTP/1.0").keep_alive is False
    assert read_head(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked").length is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET /", 400),  # HTTP/0.9
        (b"GET / HTTP/2.0", 505),
        (b"PRI * HTTP/2.0", 505),
        (b"GET http://elsewhere/ HTTP/1.1\r\nHost: h", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: h", 400),
        (b"CONNECT h:443 HTTP/1.1\r\nHost: h", 400),
        (b"GET  / HTTP/1.1\r\nHost: h", 400),
        (b"GET /\x00 HTTP/1.1\r\nHost: h", 400),
        (b"GET /a b HTTP/1.1\r\nHost: h", 400),
        (b"GET /#f HTTP/1.1\r\nHost: h", 400),
        (b"get / HTTP/1.1\r\nHost: h", 400),
        (b"GET / HTTP/1.1", 400),  # no host
        (b"GET / HTTP/1.1\r\nHost: h\r\nHost: h", 400),
        (b"GET / HTTP/1.1\r\nHost: a, b", 400),
        (b"GET / HTTP/1.1\r\nHost: a/p", 400),
        (b"GET / HTTP/1.1\r\nHost: http://a", 400),
        (b"GET / HTTP/1.1\r\nHost: a@b", 400),
        (b"GET / HTTP/1.1\r\nHost: a:b", 400),
        (b"GET / HTTP/1.1\r\nHost: a:1:2", 400),
        (b"GET / HTTP/1.1\r\nHost: [::1", 400),
        (b"GET / HTTP/1.1\r\nHost: \xe9", 400),
        (b"GET / HTTP/1.0\r\nHost: a b", 400),
        (b"GET / HTTP/1.1\nHost: h", 400),
        (b"GET / HTTP/1.1\r\nHost: h\nX: y", 400),
        (b"GET / HTTP/1.1\r\nHost : h", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\n folded", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\n: x", 400),
        (GOOD + b"\r\nContent-Length: 3", 400),
        (GOOD + b"\r\nTransfer-Encoding: chunked", 400),
        (GOOD + b"\r\nAuthorization: a\r\nauthorization: b", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \xb2", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked", 501),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked", 400),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked", 400),
        (GOOD + b"\r\nContent-Encoding: gzip", 415),
        (GOOD + b"\r\nExpect: something", 417),
        (GOOD + b"\r\nX: y" * 70, 431),
    ],
)
def test_what_is_doubtful_is_refused(head: bytes, expected: int) -> None:
    assert status(head) == expected


@pytest.mark.parametrize("host", ["h", "h:80", "h:", "", ":80", "10.0.0.1", "[::1]:8470", "a.b-c_d", "xn--e1afmkfd"])
def test_any_host_may_be_meant(host: str) -> None:
    assert read_head(f"GET /p HTTP/1.1\r\nHost: {host}".encode()).path == "/p"


def chunked(body: bytes, limit_bytes: int = 100) -> bytes:
    read = Body(None, limit_bytes)
    received = bytearray(body)
    read.feed(received)
    assert read.complete
    return bytes(read.content) + b"|" + received


def test_chunks_are_put_together() -> None:
    assert chunked(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nnext") == b"abcde|next"
    read, received = Body(None, 100), bytearray()
    for byte in b"00B\r\nhello world\r\n0\r\n\r\n":
        assert not read.complete
        received.append(byte)
        read.feed(received)
    assert (read.complete, bytes(read.content)) == (True, b"hello world")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"3;name=value\r\nabc\r\n0\r\n\r\n", 400),
        (b"3\r\nabcd\r\n0\r\n\r\n", 400),
        (b"3\r\nabcde0\r\n\r\n", 400),
        (b"x\r\nabc\r\n", 400),
        (b"-1\r\n", 400),
        (b"0x3\r\nabc\r\n", 400),
        (b"3\nabc\n0\n\n............", 400),
        (b"0\r\nTrailer: x\r\n\r\n", 400),
        (b"65\r\n", 413),  # 101
        (b"40\r\n" + b"x" * 64 + b"\r\n40\r\n", 413),
        (b"FFFFFFFF\r\n", 413),
        (b"0" * 20, 400),
    ],
)
def test_doubtful_chunks_are_refused(body: bytes, expected: int) -> None:
    with pytest.raises(HttpError) as refused:
        chunked(body)
    assert refused.value.status == expected


@given(st.binary(max_size=200))
def test_any_bytes_give_a_head_or_an_error(data: bytes) -> None:
    for head in (data, GOOD + b"\r\n" + data, b"POST " + data + b" HTTP/1.1\r\nHost: h"):
        with suppress(HttpError):
            read = read_head(head)
            assert read.path.startswith("/")
            assert read.length is None or read.length >= 0


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=8), st.data())
def test_however_chunks_are_cut_they_give_the_same(chunks: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks) + b"0\r\n\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    read, received = Body(None, 1000), bytearray()
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        received += whole[begin:end]
        read.feed(received)
    assert (read.complete, bytes(read.content), bytes(received)) == (True, b"".join(chunks), b"")


@given(st.binary(max_size=100), st.integers(0, 50))
def test_any_body_ends_within_its_limit_or_is_refused(data: bytes, limit_bytes: int) -> None:
    read = Body(None, limit_bytes)
    with suppress(HttpError):
        read.feed(bytearray(data))
    assert len(read.content) <= limit_bytes
