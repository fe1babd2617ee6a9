"""A client of SMQ with a signature of its own, so that a test can send exactly what it wants to."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from email.utils import formatdate
from hashlib import md5
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import orjson

NAMESPACE = "{http://mns.aliyuncs.com/doc/v1/}"


class Seen(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def xml(self) -> ET.Element:
        return ET.fromstring(self.body)  # noqa: S314 - the emulator is no stranger

    def texts(self, name: str) -> list[str]:
        return [element.text or "" for element in self.xml.iter(NAMESPACE + name)]

    @property
    def code(self) -> str:
        return self.texts("Code")[0]


class SmqClient:
    def __init__(self, url: str, queue: str, key: tuple[str, str, str] = ("emulator-ak", "emulator-sk", "")) -> None:
        self._host = urlsplit(url).netloc
        self.path = f"/queues/{queue}"
        self.key = key

    def call(
        self,
        method: str,
        target: str,
        body: str = "",
        *,
        at: float | None = None,
        changed: Mapping[str, str | None] | None = None,
    ) -> Seen:
        """`changed` headers are changed after signing; None takes one away."""
        key_id, secret, token = self.key
        headers: dict[str, str | None] = {"date": formatdate(at, usegmt=True), "x-mns-version": "2015-06-06"}
        if token:
            headers["security-token"] = token
        if body:
            digest = md5(body.encode(), usedforsecurity=False).hexdigest().encode()
            headers |= {"content-type": "text/xml;charset=utf-8", "content-md5": b64encode(digest).decode()}
        lines = [method, *(headers.get(name) or "" for name in ("content-md5", "content-type", "date"))]
        text = "\n".join([*lines, "x-mns-version:2015-06-06", target])
        signature = b64encode(hmac.digest(secret.encode(), text.encode(), "sha1")).decode()
        headers["authorization"] = f"MNS {key_id}:{signature}"
        headers |= changed or {}
        connection = HTTPConnection(self._host, timeout=60)
        try:
            kept = {name: value for name, value in headers.items() if value is not None}
            connection.request(method, target, body.encode() or None, kept)
            answer = connection.getresponse()
            return Seen(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def create(self, visibility_s: int = 30) -> Seen:
        body = f'<Queue xmlns="http://mns.aliyuncs.com/doc/v1/"><VisibilityTimeout>{visibility_s}</VisibilityTimeout></Queue>'
        return self.call("PUT", self.path, body)

    def send(self, *bodies: str) -> Seen:
        listed = "".join(f"<Message><MessageBody>{escape(body)}</MessageBody></Message>" for body in bodies)
        return self.call("POST", f"{self.path}/messages", f"<Messages>{listed}</Messages>")

    def send_keys(self, *keys: str) -> Seen:
        """A message for each, as OSS writes them."""
        return self.send(*[oss_message(key) for key in keys])

    def receive(self, query: str = "numOfMessages=16&waitseconds=0") -> Seen:
        return self.call("GET", f"{self.path}/messages?{query}")

    def left(self) -> int:
        """Messages that were not deleted, seen or unseen."""
        seen = self.call("GET", self.path)
        return int(seen.texts("ActiveMessages")[0]) + int(seen.texts("InactiveMessages")[0])


def oss_message(*keys: str) -> str:
    records = [
        {
            "eventName": "ObjectCreated:PutObject",
            "eventSource": "acs:oss",
            "eventTime": "2026-05-01T12:00:00.000Z",
            "oss": {"bucket": {"name": "b"}, "object": {"key": key, "size": 7}},
            "responseElements": {"requestId": "5F"},
        }
        for key in keys
    ]
    return b64encode(orjson.dumps({"events": records})).decode()
