"""One event in every format: how a store would write it, and how it is read."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import md5
from typing import Any, NamedTuple
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

from engine.model import Reply
from engine.notifications import ObjectEvent, cloudevents, lines, records, smn, smq_push, smq_queue
from signers.mns import string_to_sign
from tests.notifications.signing import KEY, SIGNER

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()
TOPIC = "123/oss-events"
URN = "urn:smn:cn-north-4:0123:obs-events"
CERTIFICATE = b64encode(b"https://mns-cert.oss-cn-hangzhou.aliyuncs.com/x509_public_certificate.pem").decode()


def line(key: str, **fields: Any) -> bytes:
    return json.dumps({"bucket": "b", "key": key, "op": "created", "id": "e-1", **fields}).encode()


def oss_record(key: str, name: str = "ObjectCreated:PutObject") -> dict[str, Any]:
    return {
        "eventName": name,
        "eventSource": "acs:oss",
        "eventTime": "2026-05-01T12:00:00.000Z",
        "eventVersion": "1.0",
        "oss": {
            "bucket": {"arn": "acs:oss:cn-hangzhou:123:b", "name": "b", "ownerIdentity": "123", "virtualBucket": ""},
            "object": {"deltaSize": 1, "eTag": "0A", "key": key, "size": 7},
            "ossSchemaVersion": "1.0",
            "ruleId": "r",
        },
        "region": "cn-hangzhou",
        "responseElements": {"requestId": "5F"},
    }


def oss_message(*keys: str) -> bytes:
    """As it stands in a message: in base64."""
    return b64encode(json.dumps({"events": [oss_record(key) for key in keys]}).encode())


def cloud_event(key: str, event_id: str = "e-1", **attributes: Any) -> dict[str, Any]:
    return {
        "id": event_id,
        "source": "acs.oss",
        "specversion": "1.0",
        "type": "oss:ObjectCreated:PutObject",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": f"acs:oss:cn-hangzhou:1234567:b/{key}",
        "time": "2026-05-01T12:00:00.000Z",
        "data": oss_record(key),
        **attributes,
    }


def binary_event(key: str) -> tuple[dict[str, str], bytes]:
    event = cloud_event(key)
    headers = {f"ce-{name}": str(event[name]) for name in ("id", "source", "specversion", "type", "time")}
    return {**headers, "content-type": "application/json"}, json.dumps(event["data"]).encode()


def xml_envelope(message: bytes) -> bytes:
    fields = {
        "TopicOwner": "123",
        "TopicName": "oss-events",
        "Subscriber": "123",
        "SubscriptionName": "s",
        "MessageId": "e-1",
        "Message": message.decode(),
        "MessageMD5": "0",
        "PublishTime": "1449556920975",
    }
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    root = f'<Notification xmlns="http://mns.aliyuncs.com/doc/v1/">{inner}</Notification>'
    return f'<?xml version="1.0" encoding="utf-8"?>{root}'.encode()


def json_envelope(message: bytes) -> bytes:
    fields = {"TopicOwner": "123", "TopicName": "oss-events", "MessageId": "e-1", "Message": message.decode()}
    return json.dumps({**fields, "SubscriptionName": "s", "PublishTime": "1449556920975"}).encode()


def push_headers(**extra: str) -> dict[str, str]:
    return {
        "content-type": "text/xml;charset=utf-8",
        "date": "Fri, 01 May 2026 12:00:00 GMT",
        "x-mns-request-id": "57458276F0E3D56D7C00054B",
        "x-mns-signing-cert-url": CERTIFICATE,
        "x-mns-version": "2015-06-06",
        **extra,
    }


SIMPLIFIED = {"x-mns-message-id": "e-1", "x-mns-topic-owner": "123", "x-mns-topic-name": "oss-events"}


def push_request(body: bytes, headers: Mapping[str, str], target: str = "/notifications") -> smq_push.Request:
    """Signed as SMQ does."""
    digest = md5(body, usedforsecurity=False).hexdigest().encode()
    headers = {**headers, "content-md5": b64encode(digest).decode()}
    signature = SIGNER.sign(string_to_sign("POST", headers, target).encode(), "sha1")
    return smq_push.Request("POST", target, {**headers, "authorization": b64encode(signature).decode()}, body)


def queue_answer(*bodies: bytes) -> Reply:
    messages = "".join(
        f"<Message><MessageId>q-{number}</MessageId><ReceiptHandle>h-{number}</ReceiptHandle>"
        f"<MessageBody>{escape(body.decode())}</MessageBody><DequeueCount>{number}</DequeueCount>"
        "<EnqueueTime>1250700979248</EnqueueTime><Priority>8</Priority></Message>"
        for number, body in enumerate(bodies, 1)
    )
    text = f'<?xml version="1.0"?>\n<Messages xmlns="http://mns.aliyuncs.com/doc/v1/">{messages}</Messages>'
    return Reply(200, {"content-type": "text/xml"}, text.encode())


def s3_document(*keys: str, name: str = "ObjectCreated:Put", store: str = "s3") -> str:
    """Keys form-encoded, as AWS, MinIO and OBS do it."""
    return json.dumps(
        {
            "Records": [
                {
                    "eventVersion": "2.1",
                    "eventSource": "aws:s3",
                    "eventTime": "2026-05-01T12:00:00.000Z",
                    "eventName": name,
                    "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
                    store: {
                        "bucket": {"name": "b"},
                        "object": {
                            "key": quote_plus(key),
                            "size": 7,
                            "eTag": "0A",
                            "versionId": "null",
                            "sequencer": "00A",
                        },
                    },
                }
                for key in keys
            ]
        }
    )


def smn_message(message: str = "", kind: str = "Notification", **fields: str) -> dict[str, str]:
    url = {} if kind == "Notification" else {"subscribe_url": "https://console.huaweicloud.com/smn/subscription/x?t=1"}
    return {
        "type": kind,
        "signature_version": "v1",
        "signing_cert_url": "https://smn.cn-north-4.myhuaweicloud.com/smn/SMN_cn-north-4_0.pem",
        "topic_urn": URN,
        "message_id": "e-1",
        "timestamp": "2026-05-01T12:00:00Z",
        "message": message,
        **url,
        **fields,
    }


def smn_signed(fields: Mapping[str, str]) -> bytes:
    """Signed as SMN does: spelt out here, not with the code under test."""
    names = ["message", "message_id", "subject", "subscribe_url", "timestamp", "topic_urn", "type"]
    text = "".join(f"{name}\n{fields[name]}\n" for name in names if fields.get(name) is not None)
    return json.dumps({**fields, "signature": b64encode(SIGNER.sign(text.encode(), "sha256")).decode()}).encode()


def smn_events(body: bytes) -> list[ObjectEvent]:
    read = smn.pushed(body, KEY, {URN}, now=NOW)
    assert isinstance(read, smn.Notification)
    return read.events


class Format(NamedTuple):
    name: str
    written: Callable[[str], Any]  # what arrives when the object of that name is created
    read: Callable[[Any], list[ObjectEvent]]
    source: str


def pushed(request: smq_push.Request) -> list[ObjectEvent]:
    return smq_push.events(request, KEY, {TOPIC}, now=NOW)


def pulled(reply: Reply) -> list[ObjectEvent]:
    return [event for message in smq_queue.received(reply) for event in message.events()]


FORMATS = [
    Format("lines", line, lines.events, "lines"),
    Format("s3", s3_document, records.events, "s3"),
    Format(
        "cloudevents-structured",
        lambda key: json.dumps(cloud_event(key)).encode(),
        lambda body: cloudevents.events({}, body),
        "oss",
    ),
    Format(
        "cloudevents-batched",
        lambda key: json.dumps([cloud_event(key)]).encode(),
        lambda body: cloudevents.events({"content-type": "application/cloudevents-batch+json"}, body),
        "oss",
    ),
    Format("cloudevents-binary", binary_event, lambda sent: cloudevents.events(*sent), "oss"),
    Format("smq-push-xml", lambda key: push_request(xml_envelope(oss_message(key)), push_headers()), pushed, "oss"),
    Format("smq-push-json", lambda key: push_request(json_envelope(oss_message(key)), push_headers()), pushed, "oss"),
    Format(
        "smq-push-simplified", lambda key: push_request(oss_message(key), push_headers(**SIMPLIFIED)), pushed, "oss"
    ),
    Format("smq-queue", lambda key: queue_answer(oss_message(key)), pulled, "oss"),
    Format("smq-queue-of-topic", lambda key: queue_answer(xml_envelope(oss_message(key))), pulled, "oss"),
    Format("smn", lambda key: smn_signed(smn_message(s3_document(key, store="obs"))), smn_events, "obs"),
]
