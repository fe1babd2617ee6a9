"""TLS connections from their first moment. asyncio's servers tell of one only when its handshake is done: until then
nobody would count it, and whoever says nothing could open any number."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import cast

from engine.daemon.connection import Connection


class Doorway(asyncio.Protocol):
    """Has a connection counted, and bound by a deadline, before its TLS handshake.

    `loop.start_tls` would come too late for that: uvloop may have read the client's first bytes before. What is handed
    on instead is the socket, which nothing has been read from.
    """

    def __init__(self, connection: Connection, tls: ssl.SSLContext) -> None:
        self._connection = connection
        self._tls = tls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection, plain = self._connection, cast(asyncio.Transport, transport)
        connection.connection_made(plain)
        handshake = None
        if not plain.is_closing():  # within the bounds
            with suppress(OSError):  # no file descriptor is left
                handshake = Handshake(plain)
        plain.abort()
        if handshake:
            connection.connection_made(handshake)
            handshake.begin(connection, self._tls)
        else:
            connection.connection_lost(None)


class Handshake(asyncio.Transport):
    """The transport of a connection until its handshake is done. Closing it ends that."""

    def __init__(self, plain: asyncio.Transport) -> None:
        """Raises OSError."""
        super().__init__({"peername": plain.get_extra_info("peername")})
        accepted = plain.get_extra_info("socket")
        self._socket = socket.fromfd(accepted.fileno(), accepted.family, accepted.type, accepted.proto)
        self._task: asyncio.Task[None]

    def begin(self, connection: Connection, tls: ssl.SSLContext) -> None:
        """The connection is told by another call of `connection_made`, or of its loss."""
        self._task = asyncio.create_task(self._run(connection, tls))

    def abort(self) -> None:
        with suppress(OSError):  # it has ended already
            self._socket.shutdown(socket.SHUT_RDWR)  # for both loops this is a client that has gone

    def close(self) -> None:
        self.abort()

    async def _run(self, connection: Connection, tls: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: connection, self._socket, ssl=tls)
        except OSError:
            connection.connection_lost(None)
