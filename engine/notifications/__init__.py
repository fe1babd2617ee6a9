"""What object stores send when something has changed. Pure: bytes in, `ObjectEvent`s out.

Each reader has one law: any bytes give events or a `NotificationError`, nothing else, in time that their number bounds.
An object's key is decoded exactly once, here; what is sent on encodes it exactly once (`engine.clouds`).

- `lines`: our own format, JSON lines
- `records`: S3-style events, and OBS's dialect
- `cloudevents`: OSS events from EventBridge
- `smq_push`, `smq_queue`: OSS events from a message queue, pushed or pulled
- `smn`: OBS events from SMN
"""

from engine.notifications.certificate import PublicKey, public_key
from engine.notifications.event import Kind, NotificationError, ObjectEvent, UntrustedError

__all__ = ["Kind", "NotificationError", "ObjectEvent", "PublicKey", "UntrustedError", "public_key"]
