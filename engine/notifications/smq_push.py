"""What SMQ pushes to an HTTP endpoint: who signed it, and what it says.

https://www.alibabacloud.com/help/en/mns/debugging-tool-of-http-endpoints

The vendor's key is short (512 bits in the certificate that is in use) and signs for all of its customers. So the topic
is checked too. A queue that is pulled (`smq_queue`) needs no such trust.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from hashlib import md5
from typing import NamedTuple

from engine.notifications.certificate import PublicKey
from engine.notifications.event import ObjectEvent, UntrustedError
from engine.notifications.payload import base64_bytes, shown, text
from engine.notifications.smq import unwrapped
from signers.mns import string_to_sign

WINDOW_S = 15 * 60.0  # how far a request's Date may be off
_CERTIFICATE_URL = "x-mns-signing-cert-url"

# The two buckets that the vendor keeps its certificates in. Names of buckets are unique across its regions.
_PINNED = re.compile(
    r"https://(mnstest\.oss-cn-hangzhou|mns-cert\.oss-[a-z0-9-]{2,32})\.aliyuncs\.com/[A-Za-z0-9_-]{1,100}\.pem"
).fullmatch


class Request(NamedTuple):
    """An HTTP request as it came. Header names are lower-case."""

    method: str
    target: str  # path and query, as on the wire
    headers: Mapping[str, str]
    body: bytes


def certificate_url(headers: Mapping[str, str]) -> str:
    """Where the certificate is that a request was signed with. The file at one URL never changes.

    Raises:
        UntrustedError: it is not the vendor's.
    """
    url = base64_bytes(_header(headers, _CERTIFICATE_URL), _CERTIFICATE_URL).decode("utf-8", "replace")
    if not _PINNED(url):
        raise UntrustedError(f"{_CERTIFICATE_URL} leads to {url!r:.100}, where the vendor keeps no certificates")
    return url


def events(request: Request, key: PublicKey, topics: Collection[str], *, now: float) -> list[ObjectEvent]:
    """The events in a request that is what it says.

    `key` is that of the certificate at `certificate_url`, `topics` are OWNER/NAME, `now` is seconds since the epoch.

    Raises:
        UntrustedError: it is not signed with the key, is too old, or comes from another topic.
        NotificationError: it cannot be read.
    """
    headers = request.headers
    certificate_url(headers)
    _check_age(_header(headers, "date"), now)
    _check_digest(headers, request.body)
    signed = dict(headers) | {"content-type": headers.get("content-type", "").lower()}
    message = string_to_sign(request.method, signed, request.target)
    if not key.signed(
        message.encode("utf-8", "replace"), base64_bytes(_header(headers, "authorization"), "authorization"), "sha1"
    ):
        raise UntrustedError("the signature is not the vendor's")
    owner, name = text(headers.get("x-mns-topic-owner")), text(headers.get("x-mns-topic-name"))
    pushed = unwrapped(request.body, text(headers.get("x-mns-message-id")), f"{owner}/{name}")
    if pushed.topic not in topics:
        raise UntrustedError(f"the message is of topic {pushed.topic!r:.100}, which is not one of ours")
    return pushed.events()


def _header(headers: Mapping[str, str], name: str) -> str:
    if not headers.get(name):
        raise UntrustedError(f"there is no {name} header")
    return headers[name]


def _check_age(date: str, now: float) -> None:
    try:
        sent = parsedate_to_datetime(date)
        off_s = abs(sent.replace(tzinfo=sent.tzinfo or UTC).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        raise UntrustedError(f"date is {shown(date)}, not a time") from None
    if off_s > WINDOW_S:
        raise UntrustedError(f"the request is {off_s:,.0f} s off our clock; {WINDOW_S:,.0f} s is the most")


def _check_digest(headers: Mapping[str, str], body: bytes) -> None:
    """The signature covers Content-MD5, not the body itself. SMQ has written it in each of these ways."""
    digest = md5(body, usedforsecurity=False)
    lower = digest.hexdigest().encode()
    spellings = (lower, lower.upper(), b64encode(lower), b64encode(lower.upper()), b64encode(digest.digest()))
    if _header(headers, "content-md5").encode("utf-8", "replace") not in spellings:
        raise UntrustedError("content-md5 is not the body's")
