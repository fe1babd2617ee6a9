"""Takes requests off aiohttp, and puts answers onto the connection, whole or damaged."""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from .exchange import Answer, Received

MAX_BODY_BYTES = 12 * 1024 * 1024  # Huawei's limit for signed requests
_RST_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER for no time at all


def make_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """aiohttp's request factory, with the clouds' own limit on a body."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY_BYTES)


async def receive(request: web.BaseRequest) -> Received:
    """What is no UTF-8 becomes U+FFFD: no signature fits such a request, and it can be echoed."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.raw_headers:
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("utf-8", "replace")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    target = request.raw_path
    if not target.isascii():
        target = target.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    path, _, query = target.partition("?")
    return Received(request.method, path, query, headers, await request.read())


def respond(answer: Answer, date: str) -> web.Response:
    headers = {**answer.headers, "Content-Type": answer.content_type, "Date": date}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def reset(request: web.BaseRequest) -> web.Response:
    """Ends the connection with RST. What is returned goes nowhere: aiohttp wants something to return."""
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
        transport.abort()
    return web.Response()


def truncate(request: web.BaseRequest, answer: Answer, date: str) -> web.Response:
    """Ends the connection in the middle of the body, or of the head if there is no body."""
    head = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        f"Content-Type: {answer.content_type}",
        f"Date: {date}",
        f"Content-Length: {len(answer.body)}",
    ]
    whole = "\r\n".join((*head, "", "")).encode() + answer.body
    cut = len(whole) - len(answer.body) // 2 if len(answer.body) > 1 else len(whole) // 2
    transport = request.transport
    if isinstance(transport, asyncio.Transport):
        transport.write(whole[:cut])
        transport.close()
    return web.Response()
