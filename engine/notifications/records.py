"""S3-style events: AWS, MinIO, Ceph, and Huawei Cloud OBS in a dialect of it. Keys are form-encoded: a plus is a space.

{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": ...}, "object": {"key": ...}}, ...}]}
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://support.huaweicloud.com/ugobs-obs/obs_41_0045.html
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from engine.notifications.event import NotificationError, ObjectEvent, kind_of, numbered
from engine.notifications.payload import (
    bucket_name,
    encoded_key,
    instant,
    items,
    json_object,
    member,
    shown,
    size_bytes,
    text,
)

_TEST_EVENT = "s3:TestEvent"  # sent when a notification is set up, without records


def events(body: bytes | str, message_id: str = "") -> list[ObjectEvent]:
    """The events of one document that are about objects.

    Without `message_id`, events are told apart by the requests that caused them.

    Raises:
        NotificationError: it is not such a document.
    """
    document = json_object(body, "the message")
    if document.get("Event") == _TEST_EVENT:
        return []
    found = [
        _event(record, numbered(message_id, index))
        for index, record in enumerate(items(document, "Records", "the message"))
    ]
    return [event for event in found if event]


def _event(record: object, event_id: str) -> ObjectEvent | None:
    if not isinstance(record, dict):
        raise NotificationError(f"a record is {shown(record)}, not an object")
    name = text(record.get("eventName"))
    if not name:
        raise NotificationError("a record has no eventName")
    kind = kind_of(name)
    if kind is None:
        return None
    source = "obs" if "obs" in record else "s3"
    store = member(record, source, f"record {name}")
    entity = member(store, "object", f"record {name}")
    bucket = bucket_name(member(store, "bucket", f"record {name}").get("name"))
    key = encoded_key(entity.get("key"))
    name = name.removeprefix("s3:")
    sequencer = text(entity.get("sequencer"))
    return ObjectEvent(
        bucket,
        key,
        kind,
        name,
        source,
        event_id or _caused_by(record, bucket, key, name, sequencer),
        instant(record.get("eventTime")),
        size_bytes(entity.get("size")),
        text(entity.get("eTag")).strip('"'),
        text(entity.get("versionId")).removeprefix("null"),
        sequencer,
    )


def _caused_by(record: dict[str, Any], *what: str) -> str:
    """An id made of the request that caused an event, and of what it did: one request may remove many objects."""
    elements = record.get("responseElements")
    if not isinstance(elements, dict):
        return ""
    request_id = text(elements.get("x-amz-request-id")) or text(elements.get("x-obs-request-id"))
    if not request_id:
        return ""
    return blake2b("\0".join((request_id, *what)).encode(), digest_size=16).hexdigest()
