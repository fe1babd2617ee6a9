"""Bounds on clients, over raw sockets: what they send, how slowly, and how many of them there are."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from errno import EACCES, EMFILE, ENOMEM
from hashlib import sha256
from pathlib import Path

import pytest

from engine.daemon.access import Tokens
from engine.daemon.connection import MAX_AHEAD_BYTES, Connection, Limits
from engine.daemon.http_head import Endpoint, Head, Response, json_response, refusal
from engine.daemon.server import Bind, Server
from engine.errors import ConfigError, ListenError
from tests.daemon.conftest import request
from tests.doctor.certificates import Authority

PATIENCE_S = 10.0  # what should happen at once has happened by then, or the test fails
TOKEN = "0123456789abcdef"
QUICK = Limits(body_bytes=1000, header_s=0.3, body_s=0.3, idle_s=0.6, write_s=0.3, connections_per_address=8)


class Echo:
    """Answers with what it was sent."""

    methods: Collection[str] = ("POST",)

    def __init__(self, wait: asyncio.Event | None = None, size_bytes: int = 0, *, vouched: bool = True) -> None:
        self.vouched = vouched
        self.bodies: list[bytes] = []
        self._tokens = Tokens([f"sha256:{sha256(TOKEN.encode()).hexdigest()}"])
        self._wait = wait
        self._size_bytes = size_bytes

    def admit(self, head: Head) -> Response | None:
        return None if self._tokens.match(head.headers.get("token", "")) else refusal(401, "no")

    async def answer(self, head: Head, body: bytes) -> Response:
        self.bodies.append(body)
        if self._wait:
            await self._wait.wait()
        if body == b"fail":
            raise RuntimeError("what a bug raises")
        return json_response(200, {"body": body.decode(), "padding": "x" * self._size_bytes})


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def status(self) -> int:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
        await self.reader.readexactly(length)
        return int(head.split()[1])

    async def ended(self) -> bool:
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def serving(
    endpoint: Endpoint, limits: Limits = QUICK
) -> AsyncIterator[tuple[Server, Callable[[], Awaitable[Client]]]]:
    opened: list[Client] = []
    async with asyncio.timeout(PATIENCE_S), Server(Bind(), {"/p": endpoint}, limits) as server:

        async def connect() -> Client:
            opened.append(Client(*await asyncio.open_connection(server.bind.host, server.bind.port)))
            return opened[-1]

        yield server, connect
        for client in opened:
            client.writer.close()


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - the server is not to know of tests
        await asyncio.sleep(0)


def post(body: bytes, headers: str = f"Token: {TOKEN}\r\n") -> bytes:
    return request(body, "/p", headers)


async def test_who_may_not_is_told_before_the_body_is_sent() -> None:
    echo = Echo()
    async with serving(echo) as (server, connect):
        client = await connect()
        await client.send(post(b"x" * 900, "Token: wrong\r\n")[:-900])  # the headers alone
        assert await client.status() == 401
        assert await client.ended()
        assert echo.bodies == []
        assert server.room.taken_bytes == 0


async def test_who_may_not_reads_the_answer_even_while_sending() -> None:
    async with serving(Echo()) as (server, connect):
        client = await connect()
        await client.send(post(b"x" * 900, "Token: wrong\r\n")[:-900])
        await client.send(b"x" * 100)
        await client.send(b"x" * 800)
        assert await client.status() == 401
        assert server.connections == 1, "a reset could take the answer away"
        client.writer.write_eof()
        await until(lambda: not server.connections)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (post(b"x" * 1001)[:-1001], 413),
        (f"POST /p HTTP/1.1\r\nHost: h\r\nToken: {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n3E9\r\n".encode(), 413),
        (b"POST /elsewhere HTTP/1.1\r\nHost: h\r\n\r\n", 404),
        (b"GET /p HTTP/1.1\r\nHost: h\r\n\r\n", 405),
        (post(b"x", f"Token: {TOKEN}\r\nToken: {TOKEN}\r\n"), 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000, 431),
        (b"GET /p\r\n\r\n", 400),  # HTTP/0.9
        (b"POST http://h/p HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"POST /elsewhere HTTP/1.1\r\nHost: h/p\r\n\r\n", 400),
        (b"POST /elsewhere HTTP/1.1\r\nHost: p\r\nX-Forwarded-Host: h/p\r\nX-Original-URL: /p\r\n\r\n", 404),
        (b"POST //h/p HTTP/1.1\r\nHost: h\r\n\r\n", 404),
        (b"POST /%70 HTTP/1.1\r\nHost: h\r\n\r\n", 404),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),  # TLS
    ],
)
async def test_what_is_not_taken_is_answered_and_ends(sent: bytes, expected: int) -> None:
    echo = Echo()
    async with serving(echo) as (server, connect):
        client = await connect()
        await client.send(sent)
        assert await client.status() == expected
        assert await client.ended()
        assert echo.bodies == []
        assert server.answers.total() == 1
        assert all(path in {"/p", ""} for path, _ in server.answers), "made-up paths are not remembered"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        ("Content-Length: 0\r\nContent-Length: 5\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        ("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        ("Content-Length: 0\nX: y\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\n\r\n0;a\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n", 400),
    ],
)
async def test_nothing_is_smuggled(head: str, expected: int) -> None:
    """What follows a request that could be understood in two ways is none, whether it comes with it or after it."""
    echo = Echo()
    for at_once in (True, False):
        async with serving(echo) as (server, connect):
            client = await connect()
            sent = f"POST /p HTTP/1.1\r\nHost: h\r\nToken: {TOKEN}\r\n{head}".encode()
            await client.send(sent + post(b"smuggled") if at_once else sent)
            assert await client.status() == expected
            client.writer.write(post(b"smuggled"))
            client.writer.write_eof()
            assert await client.ended()
            await until(lambda server=server: not server.connections)  # type: ignore[misc]
            assert server.answers.total() == 1
    assert echo.bodies == []


async def test_chunks_without_an_end_are_cut_off_at_the_limit() -> None:
    async with serving(Echo()) as (_, connect):
        client = await connect()
        await client.send(
            f"POST /p HTTP/1.1\r\nHost: h\r\nToken: {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )

        async def go_on() -> None:
            with suppress(ConnectionError):
                while True:
                    await client.send(b"1\r\nx\r\n" * 100)

        sending = asyncio.create_task(go_on())
        assert await client.status() == 413
        await sending


async def test_slow_headers_and_slow_bodies_come_to_an_end() -> None:
    for beginning in (b"POST /p HTTP/1.1\r\n", post(b"x" * 900)[:-900]):
        async with serving(Echo()) as (server, connect):
            client = await connect()
            await client.send(beginning)

            async def drip(client: Client = client) -> None:
                while True:  # every byte comes well within the deadline
                    await client.send(b"X")
                    await asyncio.sleep(0.05)

            dripping = asyncio.create_task(drip())
            assert await client.status() == 408
            dripping.cancel()
            await asyncio.wait((dripping,))
            client.writer.close()
            await until(lambda: not server.connections)


async def test_who_says_nothing_is_let_go() -> None:
    async with serving(Echo()) as (_, connect):
        silent = await connect()
        assert await silent.ended()
        idle = await connect()
        await idle.send(post(b"a"))
        assert await idle.status() == 200
        assert await idle.ended()


async def test_who_never_reads_is_let_go() -> None:
    echo = Echo(size_bytes=1 << 20)
    async with serving(echo) as (server, connect):
        client = await connect()
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        client.writer.write(post(b"a") * 1000)
        await until(lambda: server.connections == 1)
        await until(lambda: server.connections == 0)
        assert len(echo.bodies) < 100, "what it asked for further was not worked on"


async def test_who_does_not_read_one_answer_has_the_time_for_writing() -> None:
    patient = Limits(header_s=2 * PATIENCE_S, idle_s=2 * PATIENCE_S, write_s=0.3)
    async with serving(Echo(size_bytes=32 << 20), patient) as (server, connect):
        client = await connect()
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        client.writer.write(post(b"a"))
        await until(lambda: server.answers.total() == 1)
        await until(lambda: not server.connections)


async def test_who_reads_late_is_heard_out() -> None:
    roomy = Limits(body_bytes=1 << 20)
    async with serving(Echo(size_bytes=8 << 20), roomy) as (server, connect):
        client = await connect()
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        large = b"b" * (1 << 20)
        client.writer.write(post(b"a") + post(large))
        (connection,) = await opened(server)
        await until(lambda: not connection._transport.is_reading())
        client.reader._transport.resume_reading()  # type: ignore[attr-defined]
        assert [await client.status(), await client.status()] == [200, 200]


async def test_what_comes_ahead_is_bounded() -> None:
    wait = asyncio.Event()
    async with serving(Echo(wait)) as (server, connect):
        client = await connect()
        await client.send(post(b"a"))
        (connection,) = await opened(server)
        await until(lambda: server.room.taken_bytes > 0)
        client.writer.write(b"x" * (16 << 20))
        await until(lambda: not connection._transport.is_reading())
        assert MAX_AHEAD_BYTES < len(connection._received) <= MAX_AHEAD_BYTES + (256 << 10)  # what one read gives
        wait.set()
        assert await client.status() == 200


async def opened(server: Server) -> set[Connection]:
    await until(lambda: server.connections > 0)
    return set(server._connections)


async def test_half_a_request_after_another_comes_to_an_end() -> None:
    limits = Limits(header_s=0.3, idle_s=2 * PATIENCE_S)
    async with serving(Echo(), limits) as (_, connect):
        client = await connect()
        await client.send(post(b"a") + b"POST /p HTTP/1.1\r\n")
        assert [await client.status(), await client.status()] == [200, 408]
        assert await client.ended()


async def test_requests_that_come_one_after_the_other_are_answered_in_turn() -> None:
    wait = asyncio.Event()
    echo = Echo(wait)
    async with serving(echo) as (server, connect):
        client = await connect()
        await client.send(post(b"a"))
        await until(lambda: server.room.taken_bytes > 0)
        (connection,) = await opened(server)
        await client.send(post(b"b"))
        await until(lambda: bool(connection._received))
        wait.set()
        assert [await client.status(), await client.status()] == [200, 200]
        assert echo.bodies == [b"a", b"b"]


async def test_requests_that_come_at_once_are_answered_in_turn() -> None:
    echo = Echo()
    async with serving(echo) as (_, connect):
        client = await connect()
        await client.send(b"".join(post(f"{i}".encode()) for i in range(50)))
        assert [await client.status() for _ in range(50)] == [200] * 50
        assert echo.bodies == [f"{i}".encode() for i in range(50)]


async def test_who_has_said_all_gets_all_answers() -> None:
    patient = Limits(idle_s=2 * PATIENCE_S)
    async with serving(Echo(), patient) as (_, connect):
        client = await connect()
        client.writer.write(post(b"a") + post(b"b"))
        client.writer.write_eof()
        assert [await client.status(), await client.status()] == [200, 200]
        assert await client.ended()


async def test_a_body_that_is_held_back_is_asked_for() -> None:
    async with serving(Echo()) as (_, connect):
        client = await connect()
        await client.send(post(b"abc", f"Token: {TOKEN}\r\nExpect: 100-continue\r\n")[:-3])
        assert await client.status() == 100
        await client.send(b"abc")
        assert await client.status() == 200


async def test_too_many_connections_of_one_address_are_turned_away() -> None:
    async with serving(Echo()) as (server, connect):
        clients = [await connect() for _ in range(8)]
        for client in clients:
            await client.send(post(b"a"))
            assert await client.status() == 200
        one_more = await connect()
        assert await one_more.ended()
        assert (server.refused, server.connections) == (1, 8)
        clients[0].writer.close()
        await until(lambda: server.connections == 7)
        another = await connect()
        await another.send(post(b"a"))
        assert await another.status() == 200


async def test_too_many_connections_of_all_are_turned_away() -> None:
    async with serving(Echo(), Limits(connections=2)) as (server, connect):
        for client in [await connect(), await connect()]:
            await client.send(post(b"a"))
            assert await client.status() == 200
        assert await (await connect()).ended()
        assert (server.refused, server.connections) == (1, 2)


async def test_a_body_in_chunks_may_become_as_large_as_any() -> None:
    async with serving(Echo(), Limits(body_bytes=1000, bodies_bytes=1500)) as (server, connect):
        first, second = await connect(), await connect()
        chunks = f"POST /p HTTP/1.1\r\nHost: h\r\nToken: {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        await first.send(chunks)
        await until(lambda: server.room.taken_bytes == 1000)
        await second.send(chunks)
        assert await second.status() == 503


async def test_bodies_under_way_are_bounded_together() -> None:
    wait = asyncio.Event()
    async with serving(Echo(wait), Limits(body_bytes=1000, bodies_bytes=1500)) as (server, connect):
        first, second = await connect(), await connect()
        await first.send(post(b"x" * 1000))
        await until(lambda: server.room.taken_bytes == 1000)
        await second.send(post(b"x" * 1000))
        assert await second.status() == 503
        wait.set()
        assert await first.status() == 200
        third = await connect()
        await third.send(post(b"x" * 1000))
        assert await third.status() == 200


async def test_whom_nobody_vouches_for_keeps_out_no_other() -> None:
    limits = Limits(body_bytes=1000, bodies_bytes=16_000)
    endpoints = {"/p": Echo(), "/signed": Echo(vouched=False)}
    chunks = f"POST /signed HTTP/1.1\r\nHost: h\r\nToken: {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    async with asyncio.timeout(PATIENCE_S), Server(Bind(), endpoints, limits) as server:

        async def connect() -> Client:
            return Client(*await asyncio.open_connection(server.bind.host, server.bind.port))

        nobodies = [await connect() for _ in range(16)]
        for client in nobodies:
            await client.send(chunks)
        for client in nobodies[4:]:
            assert await client.status() == 503
            client.writer.close()
        known = await connect()
        await known.send(post(b"x" * 1000))
        assert await known.status() == 200
        await nobodies[0].send(b"0\r\n\r\n")
        assert await nobodies[0].status() == 200
        another = await connect()
        await another.send(chunks + b"1\r\nx\r\n0\r\n\r\n")
        assert await another.status() == 200, "room is given back"
        for client in (*nobodies[:4], known, another):
            client.writer.close()
        await until(lambda: not server.connections)
        assert server.room.taken_bytes == 0


async def test_a_body_for_which_there_could_never_be_room_is_not_to_come_again() -> None:
    limits = Limits(body_bytes=1000, bodies_bytes=2000)
    async with serving(Echo(vouched=False), limits) as (_, connect):
        for size_bytes, expected in ((500, 200), (501, 413)):
            client = await connect()
            await client.send(post(b"x" * size_bytes))
            assert await client.status() == expected


async def test_a_bug_is_answered_and_told() -> None:
    told: list[Exception] = []
    async with asyncio.timeout(PATIENCE_S), Server(Bind(), {"/p": Echo()}, QUICK, failed=told.append) as server:
        client = Client(*await asyncio.open_connection(server.bind.host, server.bind.port))
        await client.send(post(b"fail") + post(b"fine"))
        assert [await client.status(), await client.status()] == [500, 200]
        client.writer.close()
    assert [str(error) for error in told] == ["what a bug raises"]


async def test_closing_answers_what_is_under_way_and_takes_nothing_more() -> None:
    wait = asyncio.Event()
    async with serving(Echo(wait)) as (server, connect):
        busy, idle = await connect(), await connect()
        await busy.send(post(b"a") + post(b"b"))
        await until(lambda: server.room.taken_bytes > 0)
        closing = asyncio.create_task(server.close(PATIENCE_S))
        assert await idle.ended()
        with pytest.raises(ConnectionError):
            await connect()
        wait.set()
        assert await busy.status() == 200
        assert await busy.ended()
        await closing


@pytest.mark.parametrize("head", [b"POST /p HTTP/1.1\nHost: a\n\n", b"POST /p HTTP/1.1\r\nHost: a\n", b"\n"])
async def test_a_line_that_ends_in_lf_alone_is_refused_at_once(head: bytes) -> None:
    patient = Limits(header_s=2 * PATIENCE_S)
    async with serving(Echo(), patient) as (_, connect):
        client = await connect()
        for part in head:
            await client.send(bytes([part]))
        assert await client.status() == 400
        assert await client.ended()


@pytest.mark.parametrize("first", [b"POST /p HTTP/1.1\r", b"POST /p HTTP/1.1\r\nHo"])
async def test_a_head_that_comes_in_two_is_no_such_line(first: bytes) -> None:
    async with serving(Echo()) as (server, connect):
        client = await connect()
        await client.send(first)
        await until(lambda: any(not each.idle for each in server._connections))
        await client.send(post(b"a").removeprefix(first))
        assert await client.status() == 200


async def test_a_unix_socket_is_for_its_owner_and_their_group(tmp_path: Path) -> None:
    path = tmp_path / "serve.sock"
    async with asyncio.timeout(PATIENCE_S), Server(Bind(path=str(path)), {"/p": Echo()}):
        assert path.stat().st_mode & 0o777 == 0o660
        client = Client(*await asyncio.open_unix_connection(path))
        await client.send(post(b"a"))
        assert await client.status() == 200
        client.writer.close()
    assert not path.exists()


async def test_a_port_that_is_taken_is_named() -> None:
    async with Server(Bind(), {}) as first:
        why = rf"serve\.bind: cannot listen at {re.escape(str(first.bind))}: Address already in use$"
        with pytest.raises(ListenError, match=why):
            async with Server(first.bind, {}):
                pass


async def test_an_address_that_is_not_there_yet_may_come() -> None:
    with pytest.raises(ListenError, match=r"serve\.bind: cannot listen at 192\.0\.2\.1:0: Cannot assign"):
        async with Server(Bind("192.0.2.1"), {}):
            pass


@pytest.mark.parametrize(("number", "kind"), [(EMFILE, ListenError), (ENOMEM, ListenError), (EACCES, ConfigError)])
async def test_what_the_machine_lacks_to_listen_it_may_have_later(
    monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", refuse)
    with pytest.raises(kind, match=os.strerror(number)):
        async with Server(Bind(), {}):
            pass


async def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = ssl.create_default_context(cafile=str(authority.file))
    async with asyncio.timeout(PATIENCE_S), Server(Bind(), {"/p": Echo()}, QUICK, tls=authority.server(30)) as server:
        stalled = Client(*await asyncio.open_connection(server.bind.host, server.bind.port))
        client = Client(*await asyncio.open_connection(server.bind.host, server.bind.port, ssl=ours))
        for body in (b"a", b"b"):
            await client.send(post(body))
            assert await client.status() == 200
        await client.send(post(b"x", "Token: wrong\r\n"))
        assert await client.status() == 401
        client.writer.close()
        assert await stalled.ended(), "whoever never begins to speak TLS"
        stalled.writer.close()
