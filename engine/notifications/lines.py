"""Our own format: JSON lines, one event a line.

{"bucket": "b", "key": "a/b.jpg", "op": "created", "id": "..."}

`bucket` and `key` are needed. The key is the object's name as it is, not URL-encoded. `op` is `created` (the default),
`removed` or `other`; `id` is the same whenever the event is sent again. `time`, `size`, `etag`, `version` and
`sequencer` may be added.
"""

from __future__ import annotations

from engine.notifications.event import Kind, NotificationError, ObjectEvent
from engine.notifications.payload import (
    bucket_name,
    identifier,
    instant,
    json_object,
    object_key,
    shown,
    size_bytes,
    text,
)

FIELDS = frozenset({"bucket", "key", "op", "id", "time", "size", "etag", "version", "sequencer"})

_KINDS = {kind.value: kind for kind in Kind}


def events(body: bytes, first: int = 1) -> list[ObjectEvent]:
    """All lines or none; empty ones are skipped. `first` is the number of the first one.

    Raises:
        NotificationError: a line cannot be used; the message begins with its number.
    """
    found = []
    for number, line in enumerate(body.split(b"\n"), first):
        if not line or line.isspace():
            continue
        try:
            found.append(event(line))
        except NotificationError as error:
            raise NotificationError(f"line {number}: {error}") from None
    return found


def event(line: bytes) -> ObjectEvent:
    """One line. Raises NotificationError."""
    fields = json_object(line, "the line")
    if not fields.keys() <= FIELDS:
        unknown = min(fields.keys() - FIELDS)
        raise NotificationError(f"unknown field {unknown!r:.60}; there is {', '.join(sorted(FIELDS))}")
    op = fields.get("op", "created")
    kind = _KINDS.get(op) if isinstance(op, str) else None
    if kind is None:
        raise NotificationError(f"op is {shown(op)}; there is {', '.join(_KINDS)}")
    event_id = fields.get("id")
    return ObjectEvent(
        bucket_name(fields.get("bucket")),
        object_key(fields.get("key")),
        kind,
        kind.value,
        "lines",
        "" if event_id is None else identifier(event_id, "id"),
        instant(fields.get("time")),
        size_bytes(fields.get("size")),
        text(fields.get("etag")),
        text(fields.get("version")),
        text(fields.get("sequencer")),
    )
