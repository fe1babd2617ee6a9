"""One attempt over HTTP, against servers that say byte by byte what they are told to."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import aiohttp
import pytest

import engine.transport
from engine.errors import ProtocolError, TransportError
from engine.transport import MAX_ANSWER_BYTES, Transport
from signers import SignedRequest
from tests.doctor.certificates import Authority

Say: TypeAlias = Callable[[asyncio.StreamWriter], Awaitable[None]]
SECRETS = {"Authorization": "the-signature", "x-acs-security-token": "the-token"}
SHORT_S = 0.3  # for answers that never come; nothing else takes as long


class Server:
    """Says the same to every request, and keeps what it was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[bytes] = []
        self.connections = 0


@asynccontextmanager
async def serving(say: Say | bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    known = Server()
    open_writers: set[asyncio.StreamWriter] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        known.connections += 1
        open_writers.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            known.requests.append(head + await reader.readexactly(sum(lengths)))
            if isinstance(say, bytes):
                writer.write(say)
            else:
                await say(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has seen enough
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    known.url = f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield known
    finally:
        server.close()
        for writer in open_writers:
            writer.transport.abort()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *(headers or (f"Content-Length: {len(body)}",)), "", ""]
    return "\r\n".join(lines).encode() + body


def request(url: str, method: str = "POST") -> SignedRequest:
    return SignedRequest(method, f"{url}/path?q=a%2Fb%20c", dict(SECRETS), b'{"body": 1}' if method == "POST" else b"")


async def never(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def test_a_whole_answer() -> None:
    said = answer(b"yes", "X-Request-Id: r-1", "content-length: 3", status="404 Not Found")
    async with serving(said) as server, Transport() as transport:
        reply = await transport.send(request(server.url))
    assert (reply.status, reply.body, reply.headers["x-request-id"]) == (404, b"yes", "r-1")
    (sent,) = server.requests
    assert sent.startswith(b"POST /path?q=a%2Fb%20c HTTP/1.1\r\n"), "as it was signed"
    assert sent.endswith(b'\r\n\r\n{"body": 1}')
    assert b"accept-encoding: identity" in sent.lower()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Same", "308 Same For Good"])
async def test_redirects_are_not_followed_and_credentials_go_nowhere_else(method: str, status: str) -> None:
    async with serving(answer(b"elsewhere")) as elsewhere:
        redirect = answer(b"", f"Location: {elsewhere.url}/", "Content-Length: 0", status=status)
        async with serving(redirect) as server, Transport() as transport:
            reply = await transport.send(request(server.url, method))
    assert reply.status == int(status[:3])
    assert len(server.requests) == 1
    assert (elsewhere.connections, elsewhere.requests) == (0, [])


async def test_cookies_are_not_kept() -> None:
    said = answer(b"", "Set-Cookie: a=b", "Content-Length: 0", "Connection: close")
    async with serving(said) as server, Transport() as transport:
        await transport.send(request(server.url))
        await transport.send(request(server.url))
    assert len(server.requests) == 2
    assert b"cookie" not in server.requests[1].lower()


@pytest.mark.parametrize("header", ["Content-Length: {}", "Connection: close"])
async def test_an_answer_as_large_as_it_may_be(header: str) -> None:
    body = b"x" * MAX_ANSWER_BYTES
    async with serving(answer(body, header.format(len(body)))) as server, Transport() as transport:
        reply = await transport.send(request(server.url))
    assert reply.body == body


@pytest.mark.parametrize("header", [f"Content-Length: {1 << 40}", "Transfer-Encoding: chunked", "Connection: close"])
async def test_an_answer_that_is_too_large_is_not_read_to_its_end(header: str) -> None:
    said = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal said
        writer.write(answer(b"", header))
        block = b"x" * 65_536
        while not writer.is_closing():
            writer.write(b"10000\r\n" + block + b"\r\n" if "chunked" in header else block)
            await writer.drain()
            said += len(block)

    async with serving(endless) as server, Transport(attempt_s=20.0) as transport:
        with pytest.raises(ProtocolError, match="larger than 1,048,576 bytes") as caught:
            await transport.send(request(server.url))
    assert (caught.value.status, caught.value.sent) == (200, True)
    assert said < 32 * MAX_ANSWER_BYTES, "what the network holds, and no more"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
async def test_a_compressed_answer_is_refused(encoding: str) -> None:
    """Nobody asked for it, and it may be a bomb."""
    body = gzip.compress(b"0" * 100_000)
    said = answer(body, f"Content-Encoding: {encoding}", f"Content-Length: {len(body)}")
    async with serving(said) as server, Transport() as transport:
        with pytest.raises(ProtocolError, match="compressed, unasked") as caught:
            await transport.send(request(server.url))
    assert caught.value.sent


@pytest.mark.parametrize(
    "said",
    [
        answer(b"only this", "Content-Length: 100"),
        answer(b"5\r\nhello\r\n", "Transfer-Encoding: chunked"),
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"",
        b"this is not HTTP at all\r\n\r\n",
    ],
    ids=["body", "chunks", "head", "nothing", "not-http"],
)
async def test_half_an_answer_is_none_and_the_request_may_have_taken_effect(said: bytes) -> None:
    async with serving(said) as server, Transport() as transport:
        with pytest.raises(TransportError) as caught:
            await transport.send(request(server.url))
    assert caught.value.sent
    assert len(server.requests) == 1, "nothing is sent twice"


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nslow"], ids=["at all", "whole"])
async def test_a_slow_answer_is_waited_for_so_long(begun: bytes) -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await never(writer)

    async with serving(slow) as server, Transport(attempt_s=SHORT_S) as transport:
        with pytest.raises(TransportError, match=r"no whole answer within 0\.3 s") as caught:
            await transport.send(request(server.url))
    assert caught.value.sent
    assert len(server.requests) == 1


HALF = [answer(b"half", "Content-Length: 100"), answer(b"4\r\nhalf\r\n", "Transfer-Encoding: chunked")]
UNWANTED = [
    answer(b"half", "Content-Length: 100", "Content-Encoding: gzip"),
    answer(b"x" * (MAX_ANSWER_BYTES + 1), f"Content-Length: {MAX_ANSWER_BYTES + 2}"),
]


@asynccontextmanager
async def watching(said: bytes) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A server that never ends its answer, and tells when its client has closed the connection."""
    closed = asyncio.Event()

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b'{"body": 1}')
            writer.write(said)
            assert await reader.read() == b""
        closed.set()
        writer.close()

    async with await asyncio.start_server(say, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", closed


@pytest.mark.parametrize("said", [*HALF, *UNWANTED], ids=["body", "chunks", "compressed", "too large"])
async def test_the_connection_of_half_an_answer_is_closed(said: bytes) -> None:
    """What is left of it would be taken for the answer to the next request."""
    async with asyncio.timeout(10), watching(said) as (url, closed), Transport(attempt_s=SHORT_S) as transport:
        with pytest.raises((TransportError, ProtocolError)) as caught:
            await transport.send(request(url))
        await closed.wait()
    assert caught.value.sent


@pytest.mark.parametrize("said", HALF, ids=["body", "chunks"])
async def test_who_gives_up_amid_an_answer_closes_the_connection(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, read = asyncio.Event(), engine.transport._read

    async def told(response: aiohttp.ClientResponse) -> bytes:
        reading.set()
        return await read(response)

    monkeypatch.setattr(engine.transport, "_read", told)
    async with asyncio.timeout(10), watching(said) as (url, closed), Transport() as transport:
        sending = asyncio.create_task(transport.send(request(url)))
        await reading.wait()
        sending.cancel()
        await closed.wait()
    assert sending.cancelled()


async def test_a_refused_connection_has_sent_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        port = taken.getsockname()[1]
        async with Transport() as transport:
            with pytest.raises(TransportError, match=f"cannot connect to 127.0.0.1:{port}") as caught:
                await transport.send(request(f"http://127.0.0.1:{port}"))
    assert not caught.value.sent


@pytest.mark.parametrize(
    ("days", "host", "known", "why"),
    [
        (60, "127.0.0.1", False, "unable to get local issuer certificate"),
        (-1, "127.0.0.1", True, "certificate has expired"),
        (60, "127.0.0.2", True, "not valid for '127.0.0.1'"),
    ],
    ids=["of nobody known", "expired", "of another host"],
)
async def test_who_cannot_prove_to_be_the_cloud_is_sent_nothing(
    tmp_path: Path, days: float, host: str, known: bool, why: str
) -> None:
    authority = Authority(tmp_path)
    trusting = Transport(ca_file=str(authority.file) if known else None)
    async with serving(answer(b"trust me"), authority.server(days, host)) as server, trusting as transport:
        with pytest.raises(TransportError, match=why) as caught:
            await transport.send(request(server.url))
    assert not caught.value.sent
    assert server.requests == []


async def test_who_proves_to_be_the_cloud_is_believed(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    trusting = Transport(ca_file=str(authority.file))
    async with serving(answer(b"yes"), authority.server(60)) as server, trusting as transport:
        assert (await transport.send(request(server.url))).body == b"yes"


@pytest.mark.parametrize("say", [never, answer(b"x", "Content-Length: 9"), answer(b"", "Content-Encoding: br")])
async def test_no_error_shows_what_was_sent(say: Say | bytes) -> None:
    async with serving(say) as server, Transport(attempt_s=SHORT_S) as transport:
        with pytest.raises((TransportError, ProtocolError)) as caught:
            await transport.send(request(server.url))
    shown = repr(caught.value) + str(caught.value)
    assert not [secret for secret in (*SECRETS.values(), "path?q") if secret in shown]
