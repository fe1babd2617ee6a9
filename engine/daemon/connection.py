"""One HTTP connection: its requests, one after the other, each within its deadlines and limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from engine.daemon.body_room import BodyRoom
from engine.daemon.http_body import Body
from engine.daemon.http_head import (
    MAX_HEAD_BYTES,
    Endpoint,
    Head,
    HttpError,
    Response,
    lone_line_feed,
    read_head,
    refusal,
)

MAX_AHEAD_BYTES = 64 * 1024  # of the next requests, that are taken in while one is worked on
LINGER_S = 1.0  # for the other side to read why it was refused, while it still sends
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may do."""

    body_bytes: int = 1 << 20
    bodies_bytes: int = 16 << 20  # of all requests that are under way together; events take 30 times as much memory
    header_s: float = 5.0  # from its first byte to its last; and for a TLS handshake
    body_s: float = 10.0
    idle_s: float = 75.0  # between two requests
    write_s: float = 10.0  # for the client to read an answer
    connections: int = 512
    connections_per_address: int = 64


class House(Protocol):
    """The server that a connection belongs to."""

    limits: Limits
    endpoints: Mapping[str, Endpoint]
    closing: bool
    room: BodyRoom

    def opened(self, connection: Connection, address: str) -> bool: ...

    def closed(self, connection: Connection) -> None: ...

    def answered(self, head: Head | None, response: Response, address: str) -> Response:
        """The response as it is to be sent. `head` is None if there was none that could be read."""

    def failed(self, error: Exception) -> None: ...

    def date(self) -> str: ...


class Connection(asyncio.Protocol):
    """The server calls `expire` now and then, rather than every request setting a timer of its own."""

    def __init__(self, house: House, clock: Callable[[], float]) -> None:
        self._house = house
        self._clock = clock
        self._transport: asyncio.Transport
        self._address = ""
        self._received = bytearray()
        self._head: Head | None = None
        self._body: Body | None = None
        self._endpoint: Endpoint
        self._reserved_bytes = 0
        self._work: asyncio.Task[None] | None = None
        self._stalled = False  # the client does not read
        self._eof = False  # the client sends nothing more
        self._done = False  # nothing more is read
        self.deadline = 0.0

    @property
    def idle(self) -> bool:
        """Whether no request is under way."""
        return not self._work and not self._head and not self._received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called again if what it is carried by changes, as it does with TLS."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if isinstance(peer, tuple) else ""
        self.deadline = self._clock() + self._house.limits.header_s
        if not self._house.opened(self, self._address):
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._done = True
        self._free()
        self._house.closed(self)

    def data_received(self, data: bytes) -> None:
        if self._done:
            return
        if self.idle:
            self.deadline = self._clock() + self._house.limits.header_s
        self._received += data
        if self._work or self._stalled:
            if len(self._received) > MAX_AHEAD_BYTES:
                self._transport.pause_reading()
        else:
            self._advance()

    def eof_received(self) -> bool:
        """Whoever has said all may still wait for the answer. Within TLS there is no such half."""
        self._eof = True
        if not self._work:
            self._close()
        return self._transport.get_extra_info("sslcontext") is None

    def pause_writing(self) -> None:
        self._stalled = True
        self.deadline = self._clock() + self._house.limits.write_s

    def resume_writing(self) -> None:
        self._stalled = False
        if self._done or self._work:
            return
        self._transport.resume_reading()
        self._rest()
        self._advance()

    def expire(self, now: float) -> None:
        """End what has taken too long."""
        if now < self.deadline or (self._work and not self._stalled):
            return
        if self._done or self._stalled or self.idle:
            self._transport.abort()
        else:
            self._refuse(refusal(408, "the request did not come to its end in time"))

    def finish(self) -> None:
        """Take no more requests; the one under way is answered."""
        if not self._work:
            self._close()

    def abort(self) -> None:
        self._done = True
        self._transport.abort()

    def _advance(self) -> None:
        """Go on with what was received."""
        try:
            if not self._head and not self._begin():
                return
            if self._body and not self._body.complete:
                self._body.feed(self._received)
        except HttpError as error:
            self._refuse(refusal(error.status, str(error)))
            return
        if self._head and self._body and self._body.complete:
            content = bytes(self._body.content)
            self._work = asyncio.create_task(self._answer(self._endpoint.answer(self._head, content)))

    def _begin(self) -> bool:
        """Read a head, if it is there, and decide whether its body may come."""
        end = self._received.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
        if end < 0:
            if len(self._received) >= MAX_HEAD_BYTES:
                raise HttpError(431, f"the headers are longer than {MAX_HEAD_BYTES:,} bytes")
            if lone_line_feed(self._received):  # an empty line of that kind would be waited for in vain
                raise HttpError(400, "a line ends in LF alone")
            return False
        head = read_head(bytes(self._received[:end]))
        del self._received[: end + 4]
        self._head = head
        house = self._house
        endpoint = house.endpoints.get(head.path)
        if house.closing:
            raise HttpError(503, "the daemon is ending")
        if endpoint is None:
            raise HttpError(404, "there is nothing here")
        if head.method not in endpoint.methods:
            self._refuse(refusal(405, "not this method", ("Allow", ", ".join(endpoint.methods))))
            return False
        if turned_away := endpoint.admit(head):
            self._refuse(turned_away)
            return False
        limit_bytes = min(house.limits.body_bytes, house.room.most_bytes(vouched=endpoint.vouched))
        body = Body(head.length, limit_bytes)
        reserved_bytes = limit_bytes if head.length is None else head.length
        if not house.room.take(reserved_bytes, vouched=endpoint.vouched):
            self._refuse(refusal(503, "too many bodies come at once", ("Retry-After", "1")))
            return False
        self._endpoint, self._body, self._reserved_bytes = endpoint, body, reserved_bytes
        self.deadline = self._clock() + house.limits.body_s
        if head.waits and not body.complete and not self._received:
            self._transport.write(CONTINUE)
        return True

    async def _answer(self, answer: Awaitable[Response]) -> None:
        try:
            response = await answer
        except Exception as error:
            self._house.failed(error)
            response = refusal(500, "this should not have happened; the log has more")
        head = cast(Head, self._head)
        self._work = None
        self._free()
        response = self._house.answered(head, response, self._address)
        if self._transport.is_closing():
            return
        keep_alive = head.keep_alive and not self._house.closing
        self._transport.write(response.encoded(self._house.date(), keep_alive=keep_alive))
        self._head = self._body = None
        if not keep_alive or (self._eof and not self._received):
            self._close()
            return
        self._transport.resume_reading()
        if self._stalled:  # until the client reads, nothing else counts
            return
        self._rest()
        if self._received:
            self._advance()

    def _rest(self) -> None:
        """Until the next request begins, or has come to the end of its head."""
        limits = self._house.limits
        self.deadline = self._clock() + (limits.header_s if self._received else limits.idle_s)

    def _refuse(self, response: Response) -> None:
        """Answer and end. What still comes is thrown away for a moment: a reset could overtake the answer."""
        self._done = True
        self._free()
        self._received.clear()
        response = self._house.answered(self._head, response, self._address)
        if self._transport.is_closing():
            return
        self._transport.write(response.encoded(self._house.date(), keep_alive=False))
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self.deadline = self._clock() + LINGER_S

    def _close(self) -> None:
        self._done = True
        self._transport.close()
        self.deadline = self._clock() + self._house.limits.write_s

    def _free(self) -> None:
        if self._reserved_bytes:
            self._house.room.give_back(self._reserved_bytes, vouched=self._endpoint.vouched)
        self._reserved_bytes = 0
