"""OSS events that Alibaba Cloud EventBridge pushes as CloudEvents 1.0: structured, batched or in binary mode.

https://www.alibabacloud.com/help/en/eventbridge/user-guide/oss-events
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from engine.notifications.event import NotificationError, ObjectEvent, kind_of
from engine.notifications.oss import record_event
from engine.notifications.payload import base64_bytes, identifier, json_object, json_value, shown, text

_ATTRIBUTES = ("specversion", "id", "source", "type", "time")


def events(headers: Mapping[str, str], body: bytes) -> list[ObjectEvent]:
    """The events of one request that are about objects. Header names are lower-case.

    Raises:
        NotificationError: it is not such a request.
    """
    if "ce-specversion" in headers:
        binary = {name: unquote(headers[f"ce-{name}"]) for name in _ATTRIBUTES if f"ce-{name}" in headers}
        found = [_event(binary | {"data": json_value(body, "the data")})]
    else:
        document = json_value(body, "the body")
        found = [_event(each) for each in (document if isinstance(document, list) else [document])]
    return [event for event in found if event]


def _event(event: object) -> ObjectEvent | None:
    if not isinstance(event, dict):
        raise NotificationError(f"an event is {shown(event)}, not an object")
    if event.get("specversion") != "1.0":
        raise NotificationError(
            f"specversion is {shown(event.get('specversion'))}, not 1.0: is the complete event pushed?"
        )
    kind = text(event.get("type"))
    if not kind.startswith("oss:") or kind_of(kind) is None:
        return None
    # Unique are the two together.
    event_id = f"{identifier(event.get('source'), 'source')} {identifier(event.get('id'), 'id')}"
    return record_event(_data(event), event_id, kind, event.get("time"))


def _data(event: dict[str, Any]) -> Any:
    data = event.get("data")
    if isinstance(data, str):
        return json_object(data, "the data")
    if data is None and isinstance(event.get("data_base64"), str):
        return json_object(base64_bytes(event["data_base64"], "data_base64"), "the data")
    return data
