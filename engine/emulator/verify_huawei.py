"""Huawei Cloud's AK/SK signature, SDK-HMAC-SHA256, checked against the raw request.

support.huaweicloud.com, "API signing guide" (devg-apisign).
"""

from __future__ import annotations

import calendar
import hmac
import re
import time
from functools import lru_cache
from hashlib import sha256
from urllib.parse import unquote

from . import percent
from .clock import Clock
from .exchange import Call, Received, RefusedError
from .keys import AccessKey, AccessKeys

WINDOW_S = 15 * 60.0
_AUTHORIZATION = re.compile(r"SDK-HMAC-SHA256 +Access=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]+)")
_SDK_DATE = re.compile(r"\d{8}T\d{6}Z")
_UNSIGNED = "UNSIGNED-PAYLOAD"


@lru_cache(maxsize=64)
def _epoch(sdk_date: str) -> float | None:
    if not _SDK_DATE.fullmatch(sdk_date):
        return None
    try:
        return float(calendar.timegm(time.strptime(sdk_date, "%Y%m%dT%H%M%SZ")))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _canonical_uri(path: str) -> str:
    segments = unquote(path).split("/")
    encoded = "/".join([percent.encode(segment) for segment in segments])
    return encoded if encoded.endswith("/") else encoded + "/"


class HuaweiVerifier:
    """Says whose request it is, or why it is not to be trusted."""

    def __init__(self, keys: AccessKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def verify(self, call: Call) -> AccessKey:
        """Raises RefusedError."""
        headers = call.received.headers
        parsed = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if parsed is None:
            raise unauthorized("Authorization is missing or malformed")
        access_key_id, signed_headers, signature = parsed.groups()
        names = signed_headers.split(";")
        sdk_date = headers.get("x-sdk-date", "")
        if "x-sdk-date" not in names or any(name not in headers for name in names):
            raise unauthorized("SignedHeaders must name x-sdk-date and only headers that were sent")
        key = self._key(access_key_id)
        self._in_time(sdk_date)
        canonical_request = _canonical_request(call.received, names, signed_headers)
        request_hash = sha256(canonical_request.encode()).hexdigest()
        text = f"SDK-HMAC-SHA256\n{sdk_date}\n{request_hash}"
        if not hmac.compare_digest(hmac.digest(key.secret.encode(), text.encode(), "sha256").hex(), signature):
            self._keys.failed(key)
            echo = canonical_request.replace("\n", "|")
            raise unauthorized(f"verify aksk signature fail, canonicalRequest:{echo}")
        self._token(key, headers.get("x-security-token", ""))
        self._keys.succeeded(key)
        return key

    def _key(self, access_key_id: str) -> AccessKey:
        key = self._keys.find("huawei", access_key_id)
        if key is None:
            raise unauthorized(f"Get secretKey failed,ak:{access_key_id},err:ak not exist")
        if self._keys.locked(key):
            raise unauthorized("AK access failed to reach the limit,forbidden")
        if key.disabled:
            raise unauthorized(f"Get secretKey failed,ak:{access_key_id},err:ak is inactive")
        return key

    def _in_time(self, sdk_date: str) -> None:
        # A stale date does not count towards the lock: it is refused before the secret is looked at.
        epoch = _epoch(sdk_date)
        if epoch is None:
            raise unauthorized("X-Sdk-Date is malformed")
        now = self._clock.now()
        if abs(now - epoch) > WINDOW_S:
            server_time = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
            raise unauthorized(f"signature expired, signature time:{sdk_date},server time:{server_time}")

    def _token(self, key: AccessKey, security_token: str) -> None:
        if not hmac.compare_digest(key.security_token.encode(), security_token.encode()):
            self._keys.failed(key)
            raise unauthorized("X-Security-Token does not belong to the access key")
        if self._keys.expired(key):
            raise unauthorized("security token expires")


def _canonical_request(received: Received, names: list[str], signed_headers: str) -> str:
    headers = received.headers
    # The vendor's clients never take a plus sign for a space.
    canonical_query = percent.canonical(percent.pairs(received.query, plus_is_space=False))
    canonical_headers = "".join([f"{name}:{headers[name].strip()}\n" for name in sorted(names)])
    payload_hash = sha256(received.body).hexdigest()
    if received.body and headers.get("x-sdk-content-sha256") == _UNSIGNED:
        payload_hash = _UNSIGNED
    return "\n".join(
        (
            received.method,
            _canonical_uri(received.path),
            canonical_query,
            canonical_headers,
            signed_headers,
            payload_hash,
        )
    )


def unauthorized(why: str) -> RefusedError:
    return RefusedError(401, "APIGW.0301", f"Incorrect IAM authentication information: {why}", gateway=True)
