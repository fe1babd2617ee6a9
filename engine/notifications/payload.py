"""Reads untrusted JSON field by field. What is needed is there or a `NotificationError`; the rest may be missing."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

import orjson

from engine.notifications.event import NotificationError

MAX_KEY_BYTES = 1024  # of an object's name, in every store that is read here
MAX_BUCKET_CHARS = 255
MAX_ID_CHARS = 256
MAX_SIZE_BYTES = 2**63 - 1

_NESTED = (dict, list)
# Each string of a JSON text, and the colon after it if it is a name.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"\s*+(:?)').findall
_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})").search
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)").match


def json_object(body: bytes | str, what: str) -> dict[str, Any]:
    """A JSON object. `what` names it to people. Raises NotificationError: see `json_value`."""
    value = json_value(body, what)
    if not isinstance(value, dict):
        raise NotificationError(f"{what} is {shown(value)}, not a JSON object")
    return value


def json_value(body: bytes | str, what: str) -> Any:
    """A JSON value.

    Raises:
        NotificationError: it is none, is nested more than a thousand deep, or an object in it has a name twice: one
            program on the way would go by the first, another by the last.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotificationError(f"{what} is not valid JSON at character {error.pos + 1}: {error.msg}") from None
    raw, members = body.encode() if isinstance(body, str) else body, _members(value)
    # Every name has its colon. Where there are more of them, they may stand in strings.
    if raw.count(b":") != members and _STRINGS(raw).count(b":") != members:
        raise NotificationError(f"{what} has a name twice in one object")
    return value


def _members(value: Any) -> int:
    """Of all objects in a JSON value. Not recursive: it may be nested deeply."""
    count, inner = 0, [value]
    while inner:
        each = inner.pop()
        if isinstance(each, dict):
            count += len(each)
            inner += [value for value in each.values() if isinstance(value, _NESTED)]
        elif isinstance(each, list):
            inner += [value for value in each if isinstance(value, _NESTED)]
    return count


def member(value: object, name: str, what: str) -> dict[str, Any]:
    """The JSON object that another one holds under a name. Raises NotificationError."""
    inner = value.get(name) if isinstance(value, dict) else None
    if not isinstance(inner, dict):
        raise NotificationError(f"{what} has no object {name!r}")
    return inner


def items(document: dict[str, Any], name: str, what: str) -> list[Any]:
    """The list that a JSON object holds under a name. Raises NotificationError."""
    inner = document.get(name)
    if not isinstance(inner, list):
        raise NotificationError(f"{what} has no list {name!r}")
    return inner


def object_key(value: object) -> str:
    """An object's name as it is.

    Raises:
        NotificationError: no object can be called that.
    """
    if not isinstance(value, str) or not value:
        raise NotificationError(f"key is {shown(value)}, not the name of an object")
    if "\0" in value:
        raise NotificationError(f"key {value!r:.80} contains a NUL")
    if len(value) > MAX_KEY_BYTES // 4 and (size := len(value.encode())) > MAX_KEY_BYTES:
        raise NotificationError(f"key {value!r:.80} is {size:,} bytes long; {MAX_KEY_BYTES:,} is the most")
    return value


def encoded_key(value: object) -> str:
    """An object's name of a form-encoded one: a plus is a space. Decoded exactly once.

    Raises:
        NotificationError: it is not encoded so, which leaves in doubt what it names, or no object can be called that.
    """
    if not isinstance(value, str):
        raise NotificationError(f"key is {shown(value)}, not the name of an object")
    if _BROKEN_ESCAPE(value):
        raise NotificationError(f"key {value!r:.80} is not URL-encoded, as the keys of this format are")
    try:
        return object_key(unquote_plus(value, errors="strict"))
    except UnicodeDecodeError:
        raise NotificationError(f"key {value!r:.80} is not URL-encoded UTF-8") from None


def bucket_name(value: object) -> str:
    """Raises NotificationError."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_BUCKET_CHARS or not value.isprintable():
        raise NotificationError(f"bucket is {shown(value)}, not the name of a bucket")
    return value


def identifier(value: object, name: str) -> str:
    """A non-empty printable string that can be an id. Raises NotificationError."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_CHARS or not value.isprintable():
        raise NotificationError(f"{name} is {shown(value)}, not an id")
    return value


def text(value: object) -> str:
    """What a field holds that may be missing; "" for anything but a short line of text."""
    return value if isinstance(value, str) and len(value) <= MAX_ID_CHARS and value.isprintable() else ""


def size_bytes(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_SIZE_BYTES else None


def instant(value: object) -> float | None:
    """Seconds since the epoch of a time in ISO 8601, whatever follows it; None if it does not tell its zone."""
    found = _TIME(value) if isinstance(value, str) else None
    if not found:
        return None
    date, time, fraction, zone = found.groups()
    offset = "+00:00" if zone in {"Z", "UTC", "GMT"} else zone
    try:
        return datetime.fromisoformat(f"{date}T{time}.{(fraction or '').ljust(6, '0')}{offset}").timestamp()
    except ValueError:  # month 13
        return None


def base64_bytes(value: str | bytes, what: str) -> bytes:
    """Raises NotificationError."""
    try:
        return b64decode(value, validate=True)
    except (Base64Error, ValueError):
        raise NotificationError(f"{what} is not valid base64") from None


def shown(value: object) -> str:
    """A value for a message. Lists and objects are only named: they may be nested too deeply for `repr`."""
    return f"a {type(value).__name__}" if isinstance(value, list | dict) else f"{value!r:.80}"
