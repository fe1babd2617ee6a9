"""Manifests of changed objects: rows as the readers give them, made events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.notifications import Kind, NotificationError, ObjectEvent
from engine.notifications.payload import bucket_name, identifier, object_key
from engine.rows import Chunk, Rejected

_KINDS = {kind.value: kind for kind in Kind}


class Change(NamedTuple):
    """A row. `key` is the object's name as it is; `id` is the same whenever the change is told again."""

    bucket: str
    key: str
    op: str = Kind.CREATED.value
    id: str = ""


def events(chunk: Chunk[Change], source: str) -> tuple[list[ObjectEvent], Sequence[int], list[Rejected]]:
    """Events, the line of each, and the rows that are none."""
    found: list[ObjectEvent] = []
    lines: list[int] = []
    rejected = list(chunk.rejected)
    for line, change in zip(chunk.lines, chunk.rows, strict=True):
        try:
            found.append(_event(change))
            lines.append(line)
        except NotificationError as error:
            rejected.append(Rejected(source, line, str(error), ",".join(change)[:200]))
    return found, lines, rejected


def _event(change: Change) -> ObjectEvent:
    kind = _KINDS.get(change.op)
    if kind is None:
        raise NotificationError(f"op is {change.op!r:.60}; there is {', '.join(_KINDS)}")
    event_id = identifier(change.id, "id") if change.id else ""
    return ObjectEvent(bucket_name(change.bucket), object_key(change.key), kind, kind.value, "manifest", event_id)
