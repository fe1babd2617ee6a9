"""HTTP/1.1 requests, read strictly. Pure: bytes in, a `Head` or an `HttpError` out.

https://www.rfc-editor.org/rfc/rfc9112

Whatever two programs on the way could understand differently is refused, and so is what no sender of notifications
needs: a header that stands there twice, a length beside chunks, compressed bodies, lines that end in LF alone, another
server's address in place of a path.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

import orjson

MAX_HEAD_BYTES = 16 * 1024
MAX_FIELDS = 64

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) ([!-~]{1,8192}) HTTP/(\d)\.(\d)").fullmatch
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)").fullmatch
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z\-._~!$&'()*+,;=%]*)(:[0-9]{0,5})?").fullmatch
lone_line_feed = re.compile(rb"(?<!\r)\n").search
_DIGITS = re.compile(r"[0-9]{1,18}").fullmatch


class Head(NamedTuple):
    """What stands before the body. Header names are lower-case."""

    method: str
    path: str  # as on the wire, as is the query
    query: str
    headers: Mapping[str, str]
    length: int | None  # of the body, in bytes; None: it comes in chunks
    keep_alive: bool

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def waits(self) -> bool:
        """Whether the body is only sent when it is asked for."""
        return "expect" in self.headers


class Response(NamedTuple):
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self, date: str, *, keep_alive: bool) -> bytes:
        fields = (
            *self.headers,
            ("Date", date),
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            *(() if keep_alive else (("Connection", "close"),)),
        )
        lines = "".join([f"{name}: {value}\r\n" for name, value in fields])
        return f"HTTP/1.1 {self.status} {_PHRASES[self.status]}\r\n{lines}\r\n".encode("latin-1") + self.body


class Endpoint(Protocol):
    """What stands at one path."""

    methods: Collection[str]
    vouched: bool  # whether those who are admitted are known, before any of the body is read

    def admit(self, head: Head) -> Response | None:
        """Before any of the body is read: None, or the answer that turns the request away."""

    async def answer(self, head: Head, body: bytes) -> Response: ...


class HttpError(Exception):
    """A request that is not read any further."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


_PHRASES: Mapping[int, str] = {status.value: status.phrase for status in HTTPStatus}


def json_response(status: int, document: Any, *headers: tuple[str, str]) -> Response:
    return Response(status, orjson.dumps(document) + b"\n", headers=headers)


def refusal(status: int, why: str, *headers: tuple[str, str]) -> Response:
    return json_response(status, {"error": why}, *headers)


def read_head(head: bytes) -> Head:
    """`head` is what stands before the first empty line.

    Raises:
        HttpError: it is not a request that is taken here.
    """
    first, *lines = head.split(b"\r\n")
    found = _REQUEST_LINE(first)
    if not found:
        raise HttpError(400, "the request line is none of HTTP/1.1")
    method, target, major, minor = found.groups()
    if major != b"1" or minor not in b"01":
        raise HttpError(505, "only HTTP/1.1 is spoken here")
    if not target.startswith(b"/") or b"#" in target:
        raise HttpError(400, "the target is not a path")
    headers = _fields(lines)
    if not _HOST(headers.get("host", "" if minor == b"0" else "/")):
        raise HttpError(400, "there is no host header, or none that names a host")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise HttpError(415, "compressed bodies are not taken")
    if "expect" in headers and headers["expect"].lower() != "100-continue":
        raise HttpError(417, "only 100-continue can be expected")
    path, _, query = target.decode("ascii").partition("?")
    connection = headers.get("connection", "").lower()
    keep_alive = "close" not in connection and (minor == b"1" or "keep-alive" in connection)
    return Head(method.decode("ascii"), path, query, headers, _length(headers, minor), keep_alive)


def _fields(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > MAX_FIELDS:
        raise HttpError(431, f"there are more than {MAX_FIELDS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        field = _FIELD(line)
        if not field:
            raise HttpError(400, "a header is none of HTTP/1.1")
        name = field[1].decode("ascii").lower()
        if name in headers:
            raise HttpError(400, f"header {name} is there twice")
        headers[name] = field[2].decode("latin-1").rstrip(" \t")
    return headers


def _length(headers: Mapping[str, str], minor: bytes) -> int | None:
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if coding is not None:
        if length is not None or minor == b"0":
            raise HttpError(400, "the length of the body is given in two ways")
        if coding.lower() != "chunked":
            raise HttpError(501, "chunked is the only transfer coding that is known")
        return None
    if length is None:
        return 0
    if not _DIGITS(length):
        raise HttpError(400, "content-length is not a number")
    return int(length)
