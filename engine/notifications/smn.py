"""OBS events that Huawei Cloud Simple Message Notification (SMN) pushes, and how a subscription comes about.

https://support.huaweicloud.com/intl/en-us/usermanual-smn/smn_ug_a9002.html
https://support.huaweicloud.com/intl/en-us/usermanual-smn/smn_ug_a9003.html
https://support.huaweicloud.com/usermanual-smn/smn_ug_a9000.html

The certificate is pinned: the last of these publishes it, and advises against fetching what `signing_cert_url` names.
Any customer of the vendor can have it sign a message, of a topic of their own. So the topic is checked too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine.notifications import records
from engine.notifications.certificate import PublicKey
from engine.notifications.event import NotificationError, ObjectEvent, UntrustedError
from engine.notifications.payload import base64_bytes, identifier, instant, json_object, shown

# How old a message may be. SMN gives up long before; ids must be remembered for as long, or old messages pass as new.
WINDOW_S = 24 * 3600.0
AHEAD_S = 15 * 60.0  # how far SMN's clock may be ahead of ours

_NOTIFICATION = ("message", "message_id", "subject", "timestamp", "topic_urn", "type")
_SUBSCRIPTION = ("message", "message_id", "subscribe_url", "timestamp", "topic_urn", "type")
_SIGNED: Mapping[object, tuple[str, ...]] = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _SUBSCRIPTION,
    "UnsubscribeConfirmation": _SUBSCRIPTION,
}
_LINES = {"message", "subject"}  # these may have several

# Not every host of the vendor's domain: its customers' buckets have names there too.
_CONFIRMATION_URL = re.compile(
    r"https://(smn\.[a-z0-9-]{2,32}\.myhuaweicloud\.(com|eu)|([a-z0-9-]{2,32}-)?console\.huaweicloud\.(com|eu))"
    r"/[!-~]{1,2000}"
).fullmatch


@dataclass(frozen=True, slots=True)
class Notification:
    topic_urn: str
    events: list[ObjectEvent]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Somebody has subscribed this endpoint. It is confirmed by a GET of the URL, within 48 hours."""

    topic_urn: str
    subscribe_url: str


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The endpoint gets no more of this topic. A GET of the URL would subscribe it again."""

    topic_urn: str
    subscribe_url: str


Pushed: TypeAlias = Notification | Confirmation | Unsubscribed


def string_to_sign(fields: Mapping[str, str]) -> str:
    """Each signed field that is there, its name and its value a line. `subject` is left out where it is empty."""
    names = [name for name in _SIGNED[fields["type"]] if name != "subject" or fields.get("subject")]
    return "".join([f"{name}\n{fields[name]}\n" for name in names])


def pushed(body: bytes, key: PublicKey, topics: Collection[str], *, now: float) -> Pushed:
    """What a request says, if it is what it says. `topics` are URNs, `now` is seconds since the epoch.

    Raises:
        UntrustedError: it is not signed with the key, is too old, or is of another topic.
        NotificationError: it cannot be read.
    """
    fields = _fields(json_object(body, "the body"))
    if not key.signed(string_to_sign(fields).encode(), base64_bytes(fields["signature"], "signature"), "sha256"):
        raise UntrustedError("the signature is not the vendor's")
    topic = fields["topic_urn"]
    if topic not in topics:
        raise UntrustedError(f"the message is of topic {topic!r:.100}, which is not one of ours")
    at = instant(fields["timestamp"])
    if at is None or not -AHEAD_S <= now - at <= WINDOW_S:
        raise UntrustedError(f"the message is of {fields['timestamp']!r:.40}, too far from now")
    if fields["type"] == "Notification":
        return Notification(topic, records.events(fields["message"], fields["message_id"]))
    url = fields["subscribe_url"]
    if not _CONFIRMATION_URL(url):
        raise UntrustedError(f"subscribe_url leads to {url!r:.100}, where the vendor confirms nothing")
    return Confirmation(topic, url) if fields["type"] == "SubscriptionConfirmation" else Unsubscribed(topic, url)


def _fields(document: dict[str, Any]) -> dict[str, str]:
    """The fields that are signed, and the signature.

    A line end within a value could stand for the end of the field, and one signature for several messages.
    """
    kind, version = document.get("type"), document.get("signature_version")
    if not isinstance(kind, str) or kind not in _SIGNED:
        raise NotificationError(f"type is {shown(kind)}; there is {', '.join(map(str, _SIGNED))}")
    if version != "v1":
        raise NotificationError(f"signature_version is {shown(version)}, not v1")
    fields = {}
    for name in (*_SIGNED[kind], "signature"):
        value = document.get(name)
        if name == "subject" and value is None:
            continue
        if not isinstance(value, str) or (name not in _LINES and not (value and value.isprintable())):
            raise NotificationError(f"{name} is {shown(value)}, not a line of text")
        fields[name] = value
    identifier(fields["message_id"], "message_id")
    return fields
