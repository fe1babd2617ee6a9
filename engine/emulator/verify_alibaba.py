"""Alibaba Cloud's two signatures, checked against the raw request.

RPC signature, SignatureMethod HMAC-SHA1, SignatureVersion 1.0: help.aliyun.com, "RPC mechanism".
V3 signature, ACS3-HMAC-SHA256: help.aliyun.com, "V3 request body and signature method".
"""

from __future__ import annotations

import calendar
import hmac
import re
import time
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256

from . import percent
from .clock import Clock
from .exchange import Call, RefusedError
from .keys import AccessKey, AccessKeys
from .nonces import WINDOW_S, SeenNonces

_AUTHORIZATION = re.compile(r"ACS3-HMAC-SHA256 +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]+)")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_V3_HEADERS = (
    "host",
    "x-acs-action",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-version",
)


@lru_cache(maxsize=64)
def _epoch(timestamp: str) -> float | None:
    if not _TIMESTAMP.fullmatch(timestamp):
        return None
    try:
        return float(calendar.timegm(time.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ")))
    except ValueError:
        return None


class AlibabaVerifier:
    """Says whose request it is, or why it is not to be trusted."""

    def __init__(self, keys: AccessKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._nonces = SeenNonces(clock)

    def verify(self, call: Call) -> AccessKey:
        """Raises RefusedError."""
        if "authorization" in call.received.headers:
            return self._v3(call)
        return self._v1(call)

    def _v1(self, call: Call) -> AccessKey:
        params = call.params
        for name in (
            "AccessKeyId",
            "Signature",
            "SignatureMethod",
            "SignatureVersion",
            "SignatureNonce",
            "Timestamp",
        ):
            if not params.get(name):
                raise _no(400, f"Missing{name}", f"{name} is mandatory for this action.")
        if params["SignatureMethod"].upper() != "HMAC-SHA1" or params["SignatureVersion"] != "1.0":
            raise _no(
                400,
                "InvalidParameter.SignatureMethod",
                "Only HMAC-SHA1 with SignatureVersion 1.0 is supported.",
            )
        key = self._key(params["AccessKeyId"], params.get("SecurityToken", ""))
        self._in_time(params["Timestamp"])
        signed = [(name, value) for name, value in params.items() if name != "Signature"]
        text = f"{call.received.method}&%2F&{percent.encode_again(percent.canonical(signed))}"
        digest = hmac.digest(f"{key.secret}&".encode(), text.encode(), "sha1")
        if not hmac.compare_digest(b64encode(digest), params["Signature"].encode()):
            # A client of the vendor's takes what follows the first colon for the server's string to sign.
            raise _no(
                400,
                "SignatureDoesNotMatch",
                f"Specified signature is not matched with our calculation. server string to sign is:{text}",
            )
        self._fresh(key, params["SignatureNonce"])
        return key

    def _v3(self, call: Call) -> AccessKey:
        received, headers = call.received, call.received.headers
        parsed = _AUTHORIZATION.fullmatch(headers["authorization"])
        if parsed is None:
            raise _incomplete("Authorization")
        access_key_id, signed_headers, signature = parsed.groups()
        names = signed_headers.split(";")
        if names != sorted(set(names)) or any(name not in headers for name in names):
            raise _incomplete("SignedHeaders")
        for name in _V3_HEADERS:
            if name not in names:
                raise _incomplete(name)
        for name in headers:
            if name.startswith("x-acs-") and name not in names:
                raise _incomplete(name)
        key = self._key(access_key_id, headers.get("x-acs-security-token", ""))
        self._in_time(headers["x-acs-date"])
        payload_hash = sha256(received.body).hexdigest()
        if headers["x-acs-content-sha256"] != payload_hash:
            raise _no(400, "InvalidContentSha256", "x-acs-content-sha256 is not the SHA-256 of the body.")
        canonical_query = percent.canonical(percent.pairs(received.query, plus_is_space=True))
        canonical_headers = "".join([f"{name}:{headers[name].strip()}\n" for name in names])
        canonical_request = "\n".join(
            (received.method, received.path, canonical_query, canonical_headers, signed_headers, payload_hash)
        )
        request_hash = sha256(canonical_request.encode()).hexdigest()
        text = f"ACS3-HMAC-SHA256\n{request_hash}"
        if not hmac.compare_digest(hmac.digest(key.secret.encode(), text.encode(), "sha256").hex(), signature):
            raise _no(
                400,
                "SignatureDoesNotMatch",
                f"Specified signature does not match our calculation. server StringToSign is [{text}],"
                f" server CanonicalRequest is [{canonical_request}]",
            )
        self._fresh(key, headers["x-acs-signature-nonce"])
        return key

    def _key(self, access_key_id: str, security_token: str) -> AccessKey:
        key = self._keys.find("alibaba", access_key_id)
        if key is None:
            raise _no(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if key.disabled:
            raise _no(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
        if self._keys.expired(key):
            raise _no(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        if key.security_token and not security_token:
            raise _no(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
        if not hmac.compare_digest(key.security_token.encode(), security_token.encode()):
            raise _no(
                400,
                "InvalidSecurityToken.MismatchWithAccessKey",
                "Specified SecurityToken mismatch with the AccessKey.",
            )
        return key

    def _in_time(self, timestamp: str) -> None:
        epoch = _epoch(timestamp)
        if epoch is None:
            raise _no(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
        if abs(self._clock.now() - epoch) > WINDOW_S:
            raise _no(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")

    def _fresh(self, key: AccessKey, nonce: str) -> None:
        if not self._nonces.use(key.access_key_id, nonce):
            raise nonce_used()


def nonce_used() -> RefusedError:
    return _no(400, "SignatureNonceUsed", "Specified signature nonce was used already.")


def _no(status: int, code: str, message: str) -> RefusedError:
    return RefusedError(status, code, message, gateway=True)


def _incomplete(what: str) -> RefusedError:
    message = f"The request signature does not conform to Aliyun standards. Missing or malformed: {what}"
    return _no(400, "IncompleteSignature", message)
