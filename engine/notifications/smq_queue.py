"""An SMQ queue that is pulled: requests, and what the answers mean. `signers.mns` signs the requests.

A message is deleted once its events are committed. Until then it comes again, each time the queue's visibility timeout
is over, and counts its deliveries: a message that cannot be read is deleted when it has come often enough.
https://www.alibabacloud.com/help/en/mns/developer-reference/batchreceivemessage
https://www.alibabacloud.com/help/en/mns/developer-reference/batchdeletemessage
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn
from xml.sax.saxutils import escape

from engine.errors import (
    CallError,
    ExpiredCredentialsError,
    ProtocolError,
    RejectedError,
    StaleSignatureError,
    TargetError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
)
from engine.model import Call, Reply
from engine.notifications.event import ObjectEvent
from engine.notifications.smq import unwrapped
from engine.notifications.xml_document import Element, xml_document

SERVICE = "mns"  # that an account calls
MAX_MESSAGES = 16  # in one request
MAX_WAIT_S = 30

_NAMESPACE = "http://mns.aliyuncs.com/doc/v1/"
_QUEUE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,255}").fullmatch
_GONE = {"MessageNotExist", "ReceiptHandleError"}  # the handle is no longer good: the message is gone or comes again
_CLASSES: Mapping[str, type[CallError]] = {
    "QueueNotExist": TargetError,
    "InvalidQueueName": TargetError,
    "TimeExpired": StaleSignatureError,
    "SecurityTokenExpired": ExpiredCredentialsError,  # not listed; the vendor's other services say so
    "InvalidSecurityToken": ExpiredCredentialsError,
    "QpsLimitExceeded": ThrottledError,
}


class QueueMessage(NamedTuple):
    id: str
    handle: str  # good for one deletion, until the visibility timeout is over
    body: bytes
    deliveries: int  # how often it has been received, this time included

    def events(self) -> list[ObjectEvent]:
        """The events that are about objects. Raises NotificationError."""
        return unwrapped(self.body, self.id).events()


def receive_call(queue: str, most: int = MAX_MESSAGES, wait_s: int = MAX_WAIT_S) -> Call:
    """Wait for messages. ValueError if there is no such name, number or time."""
    if not 1 <= most <= MAX_MESSAGES or not 0 <= wait_s <= MAX_WAIT_S:
        raise ValueError(f"1 to {MAX_MESSAGES} messages, 0 to {MAX_WAIT_S} s")
    params = {"numOfMessages": str(most), "waitseconds": str(wait_s)}
    return Call("BatchReceiveMessage", "GET", _path(queue), params, service=SERVICE)


def received(reply: Reply) -> list[QueueMessage]:
    """The messages in an answer; none if none came in time.

    Raises:
        CallError: it is not a success.
    """
    if reply.status == 404 and _error_code(reply) == "MessageNotExist":
        return []
    if reply.status != 200:
        _fail(reply)
    root = _root(reply)
    return [_message(each.fields()) for each in ([root] if root.name == "Message" else root.children)]


def delete_call(queue: str, handles: Sequence[str]) -> Call:
    """ValueError if there is no such name or number."""
    if not 1 <= len(handles) <= MAX_MESSAGES:
        raise ValueError(f"1 to {MAX_MESSAGES} handles")
    listed = "".join([f"<ReceiptHandle>{escape(handle)}</ReceiptHandle>" for handle in handles])
    body = f'<?xml version="1.0" encoding="UTF-8"?><ReceiptHandles xmlns="{_NAMESPACE}">{listed}</ReceiptHandles>'
    return Call("BatchDeleteMessage", "DELETE", _path(queue), body=body.encode(), service=SERVICE)


def deleted(reply: Reply) -> None:
    """Whether messages have been deleted, or will come again anyhow.

    Raises:
        CallError: they have not.
    """
    if reply.status == 204:
        return
    if reply.status in {400, 404}:
        root = _root(reply)
        codes = [each.fields().get("ErrorCode") for each in root.children] if root.name == "Errors" else []
        if codes and _GONE.issuperset(codes):
            return
    _fail(reply)


def _path(queue: str) -> str:
    if not _QUEUE(queue):
        raise ValueError(f"{queue!r:.60} is not the name of a queue")
    return f"/queues/{queue}/messages"


def _message(fields: Mapping[str, str]) -> QueueMessage:
    message_id, handle, count = (fields.get(name, "") for name in ("MessageId", "ReceiptHandle", "DequeueCount"))
    if not message_id or not handle or "MessageBody" not in fields:
        raise ProtocolError("a message in the answer lacks its MessageId, ReceiptHandle or MessageBody", status=200)
    deliveries = int(count) if count.isascii() and count.isdigit() and len(count) < 10 else 1
    return QueueMessage(message_id, handle, fields["MessageBody"].encode(), deliveries)


def _root(reply: Reply) -> Element:
    try:
        return xml_document(reply.body)
    except ValueError as error:
        raise ProtocolError(f"the answer cannot be read as XML: {error}", status=reply.status) from None


def _error_code(reply: Reply) -> str:
    return _root(reply).fields().get("Code", "")


def _fail(reply: Reply) -> NoReturn:
    try:
        root = _root(reply)
    except ProtocolError as error:
        if reply.status >= 500:
            raise UnavailableError(error.message, status=reply.status) from None
        raise
    if 200 <= reply.status < 400:
        raise ProtocolError("the answer is neither a success nor an error", status=reply.status)
    fields = root.children[0].fields() if root.name == "Errors" and root.children else root.fields()
    code = fields.get("Code") or fields.get("ErrorCode") or ""
    message = fields.get("Message") or fields.get("ErrorMessage") or "no message"
    # The message of a wrong signature repeats what was signed, which tells nothing and may hold the key's id.
    message = "the signature does not match" if code == "SignatureDoesNotMatch" else message[:200]
    raise _class_of(code, reply.status)(message, status=reply.status, code=code, request_id=fields.get("RequestId", ""))


def _class_of(code: str, status: int) -> type[CallError]:
    if code in _CLASSES:
        return _CLASSES[code]
    if status == 429:
        return ThrottledError
    if status >= 500:
        return UnavailableError
    return UnauthorizedError if status in {401, 403} else RejectedError
