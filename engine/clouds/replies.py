"""What every JSON answer must hold to, whichever cloud it comes from.

Reading has one law: any bytes give a value or a `CallError`, nothing else.
"""

from __future__ import annotations

from typing import Any

import orjson

from engine.errors import ProtocolError, ThrottledError, UnavailableError
from engine.model import Reply

MAX_ID_CHARS = 256


def json_object(reply: Reply) -> dict[str, Any]:
    """The JSON object in an answer.

    Raises:
        ProtocolError: it is not one. The message says what came instead: a sign-in page of some network in between
            is the usual surprise.
    """
    if reply.document is None:  # whether it is a success is asked first, and then what it says
        reply.document = _parsed(reply)
    return reply.document


def _parsed(reply: Reply) -> dict[str, Any]:
    kind = reply.headers.get("content-type", "").split(";")[0].strip().lower()
    body = reply.body.removeprefix(b"\xef\xbb\xbf")
    if not body:
        raise ProtocolError("the answer is empty", status=reply.status)
    if kind and "json" not in kind:
        raise ProtocolError(f"the answer is {kind}, not JSON: {excerpt(body)}", status=reply.status)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProtocolError(f"the answer is not valid JSON ({error}): {excerpt(body)}", status=reply.status) from None
    if not isinstance(value, dict):
        raise ProtocolError(f"the answer is not a JSON object: {excerpt(body)}", status=reply.status)
    return value


def refusal(reply: Reply, retry_after_s: float | None) -> dict[str, Any]:
    """The JSON object in an answer whose status is none of success.

    Raises:
        ThrottledError, UnavailableError: its status says so, and it is not JSON: it comes from something in between.
        ProtocolError: it is not JSON, or leads elsewhere.
    """
    if 300 <= reply.status < 400:
        raise ProtocolError("the endpoint redirects; redirects are not followed", status=reply.status)
    try:
        return json_object(reply)
    except ProtocolError as error:
        if reply.status == 429:
            raise ThrottledError("too many requests", status=429, retry_after_s=retry_after_s) from None
        if reply.status >= 500:
            raise UnavailableError(error.message, status=reply.status) from None
        raise


def identifier(value: object, name: str) -> str:
    """A non-empty string that can be an id.

    Raises:
        ProtocolError: anything else; an answer without its id is not a success.
    """
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_CHARS or not value.isprintable():
        raise ProtocolError(f"the answer has no usable {name}: {shown(value)}")
    return value


def shown(value: object) -> str:
    """A value for a message. Lists and objects are only named: an answer may nest them too deeply for `repr`."""
    return f"a {type(value).__name__}" if isinstance(value, list | dict) else f"{value!r:.80}"


def text(value: object) -> str:
    """A string for people: what the field holds if it is text or a number, else empty."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def whole(value: object) -> int | None:
    """An integer, if the field holds one."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def excerpt(body: bytes) -> str:
    """The beginning of a body, safe to show."""
    start = body[:120].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in start) + ("..." if len(body) > 120 else "")
