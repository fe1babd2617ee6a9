"""Where the daemon listens: one address or unix socket, with or without TLS, and bounds on who may come."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from errno import EADDRINUSE, EADDRNOTAVAIL
from ipaddress import ip_address
from types import TracebackType
from typing import Self

from engine.daemon.body_room import BodyRoom
from engine.daemon.connection import Connection, Limits
from engine.daemon.doorway import Doorway
from engine.daemon.http_head import Endpoint, Head, Response
from engine.daemon.request_log import HEADER, RequestLog, request_id
from engine.daemon.unix_socket import UnixSocket
from engine.errors import PASSING, ConfigError, ListenError

SWEEP_S = 0.25  # how late a deadline may be noticed
LISTEN_BACKLOG = 1024
TAKEN = {EADDRINUSE, EADDRNOTAVAIL}  # until the one before has ended, until the network is there


@dataclass(frozen=True, slots=True)
class Bind:
    """A host and a port (0 takes a free one), or the path of a unix socket."""

    host: str = "127.0.0.1"
    port: int = 0
    path: str = ""

    @property
    def local(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return bool(self.path) or self.host == "localhost" or ip_address(self.host).is_loopback

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.path}" if self.path else f"{host}:{self.port}"


class Server:
    """Serves `endpoints`, by exact path, as long as the ``async with`` lasts. They may be replaced at any time.

    Raises:
        ListenError: the address is in use, or not there yet, or it cannot for now.
        ConfigError: it cannot listen for another reason.
    """

    def __init__(
        self,
        bind: Bind,
        endpoints: Mapping[str, Endpoint],
        limits: Limits | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        failed: Callable[[Exception], None] = lambda error: None,
        requests: RequestLog | None = None,
    ) -> None:
        """`failed` is told what an endpoint raised, `requests` what was not taken."""
        self.bind = bind
        self.endpoints = endpoints
        self.limits = limits or Limits()
        self.closing = False
        self.room = BodyRoom(self.limits.bodies_bytes)
        self.refused = 0  # connections beyond the bounds
        self.answers: Counter[tuple[str, int]] = Counter()  # by path ("" for those that lead nowhere) and status
        self._tls = tls
        self._failed = failed
        self._requests = requests
        self._connections: dict[Connection, str] = {}  # and the addresses that they come from
        self._addresses: Counter[str] = Counter()
        self._last_closed = asyncio.Event()
        self._date = (0, "")
        self._unix: UnixSocket | None = None

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()

        def connect() -> asyncio.Protocol:
            connection = Connection(self, time.monotonic)
            return Doorway(connection, self._tls) if self._tls else connection

        bind = self.bind
        try:
            if bind.path:
                self._unix = UnixSocket(bind.path, LISTEN_BACKLOG)
                self._listener = await loop.create_unix_server(
                    connect, sock=self._unix.listening, backlog=LISTEN_BACKLOG
                )
            else:
                self._listener = await loop.create_server(connect, bind.host, bind.port, backlog=LISTEN_BACKLOG)
                self.bind = Bind(bind.host, self._listener.sockets[0].getsockname()[1])
        except OSError as error:
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror  # without our words
            kind = ListenError if error.errno in PASSING | TAKEN else ConfigError
            raise kind(f"serve.bind: cannot listen at {bind}: {why}") from None
        self._sweeping = asyncio.create_task(self._sweep(), name="syncmux deadlines")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(0.0)

    async def close(self, grace_s: float) -> None:
        """Take no more requests; those under way are answered, for so long."""
        self.closing = True
        self._listener.close()
        for connection in tuple(self._connections):
            connection.finish()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                while self._connections:
                    self._last_closed.clear()
                    await self._last_closed.wait()
        for connection in tuple(self._connections):
            connection.abort()
        self._sweeping.cancel()
        await asyncio.wait((self._sweeping,))
        if self._unix:
            self._unix.remove()
            self._unix = None

    def opened(self, connection: Connection, address: str) -> bool:
        """Whether it may stay. Told again, it counts once."""
        if connection in self._connections:
            return True
        self._connections[connection] = address
        self._addresses[address] += 1
        within = len(self._connections) <= self.limits.connections
        within = within and (not address or self._addresses[address] <= self.limits.connections_per_address)
        self.refused += not within
        return within

    def closed(self, connection: Connection) -> None:
        address = self._connections.pop(connection)
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]
        if not self._connections:
            self._last_closed.set()

    def answered(self, head: Head | None, response: Response, address: str) -> Response:
        path = head.path if head and head.path in self.endpoints else ""
        self.answers[path, response.status] += 1
        name = request_id(head)
        if response.status >= 400 and self._requests:
            self._requests.refused(name, path, response, address)
        return response._replace(headers=(*response.headers, (HEADER, name)))

    def failed(self, error: Exception) -> None:
        self._failed(error)

    def date(self) -> str:
        now = int(time.time())
        if self._date[0] != now:
            self._date = now, formatdate(now, usegmt=True)
        return self._date[1]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            now = time.monotonic()
            for connection in tuple(self._connections):
                connection.expire(now)
