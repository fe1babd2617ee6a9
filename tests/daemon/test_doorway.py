"""TLS connections before their handshake is done, over raw sockets. On both event loops: each has a TLS of its own."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from engine.daemon.connection import Limits
from engine.daemon.http_head import Endpoint
from engine.daemon.server import Bind, Server
from tests.daemon.test_connections import PATIENCE_S, Client, Echo, post, until
from tests.doctor.certificates import Authority

PATIENT = Limits(header_s=2 * PATIENCE_S, connections_per_address=8)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.file))


@asynccontextmanager
async def serving(
    authority: Authority, limits: Limits = PATIENT, endpoint: Endpoint | None = None
) -> AsyncIterator[tuple[Server, Callable[..., Awaitable[Client]]]]:
    opened: list[Client] = []
    tls = authority.server(30)
    async with asyncio.timeout(PATIENCE_S), Server(Bind(), {"/p": endpoint or Echo()}, limits, tls=tls) as server:

        async def connect(context: ssl.SSLContext | None = None) -> Client:
            opened.append(Client(*await asyncio.open_connection(server.bind.host, server.bind.port, ssl=context)))
            return opened[-1]

        yield server, connect
        for client in opened:
            client.writer.close()


async def served(client: Client) -> bool:
    await client.send(post(b"a"))
    return await client.status() == 200


@pytest.mark.parametrize("limits", [PATIENT, Limits(header_s=2 * PATIENCE_S, connections=8)])
async def test_who_says_nothing_counts(authority: Authority, trusting: ssl.SSLContext, limits: Limits) -> None:
    async with serving(authority, limits) as (server, connect):
        silent = [await connect() for _ in range(7)]
        assert await served(await connect(trusting))
        await until(lambda: server.connections == 8)
        for _ in range(20):
            assert await (await connect()).ended()
        assert (server.refused, server.connections) == (20, 8)
        for client in silent:
            client.writer.close()
        await until(lambda: server.connections == 1)
        assert await served(await connect(trusting)), "places are given back"


async def test_a_handshake_has_the_time_of_headers(authority: Authority) -> None:
    async with serving(authority, Limits(header_s=0.3)) as (server, connect):
        silent, slow = await connect(), await connect()
        await slow.send(hello(authority)[:100])
        assert await silent.ended()
        assert await slow.ended()
        await until(lambda: not server.connections)


async def test_closing_ends_handshakes(authority: Authority) -> None:
    async with serving(authority) as (server, connect):
        silent, slow = await connect(), await connect()
        await slow.send(hello(authority)[:100])
        await until(lambda: server.connections == 2)
        at_once = await connect()  # may not have been noticed yet
        await server.close(2 * PATIENCE_S)
        assert not server.connections
        for client in (silent, slow, at_once):
            assert await client.ended()


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"\0" * 70_000])
async def test_a_handshake_that_fails_gives_its_place_back(
    authority: Authority, trusting: ssl.SSLContext, first: bytes
) -> None:
    async with serving(authority) as (server, connect):
        for _ in range(2 * PATIENT.connections_per_address):
            client = await connect()
            client.writer.write(first)
            client.writer.write_eof()
            with suppress(ConnectionError):
                await client.reader.read()
            await until(lambda: not server.connections)
        assert await served(await connect(trusting))
        assert not server.refused


@pytest.mark.parametrize("bytes_of_hello", [0, 100, 10_000])
async def test_who_is_gone_in_the_handshake_gives_the_place_back(
    authority: Authority, trusting: ssl.SSLContext, bytes_of_hello: int
) -> None:
    async with serving(authority) as (server, connect):
        for _ in range(2 * PATIENT.connections_per_address):
            client = await connect()
            await client.send(hello(authority)[:bytes_of_hello])
            await until(lambda: server.connections == 1)
            reset = struct.pack("ii", 1, 0)
            client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            client.writer.close()
            await until(lambda: not server.connections)
        assert await served(await connect(trusting))
        assert not server.refused


async def test_without_a_file_descriptor_for_it_a_connection_ends(
    authority: Authority, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fromfd(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "none is left")

    async with serving(authority) as (server, connect):
        with monkeypatch.context() as patch:
            patch.setattr(socket, "fromfd", fromfd)
            assert await (await connect()).ended()
            assert not server.connections
        assert await served(await connect(trusting))


class Speaker:
    """TLS over a plain connection: the client's last words of the handshake are not sent before its first request."""

    def __init__(self, client: Client, context: ssl.SSLContext) -> None:
        self._client = client
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")

    async def shake_hands(self) -> None:
        while True:
            try:
                return self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._client.send(self._outgoing.read())
                self._incoming.write(await self._client.reader.read(1 << 16))

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._client.writer.write(self._outgoing.read())

    async def answer(self) -> bytes:
        """Up to the end of its JSON."""
        answer = b""
        while not answer.endswith(b"}\n"):
            try:
                answer += self._tls.read(1 << 20)
            except ssl.SSLWantReadError:
                self._incoming.write(await self._client.reader.read(1 << 16))
        return answer


@pytest.mark.parametrize("size_bytes", [1, 200_000])
async def test_a_request_may_come_with_the_end_of_the_handshake(
    authority: Authority, trusting: ssl.SSLContext, size_bytes: int
) -> None:
    async with serving(authority) as (_, connect):
        speaker = Speaker(await connect(), trusting)
        await speaker.shake_hands()
        speaker.send(post(b"x" * size_bytes))
        assert (await speaker.answer()).startswith(b"HTTP/1.1 200 ")


async def test_what_comes_with_the_end_of_the_handshake_is_not_taken_when_closing(
    authority: Authority, trusting: ssl.SSLContext
) -> None:
    echo = Echo()
    async with serving(authority, endpoint=echo) as (server, connect):
        client = await connect()
        speaker = Speaker(client, trusting)
        await speaker.shake_hands()
        speaker.send(post(b"a"))  # it is there, and nobody has read it
        await server.close(2 * PATIENCE_S)
        assert not server.connections
        assert await client.ended()
        assert echo.bodies == []


def hello(authority: Authority) -> bytes:
    """What a client says first."""
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context(cafile=str(authority.file)).wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1"
    )
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()
