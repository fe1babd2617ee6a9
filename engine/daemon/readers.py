"""From a request to its events, in each format that a listener can have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from engine.daemon.http_head import Head
from engine.daemon.listener_settings import ListenerSettings
from engine.daemon.subscriptions import Subscriptions
from engine.daemon.vendors import Vendors
from engine.notifications import ObjectEvent, PublicKey, cloudevents, lines, records, smn, smq_push

LINES_AT_ONCE = 256  # are read before others get their turn

Reader: TypeAlias = Callable[[Head, bytes], Awaitable[list[ObjectEvent]]]
"""Raises `NotificationError`, and `CallError` if what is needed to read it cannot be had now."""


def reader(listener: ListenerSettings, vendors: Vendors, subscriptions: Subscriptions) -> Reader:
    return _MAKERS[listener.format](listener, vendors, subscriptions)


def _lines(listener: ListenerSettings, vendors: Vendors, subscriptions: Subscriptions) -> Reader:
    async def read(head: Head, body: bytes) -> list[ObjectEvent]:
        split = body.split(b"\n")
        found = lines.events(b"\n".join(split[:LINES_AT_ONCE]))
        for at in range(LINES_AT_ONCE, len(split), LINES_AT_ONCE):
            await asyncio.sleep(0)
            found += lines.events(b"\n".join(split[at : at + LINES_AT_ONCE]), at + 1)
        return found

    return read


def _records(listener: ListenerSettings, vendors: Vendors, subscriptions: Subscriptions) -> Reader:
    async def read(head: Head, body: bytes) -> list[ObjectEvent]:
        return records.events(body)

    return read


def _cloudevents(listener: ListenerSettings, vendors: Vendors, subscriptions: Subscriptions) -> Reader:
    async def read(head: Head, body: bytes) -> list[ObjectEvent]:
        return cloudevents.events(head.headers, body)

    return read


def _smq(listener: ListenerSettings, vendors: Vendors, subscriptions: Subscriptions) -> Reader:
    async def read(head: Head, body: bytes) -> list[ObjectEvent]:
        key = await vendors.key(smq_push.certificate_url(head.headers))
        request = smq_push.Request(head.method, head.target, head.headers, body)
        return smq_push.events(request, key, listener.topics, now=time.time())

    return read


def _smn(listener: ListenerSettings, vendors: Vendors, subscriptions: Subscriptions) -> Reader:
    key: PublicKey | None = listener.key
    assert key  # noqa: S101 - the settings have seen to it

    async def read(head: Head, body: bytes) -> list[ObjectEvent]:
        match smn.pushed(body, key, listener.topics, now=time.time()):
            case smn.Notification(topic, events):
                subscriptions.notified(listener.name, topic)
                return events
            case smn.Confirmation(topic, subscribe_url):
                await vendors.confirm(subscribe_url)
                subscriptions.confirmed(listener.name, topic)
            case smn.Unsubscribed(topic, _):
                subscriptions.unsubscribed(listener.name, topic)
        return []

    return read


_MAKERS: Mapping[str, Callable[[ListenerSettings, Vendors, Subscriptions], Reader]] = {
    "lines": _lines,
    "s3": _records,
    "obs": _records,
    "eventbridge": _cloudevents,
    "smq": _smq,
    "smn": _smn,
}
