"""SMQ's signature, checked against the raw request: help.aliyun.com, "Sign requests" (MNS, 2015-06-06)."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from email.utils import parsedate_to_datetime
from hashlib import md5

from .clock import Clock
from .exchange import Received, RefusedError
from .keys import AccessKey, AccessKeys

VERSION = "2015-06-06"
WINDOW_S = 15 * 60.0
_AUTHORIZATION = re.compile(r"MNS ([^:\s]+):(\S+)")


class SmqVerifier:
    """Says whose request it is, or why it is not to be trusted. There are no nonces: a request may come again."""

    def __init__(self, keys: AccessKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def verify(self, received: Received) -> AccessKey:
        """Raises RefusedError."""
        headers = received.headers
        if "authorization" not in headers:
            raise RefusedError(400, "MissingAuthorizationHeader", "Authorization header is required.")
        parsed = _AUTHORIZATION.fullmatch(headers["authorization"])
        if parsed is None:
            raise RefusedError(400, "InvalidAuthorizationHeader", "The Authorization header format is invalid.")
        if headers.get("x-mns-version") != VERSION:
            raise RefusedError(400, "MissingVersionHeader", "x-mns-version header is required.")
        self._in_time(headers.get("date", ""))
        _intact(received)
        access_key_id, signature = parsed.groups()
        key = self._keys.find("alibaba", access_key_id)
        if key is None or key.disabled:
            raise RefusedError(403, "InvalidAccessKeyId", "The AccessKey Id you provided is not exist.")
        if not hmac.compare_digest(key.security_token.encode(), headers.get("security-token", "").encode()):
            raise RefusedError(403, "AccessDenied", "The security token is not that of the access key.")
        text = _string_to_sign(received)
        digest = b64encode(hmac.digest(key.secret.encode(), text.encode(), "sha1"))
        if not hmac.compare_digest(digest, signature.encode()):
            raise RefusedError(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided."
                f" Check your key and signing method. The string to sign is: {text}",
            )
        if self._keys.expired(key):  # the vendor does not list the code for this
            raise RefusedError(403, "SecurityTokenExpired", "The security token has expired.")
        return key

    def _in_time(self, date: str) -> None:
        try:
            epoch = parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError):
            raise RefusedError(400, "InvalidDateHeader", "The Date header format is invalid.") from None
        if abs(self._clock.now() - epoch) > WINDOW_S:
            raise RefusedError(408, "TimeExpired", "The http request you sent is expired.")


def _string_to_sign(received: Received) -> str:
    """Verb, digest, type and date, a line each, then the vendor's own headers by name, then the target as it came."""
    headers = received.headers
    lines = [received.method, headers.get("content-md5", ""), headers.get("content-type", ""), headers["date"]]
    lines += [f"{name}:{headers[name].strip()}" for name in sorted(headers) if name.startswith("x-mns-")]
    lines.append(received.path + (f"?{received.query}" if received.query else ""))
    return "\n".join(lines)


def _intact(received: Received) -> None:
    """Whether the body is what its digest says: of its MD5, or, as the vendor's SDKs do it, of that in hexadecimal."""
    told = received.headers.get("content-md5")
    digest = md5(received.body, usedforsecurity=False)
    if told and told.encode() not in {b64encode(digest.digest()), b64encode(digest.hexdigest().encode())}:
        raise RefusedError(400, "InvalidDegist", "The Content-MD5 you specified is invalid.")
