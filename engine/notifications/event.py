"""What object stores say has changed, whichever way they say it."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from engine.errors import InputError


class NotificationError(InputError):
    """A payload that cannot be read. It will not get better by being sent again."""


class UntrustedError(NotificationError):
    """Nothing shows that a payload comes from where it says it does."""


class Kind(StrEnum):
    """What became of the object."""

    CREATED = "created"  # it is there, new or overwritten
    REMOVED = "removed"
    OTHER = "other"  # neither: a part of an upload, a change of metadata, a restored archive


class ObjectEvent(NamedTuple):
    """One change of one object. A tuple, because thousands of them come in a second."""

    bucket: str
    key: str  # the object's name as it is, decoded
    kind: Kind
    name: str  # the store's own name of the event: ObjectCreated:Put
    source: str  # the dialect: lines, oss, obs, s3
    id: str = ""  # the same whenever this event is delivered, unique within its sender; "" if there is none
    at: float | None = None  # seconds since the epoch, if the sender says
    size_bytes: int | None = None
    etag: str = ""
    version: str = ""
    sequencer: str = ""  # of two events of one key, the greater one is the later, as hexadecimal numbers


# The first that a name begins with. While an upload is under way there is no object yet.
_KINDS = (
    ("ObjectCreated:InitiateMultipartUpload", Kind.OTHER),
    ("ObjectCreated:UploadPart", Kind.OTHER),
    ("ObjectCreated:", Kind.CREATED),
    ("ObjectRemoved:AbortMultipartUpload", Kind.OTHER),
    ("ObjectRemoved:", Kind.REMOVED),
    ("ObjectReplication:ObjectCreated", Kind.CREATED),
    ("ObjectReplication:ObjectModified", Kind.CREATED),
    ("ObjectReplication:ObjectRemoved", Kind.REMOVED),
    ("LifecycleExpiration:", Kind.REMOVED),  # S3
    ("ObjectLifecycle:Expiration:Current", Kind.REMOVED),  # Ceph
    ("Object", Kind.OTHER),
)


@lru_cache(maxsize=256)
def kind_of(name: str) -> Kind | None:
    """What an event of that name does to an object; None if it is not about one (but about a bucket, say)."""
    bare = name.removeprefix("oss:").removeprefix("s3:")
    return next((kind for beginning, kind in _KINDS if bare.startswith(beginning)), None)


def numbered(message_id: str, index: int) -> str:
    """The id of one event of a message that may hold several. "" if the message has none."""
    return f"{message_id}#{index}" if message_id else ""
