"""OSS events in messages of Alibaba Cloud Simple Message Queue (SMQ, formerly MNS), pushed or pulled.

A message is the event document, or an envelope of a topic around it, in XML or JSON; each may be in base64.
https://www.alibabacloud.com/help/en/mns/developer-reference/notifycontentformat
"""

from __future__ import annotations

from typing import NamedTuple

from engine.notifications import oss
from engine.notifications.event import NotificationError, ObjectEvent
from engine.notifications.payload import base64_bytes, identifier, json_object, text
from engine.notifications.xml_document import xml_document


class Message(NamedTuple):
    """What one message says, out of its wrappings."""

    id: str  # of the topic's message where there is one: it outlives the queue's
    topic: str  # OWNER/NAME, where an envelope tells
    content: bytes

    def events(self) -> list[ObjectEvent]:
        """The events that are about objects. Raises NotificationError."""
        return oss.events(self.content, self.id)


def unwrapped(body: bytes, message_id: str = "", topic: str = "") -> Message:
    """`message_id` and `topic` are what is known from outside; an envelope knows better.

    Raises:
        NotificationError: the message is of no known form, or has no id anywhere.
    """
    body = _decoded(body)
    envelope = _envelope(body)
    if envelope is None:
        return Message(identifier(message_id, "x-mns-message-id"), topic, body)
    owner, name = text(envelope.get("TopicOwner")), text(envelope.get("TopicName"))
    content = envelope["Message"]
    if not isinstance(content, str):
        raise NotificationError("the envelope's Message is not text")
    return Message(
        identifier(envelope.get("MessageId"), "MessageId"),
        f"{owner}/{name}" if owner and name else topic,
        _decoded(content.encode()),
    )


def _envelope(body: bytes) -> dict[str, str] | None:
    """The fields of an envelope; None if there is none around the message."""
    if body.startswith(b"<"):
        try:
            fields = xml_document(body).fields()
        except ValueError as error:
            raise NotificationError(f"the message cannot be read as XML: {error}") from None
        if "Message" not in fields:
            raise NotificationError("the envelope has no Message")
        return fields
    document = json_object(body, "the message")
    return document if "Message" in document else None


def _decoded(body: bytes) -> bytes:
    """Out of base64, if it is in it. Neither XML nor a JSON object begins with a character of base64."""
    body = body.strip()
    return body if body.startswith((b"<", b"{")) else base64_bytes(body, "the message").strip()
