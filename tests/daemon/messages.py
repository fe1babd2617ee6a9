"""What the load is made of: numbered messages in the formats of several senders, and the keys that they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

BUCKET = "b"
DIRECTORIES = 10  # that are written to at the same time, as those of the last hours are
MESSAGES_EACH = 20  # then others take their place: every directory has a last event


def directory(tag: str, number: int) -> str:
    return f"{tag}/{number // (DIRECTORIES * MESSAGES_EACH) * DIRECTORIES + number % DIRECTORIES}"


def keys(tag: str, number: int, events: int) -> list[str]:
    """Of one message. No two messages of any tag share one."""
    within = directory(tag, number)
    return [f"{within}/{number}-{i}.jpg" for i in range(events)]


def lines(tag: str, number: int, events: int) -> bytes:
    within = directory(tag, number)
    return "\n".join(
        [f'{{"bucket":"{BUCKET}","key":"{within}/{number}-{i}.jpg","id":"{tag}-{number}-{i}"}}' for i in range(events)]
    ).encode()


def s3(tag: str, number: int, events: int) -> bytes:
    request = {"x-amz-request-id": f"{tag}-{number}"}
    return orjson.dumps({
        "Records": [
            {
                "eventName": "ObjectCreated:Put", "responseElements": request,
                "s3": {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 7}},
            }
            for key in keys(tag, number, events)
        ]
    })  # fmt: skip


def eventbridge(tag: str, number: int, events: int) -> bytes:
    """A batch of CloudEvents."""
    return orjson.dumps([
        {
            "specversion": "1.0", "id": f"{tag}-{number}-{i}", "source": "acs.oss",
            "type": "oss:ObjectCreated:PutObject", "time": "2026-05-01T12:00:00Z",
            "data": {
                "eventName": "ObjectCreated:PutObject",
                "oss": {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 7}},
            },
        }
        for i, key in enumerate(keys(tag, number, events))
    ])  # fmt: skip


FORMATS: Mapping[str, Callable[[str, int, int], bytes]] = {"lines": lines, "s3": s3, "eventbridge": eventbridge}
