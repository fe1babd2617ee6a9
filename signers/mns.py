"""Alibaba Cloud Simple Message Queue (formerly MNS, API 2015-06-06): HMAC-SHA1 over method, headers and resource.

SMQ signs what it pushes to HTTP endpoints with the same string and an RSA key; see `engine.notifications.smq_push`.
https://www.alibabacloud.com/help/en/mns/developer-reference/sign-requests
"""

from __future__ import annotations

from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Mapping
from email.utils import formatdate
from hashlib import md5, sha1

from signers.canonical import encode_pair
from signers.keyed_hash import KeyedHash
from signers.request import Credentials, SignedRequest, split_endpoint

VERSION = "2015-06-06"

_XML = "text/xml;charset=UTF-8"
_PREFIX = "x-mns-"


def content_md5(body: bytes) -> str:
    """As the vendor's SDK sends it: the base64 of the digest in hexadecimal, not of the digest."""
    return b64encode(md5(body, usedforsecurity=False).hexdigest().encode()).decode()


def canonical_headers(headers: Mapping[str, str]) -> str:
    """One "name:value\\n" for each x-mns- header, sorted. Names are lower-case already."""
    return "".join([f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith(_PREFIX)])


def string_to_sign(method: str, headers: Mapping[str, str], resource: str) -> str:
    """`resource` is path and query as on the wire. A header that is not there is an empty line."""
    named = "".join([f"{headers.get(name, '')}\n" for name in ("content-md5", "content-type", "date")])
    return f"{method}\n{named}{canonical_headers(headers)}{resource}"


def signature(secret: str, string_to_sign: str) -> str:
    return _signature(_key(secret), string_to_sign)


def _key(secret: str) -> KeyedHash:
    return KeyedHash(secret.encode(), sha1)


def _signature(key: KeyedHash, string_to_sign: str) -> str:
    return b2a_base64(key.of(string_to_sign).digest(), newline=False).decode()


def authorization(access_key_id: str, signature: str) -> str:
    return f"MNS {access_key_id}:{signature}"


class MnsSigner:
    """Signs requests for one endpoint. Only `date`, the body's type and digest, and `x-mns-*` headers are signed."""

    def __init__(self, credentials: Credentials, endpoint: str) -> None:
        self._access_key_id = credentials.access_key_id
        self._origin, host = split_endpoint(endpoint)
        self._headers = {"host": host, "x-mns-version": VERSION}
        if credentials.security_token:
            self._headers["security-token"] = credentials.security_token  # unsigned
        self._key = _key(credentials.secret)

    def sign(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: bytes = b"", *, now: float
    ) -> SignedRequest:
        """`path` is as on the wire, `query` is decoded, `now` is seconds since the epoch.

        Raises ValueError if the path does not start with "/".
        """
        if not path.startswith("/"):
            raise ValueError('path does not start with "/"')
        headers = self._headers | {"date": formatdate(int(now), usegmt=True)}
        if body:
            headers |= {"content-type": _XML, "content-md5": content_md5(body)}
        resource = f"{path}?{'&'.join([encode_pair(*pair) for pair in query.items()])}" if query else path
        mac = _signature(self._key, string_to_sign(method, headers, resource))
        headers["authorization"] = authorization(self._access_key_id, mac)
        return SignedRequest(method, f"{self._origin}{resource}", headers, body)
