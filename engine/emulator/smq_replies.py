"""SMQ's documents in XML: what it reads, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from .exchange import Answer, Call, RefusedError
from .smq_queues import PRIORITY, Message
from .smq_verify import VERSION

NAMESPACE = "http://mns.aliyuncs.com/doc/v1/"
_XML = "text/xml;charset=utf-8"


class NotDeletedError(RefusedError):
    """Some handles are not good. Those that are have been deleted all the same."""

    def __init__(self, handles: Sequence[str]) -> None:
        super().__init__(404, "ReceiptHandleError", "The receipt handle you provide is not valid.")
        self.handles = handles


def document(body: bytes) -> ET.Element:
    """The root, its names without their namespace. Raises RefusedError."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - expat bounds what entities may grow to
    except ET.ParseError:
        raise RefusedError(400, "MalformedXML", "The XML you provided was not well-formed.") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def received(messages: Sequence[Message], *, single: bool) -> dict[str, Any]:
    """A payload that `success` writes."""
    listed = [
        {
            "MessageId": message.id,
            "ReceiptHandle": message.handle,
            "MessageBodyMD5": _md5(message.body),
            "MessageBody": message.body,
            "EnqueueTime": message.enqueued_ms,
            "NextVisibleTime": message.visible_ms,
            "FirstDequeueTime": message.first_delivered_ms,
            "DequeueCount": message.deliveries,
            "Priority": PRIORITY,
        }
        for message in messages
    ]
    return {"Message": listed[0]} if single else {"Messages": listed}


def sent(messages: Sequence[Message], *, single: bool) -> dict[str, Any]:
    listed = [{"MessageId": message.id, "MessageBodyMD5": _md5(message.body)} for message in messages]
    return {"Message": listed[0]} if single else {"Messages": listed}


def success(call: Call, payload: dict[str, Any] | None) -> Answer:
    body = b""
    for name, value in (payload or {}).items():
        inner = _elements(value) if isinstance(value, dict) else "".join([_element("Message", each) for each in value])
        body = _document(name, inner)
    return _answer(call.answer_status, body, str(call.answer_status), call.answer_headers)


def refusal(call: Call, refused: RefusedError) -> Answer:
    if isinstance(refused, NotDeletedError):
        errors = [
            {"ErrorCode": refused.code, "ErrorMessage": refused.message, "ReceiptHandle": handle}
            for handle in refused.handles
        ]
        body = _document("Errors", "".join([_element("Error", each) for each in errors]))
    else:
        host = call.received.headers.get("host", "")
        inner = {"Code": refused.code, "Message": refused.message, "RequestId": _request_id(), "HostId": host}
        body = _document("Error", _elements(inner))
    return _answer(refused.status, body, refused.code, refused.headers)


def _answer(status: int, body: bytes, code: str, headers: Any) -> Answer:
    own = {"x-mns-request-id": _request_id(), "x-mns-version": VERSION, **headers}
    return Answer(status, body, _XML, code, own)


def _document(name: str, inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{name} xmlns="{NAMESPACE}">{inner}</{name}>'.encode()


def _elements(fields: dict[str, Any]) -> str:
    return "".join([f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items()])


def _element(name: str, fields: dict[str, Any]) -> str:
    return f"<{name}>{_elements(fields)}</{name}>"


def _md5(body: str) -> str:
    return md5(body.encode(), usedforsecurity=False).hexdigest().upper()


def _request_id() -> str:
    return uuid4().hex[:24].upper()
