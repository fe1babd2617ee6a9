"""Events of Alibaba Cloud OSS, as they stand in messages of several services. Keys are the objects' names as they are.

{"events": [{"eventName": "ObjectCreated:PutObject", "oss": {"bucket": {"name": ...}, "object": {"key": ...}}, ...}]}
https://www.alibabacloud.com/help/en/oss/user-guide/real-time-processing-file-changes-oss-event-notifications
"""

from __future__ import annotations

from engine.notifications.event import NotificationError, ObjectEvent, kind_of, numbered
from engine.notifications.payload import (
    bucket_name,
    instant,
    items,
    json_object,
    member,
    object_key,
    shown,
    size_bytes,
    text,
)


def events(body: bytes, message_id: str) -> list[ObjectEvent]:
    """The events of one message that are about objects.

    Raises:
        NotificationError: the message is not such a document.
    """
    records = items(json_object(body, "the message"), "events", "the message")
    found = [record_event(record, numbered(message_id, index)) for index, record in enumerate(records)]
    return [event for event in found if event]


def record_event(record: object, event_id: str, name: str = "", time: object = None) -> ObjectEvent | None:
    """One event; None if it is not about an object. `name` and `time` stand in where the record has none of its own.

    Raises:
        NotificationError: it is about an object and does not say which.
    """
    if not isinstance(record, dict):
        raise NotificationError(f"an event is {shown(record)}, not an object")
    name = text(record.get("eventName")) or name
    if not name:
        raise NotificationError("an event has no eventName")
    kind = kind_of(name)
    if kind is None:
        return None
    oss = member(record, "oss", f"event {name}")
    entity = member(oss, "object", f"event {name}")
    return ObjectEvent(
        bucket_name(member(oss, "bucket", f"event {name}").get("name")),
        object_key(entity.get("key")),
        kind,
        name.removeprefix("oss:"),
        "oss",
        event_id,
        instant(record.get("eventTime") or time),
        size_bytes(entity.get("size")),
        text(entity.get("eTag")).strip('"'),
        text(entity.get("versionId")).removeprefix("null"),
    )
