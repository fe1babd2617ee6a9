"""The law of every reader: any bytes give events or a `NotificationError`, nothing else, and soon.

(For a queue's answers: messages or a `CallError`.) And an event is what its type says: its bucket and key are names.
"""

from __future__ import annotations

import json
import math
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import CallError
from engine.model import Reply
from engine.notifications import Kind, NotificationError, ObjectEvent, cloudevents, lines, oss, records, smn, smq_push
from engine.notifications.smq import unwrapped
from engine.notifications.smq_queue import deleted, received
from tests.json_paths import paths, replaced
from tests.notifications.samples import (
    FORMATS,
    NOW,
    SIMPLIFIED,
    TOPIC,
    URN,
    cloud_event,
    json_envelope,
    line,
    oss_message,
    oss_record,
    push_headers,
    push_request,
    queue_answer,
    s3_document,
    smn_message,
    smn_signed,
    xml_envelope,
)
from tests.notifications.signing import KEY

SOON_S = 2.0  # of the processor, for a body of 1 MiB


def pushed(body: bytes) -> list[ObjectEvent]:
    return smq_push.events(push_request(body, push_headers(**SIMPLIFIED)), KEY, {TOPIC}, now=NOW)


def notified(body: bytes) -> list[ObjectEvent]:
    found = smn.pushed(body, KEY, {URN}, now=NOW)
    return found.events if isinstance(found, smn.Notification) else []


def published(body: bytes) -> list[ObjectEvent]:
    """The inside of a message that SMN signed: whoever may publish to the topic has made it."""
    return notified(smn_signed(smn_message(body.decode("utf-8", "replace"))))


# What is read, and a good body of it.
READERS: Mapping[str, tuple[Callable[[bytes], list[ObjectEvent]], bytes]] = {
    "lines": (lines.events, line("a", time="2026-05-01T12:00:00Z", size=1)),
    "oss": (lambda body: oss.events(body, "m"), json.dumps({"events": [oss_record("a")]}).encode()),
    "records": (records.events, s3_document("a").encode()),
    "cloudevents": (lambda body: cloudevents.events({}, body), json.dumps([cloud_event("a")]).encode()),
    "binary": (
        lambda body: cloudevents.events(
            {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "oss:ObjectCreated:PutObject"}, body
        ),
        json.dumps(oss_record("a")).encode(),
    ),
    "smq": (lambda body: unwrapped(body, "m").events(), json_envelope(oss_message("a"))),
    "smq xml": (lambda body: unwrapped(body, "m").events(), xml_envelope(oss_message("a"))),
    "smq pushed": (pushed, oss_message("a")),
    "smn": (notified, smn_signed(smn_message(s3_document("a", store="obs")))),
    "smn published": (published, s3_document("a", store="obs").encode()),
}

NASTY: list[Any] = [
    *("", "\n", "x" * 257, "k", "\x00", "%", "%FF", "2026-13-45T99:99:99Z", "oss:ObjectCreated:Put", "<", "{", "e30="),
    *(None, True, 0, -1, 10**400, 2**64, math.nan, math.inf, [], {}, [None], [{}], {"key": "k"}),
]
scalars = st.one_of(st.sampled_from(NASTY), st.integers(), st.floats(), st.text())
junk = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


def encoded(value: Any) -> bytes:
    """JSON as a careless sender writes it: NaN, infinity and lone surrogates too."""
    return json.dumps(value).encode()


def sound(event: ObjectEvent) -> bool:
    return (
        all((event.bucket, event.name, event.source))
        and 0 < len(event.key.encode()) <= 1024
        and "\0" not in event.key
        and event.kind in set(Kind)
        and len(event.id) <= 600
        and event.id.isprintable()
        and (event.at is None or math.isfinite(event.at))
        and (event.size_bytes is None or 0 <= event.size_bytes < 2**63)
        and all(len(text) <= 256 for text in (event.etag, event.version, event.sequencer))
    )


def keeps_the_law(name: str, body: bytes) -> None:
    began = time.process_time()
    message = ""
    try:
        assert all(sound(event) for event in READERS[name][0](body))
    except NotificationError as error:
        message = str(error)
    assert len(message) < 500
    assert time.process_time() - began < SOON_S


@pytest.mark.parametrize("name", READERS)
def test_good_bodies_are_read(name: str) -> None:
    """Or the law would be kept by refusing everything."""
    read, body = READERS[name]
    (event,) = read(body)
    assert event.key == "a"
    assert sound(event)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None)
@given(body=st.binary() | st.text().map(str.encode) | st.binary().map(b64encode))
def test_any_bytes(name: str, body: bytes) -> None:
    keeps_the_law(name, body)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None)
@given(value=junk)
def test_any_json(name: str, value: Any) -> None:
    keeps_the_law(name, encoded(value))


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_good_bodies_with_junk_in_them(name: str, data: st.DataObject) -> None:
    _, body = READERS[name]
    if not body.startswith((b"{", b"[")):
        at = data.draw(st.integers(0, len(body) - 1))
        keeps_the_law(name, body[:at] + data.draw(st.binary(max_size=8)) + body[at + data.draw(st.integers(0, 3)) :])
        return
    good = json.loads(body)
    path = data.draw(st.sampled_from(paths(good)))
    keeps_the_law(name, encoded(replaced(good, path, data.draw(junk))))


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("wrap", [bytes, b64encode], ids=["plain", "base64"])
@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 500_000 + b"]" * 500_000,
        b'{"events":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"events":[' + b"[" * 1000 + b"]" * 1000 + b"]}",
        b'{"Records":[' + b"{}," * 300_000 + b"{}]}",
        b'{"events":[' + b"7," * 500_000 + b"7]}",
        b"{" + b",".join(b'"%d":1' % number for number in range(100_000)) + b"}",
        b"{" + b",".join([b'"Records":[]'] * 80_000) + b"}",
        b'{"Message":"' + b"A" * 1_000_000 + b'"}',
        b'{"events":' + b"9" * 1_000_000 + b"}",
        b'{"events":[{"eventName":"ObjectCreated:' + b"x" * 1_000_000 + b'"}]}',
        b'{"bucket":"b","key":"' + b"%41" * 300_000 + b'"}',
        b"<a>" * 300_000,
        b"<a>" + b"<b/>" * 250_000 + b"</a>",
        b"<a " + b" ".join(b'a%d="1"' % number for number in range(80_000)) + b"/>",
        b"<a>" + b"&amp;" * 200_000 + b"</a>",
        b'<!DOCTYPE a [<!ENTITY a0 "x">'
        + b"".join(b'<!ENTITY a%d "&a%d;&a%d;">' % (n + 1, n, n) for n in range(40))
        + b"]><a>&a40;</a>",
        b"\n" * 1_000_000,
        b"=" * 1_000_000,
        b" " * 1_000_000,
        b"\0" * 1_000_000,
    ],
    ids=lambda bomb: bomb[:16].decode("ascii", "replace"),
)
def test_bombs(name: str, wrap: Callable[[bytes], bytes], bomb: bytes) -> None:
    keeps_the_law(name, wrap(bomb))


@pytest.mark.parametrize("form", [form for form in FORMATS if form.name.startswith("smq-push")], ids=lambda f: f.name)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_headers(form: Any, data: st.DataObject) -> None:
    good = form.written("a")
    value = st.text(max_size=40) | st.text(max_size=40).map(lambda text: b64encode(text.encode("utf-8", "replace")))
    name = data.draw(st.sampled_from(sorted(good.headers)))
    drawn = data.draw(
        value | st.sampled_from(["Fri, 01 May 2026 12:00:00", "\udcff", "1" * 99, "Mon, 1 Jan 9999999 0:0"])
    )
    text = drawn.decode() if isinstance(drawn, bytes) else drawn
    try:
        smq_push.events(good._replace(headers={**good.headers, name: text}), KEY, {TOPIC}, now=NOW)
    except NotificationError as error:
        str(error)


@settings(max_examples=60, deadline=None)
@given(
    headers=st.dictionaries(
        st.sampled_from(["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "content-type"]),
        st.text(max_size=20) | st.sampled_from(["1.0", "oss:ObjectCreated:PutObject", "%FF", "%"]),
    )
)
def test_any_attributes(headers: dict[str, str]) -> None:
    try:
        found = cloudevents.events(headers, READERS["binary"][1])
    except NotificationError:
        return
    assert all(sound(event) for event in found)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), status=st.sampled_from([200, 204, 302, 400, 403, 404, 408, 429, 500, 503]))
def test_any_answer_of_a_queue(data: st.DataObject, status: int) -> None:
    good = queue_answer(oss_message("a")).body
    at = data.draw(st.integers(0, len(good)))
    body = data.draw(st.binary() | st.binary(max_size=6).map(lambda junk: good[:at] + junk + good[at + 2 :]))
    reply = Reply(status, {}, body)
    for read in (received, deleted):
        try:
            messages = read(reply) or []
        except CallError as error:
            str(error)
            continue
        for message in messages:
            assert message.handle
            assert message.deliveries >= 0
            with suppress(NotificationError):
                assert all(sound(event) for event in message.events())
