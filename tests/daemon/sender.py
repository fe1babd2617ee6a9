"""A connection of the load client."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from tests.daemon.load import Load

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"connection: close", re.IGNORECASE)


@dataclass(slots=True)
class Message:
    number: int
    due: float
    body: bytes
    sent: float = 0.0
    again: bool = False


class Sender(asyncio.Protocol):
    """With one message under way at a time. The load is told of whatever happens to it."""

    def __init__(self, load: Load) -> None:
        self.gone = asyncio.get_running_loop().create_future()
        self._load = load
        self._received = bytearray()
        self._transport: asyncio.Transport
        self.message: Message | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._load.connected(self)

    def send(self, message: Message) -> None:
        self.message = message
        message.sent = message.sent or time.monotonic()
        self._transport.write(self._load.head % len(message.body) + message.body)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end])
        length = _LENGTH.search(head)
        if not length or len(self._received) < end + 4 + int(length[1]):
            return
        self._received.clear()
        message, self.message = self.message, None
        if message:
            self._load.answered(message, int(head[9:12]), head)
        if not message or _CLOSE.search(head):
            self._transport.close()
        else:
            self._load.free(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._load.lost(self)
        self.gone.set_result(None)
