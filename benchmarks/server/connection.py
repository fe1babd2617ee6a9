"""HTTP/1.1 with keep-alive, as much of it as clients of JSON APIs use, in a few string operations per request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

from benchmarks.server.answers import UNKNOWN, Answer, operation, params


class Connection(asyncio.Protocol):
    """One client. Answers come in the order of the requests, each `service_s` after its request."""

    def __init__(self, answers: Mapping[bytes, Answer], service_s: float) -> None:
        self._answers = answers
        self._service_s = service_s
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        while (end := data.find(b"\r\n\r\n") + 4) > 3:
            head = data[:end]
            size = end + _body_bytes(head)
            if len(data) < size:
                break
            self._answer(head, data[end:size])
            data = data[size:]
        self._rest = data

    def _answer(self, head: bytes, body: bytes) -> None:
        answer = self._answers.get(operation(head, body), UNKNOWN)
        if not isinstance(answer, bytes):
            answer = answer(params(head, body))
        if self._service_s:
            self._loop.call_later(self._service_s, self._write, answer)
        else:
            self._transport.write(answer)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


def _body_bytes(head: bytes) -> int:
    at = head.find(b"Content-Length: ")  # as most clients write it
    if at < 0:
        at = head.lower().find(b"content-length: ")
    return int(head[at + 16 : head.find(b"\r", at)]) if at >= 0 else 0
