"""Huawei Cloud: the AK/SK signature (SDK-HMAC-SHA256), stage by stage as huaweicloudsdkcore 3.1 makes it.

https://support.huaweicloud.com/devg-apisign/api-sign-algorithm-001.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

from signers.canonical import EMPTY_SHA256, encode_pair, join_request, percent_encode, sha256_hex
from signers.keyed_hash import KeyedHash
from signers.request import Credentials, SignedRequest, split_endpoint

ALGORITHM = "SDK-HMAC-SHA256"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"

_CONTENT_HASH = "X-Sdk-Content-Sha256"
_JSON = "application/json"
_HASHED_TYPES = (_JSON, "application/bson")

QueryValue: TypeAlias = "str | float | list[str] | list[int] | list[float]"


@lru_cache(maxsize=1024)  # a run has few paths: some operations on some sync tasks
def canonical_uri(path: str) -> str:
    """`path` as on the wire, decoded and encoded again, with the "/" at its end that the wire need not have.

    Nothing is normalised: empty, "." and ".." segments stay. ValueError if it is empty.
    """
    if not path:
        raise ValueError("path is empty")
    uri = "/".join([percent_encode(segment) for segment in unquote(path).split("/")])
    return uri if uri.endswith("/") else f"{uri}/"


def canonical_query(query: Iterable[tuple[str, QueryValue]]) -> str:
    """Pairs in raw order of (name, value): encoding first would change the order.

    The result is also the query on the wire. A list stands for one pair a value, sorted as the values are;
    booleans are lower-case.
    """
    try:
        pairs = [encode_pair(name, text) for name, value in sorted(query) for text in _texts(value)]
    except TypeError as error:
        raise ValueError("query has values of one name that cannot be ordered") from error
    return "&".join(pairs)


def _texts(value: QueryValue) -> Sequence[str]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return [str(each) for each in sorted(value)]
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return (str(value),)


def complete_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers, with the one by which the SDK leaves the body of an exact `Content-Type` unsigned."""
    content_type = headers.get("Content-Type")
    if content_type and not content_type.startswith(_HASHED_TYPES):
        return {**headers, _CONTENT_HASH: "UNSIGNED-PAYLOAD"}
    return dict(headers)


def canonical_headers(headers: Mapping[str, str]) -> tuple[str, str]:
    """(one "name:value\\n" a header, the names joined with ";"). Names with "_" are sent but not signed."""
    values = {name.lower(): value.strip() for name, value in headers.items()}
    names = sorted([name.lower() for name in headers if "_" not in name])
    return "".join([f"{name}:{values[name]}\n" for name in names]), ";".join(names)


def payload_hash(headers: Mapping[str, str], body: bytes) -> str:
    """What stands for the body: its own hash, unless X-Sdk-Content-Sha256 says something else of a body."""
    if not body:
        return EMPTY_SHA256
    return (header(headers, _CONTENT_HASH) or "").strip() or sha256_hex(body)


def header(headers: Mapping[str, str], name: str) -> str | None:
    """The first header of that name, in any case."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)


def signing_date(headers: Mapping[str, str]) -> str:
    """The value of X-Sdk-Date as the string to sign has it; ValueError if it is missing or malformed."""
    date = header(headers, "X-Sdk-Date")
    if date is None:
        raise ValueError("there is no X-Sdk-Date header")
    try:
        return datetime.strptime(date, DATE_FORMAT).strftime(DATE_FORMAT)  # noqa: DTZ007 - text in, text out
    except ValueError as error:
        raise ValueError("X-Sdk-Date is not of the form YYYYMMDDTHHMMSSZ") from error


def canonical_request(
    method: str,
    path: str,
    query: Iterable[tuple[str, QueryValue]],
    headers: Mapping[str, str],
    body: bytes = b"",
) -> str:
    """All headers are signed; `path` is as on the wire, `query` is decoded. ValueError for an empty path."""
    block, signed_headers = canonical_headers(headers)
    return join_request(
        method.upper(),
        canonical_uri(path),
        canonical_query(query),
        block,
        signed_headers,
        payload_hash(headers, body),
    )


def string_to_sign(date: str, canonical_request: str) -> str:
    """`date` is what `signing_date` gives."""
    return f"{ALGORITHM}\n{date}\n{sha256_hex(canonical_request.encode())}"


def signature(secret: str, string_to_sign: str) -> str:
    return _key(secret).of(string_to_sign).hexdigest()


def _key(secret: str) -> KeyedHash:
    return KeyedHash(secret.encode(), sha256)


def authorization(access_key_id: str, signed_headers: str, signature: str) -> str:
    return f"{ALGORITHM} Access={access_key_id}, SignedHeaders={signed_headers}, Signature={signature}"


class _Head(NamedTuple):
    """The headers that requests have in common for one second."""

    second: int
    date: str
    headers: dict[str, str]
    block: str
    signed_headers: str

    def __repr__(self) -> str:
        return f"<_Head second={self.second}>"  # the headers carry the security token


class AkSkSigner:
    """Signs requests for one endpoint and, unless it is None, one project.

    The signed set is fixed: `host`, `x-sdk-date`, `content-type` (of a body, which is JSON), `x-project-id`,
    `x-security-token`. What proxies and HTTP libraries rewrite must not break a signature.
    """

    def __init__(self, credentials: Credentials, endpoint: str, project_id: str | None) -> None:
        self._access_key_id = credentials.access_key_id
        self._origin, host = split_endpoint(endpoint)
        self._headers = {"host": host}
        if project_id:
            self._headers["x-project-id"] = project_id
        if credentials.security_token:
            self._headers["x-security-token"] = credentials.security_token
        self._key = _key(credentials.secret)
        self._heads: dict[bool, _Head] = {}  # by whether there is a body

    def sign(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        now: float,
    ) -> SignedRequest:
        """`path` is as on the wire, `query` is decoded, `now` is seconds since the epoch.

        Raises ValueError if the path does not start with "/".
        """
        if not path.startswith("/"):
            raise ValueError('path does not start with "/"')
        has_body = bool(body)
        head = self._heads.get(has_body)
        if head is None or head.second != int(now):
            head = self._heads[has_body] = self._head(int(now), has_body)
        _, date, headers, block, signed_headers = head
        method = method.upper()
        wire_query = canonical_query(query) if query else ""
        request = join_request(
            method,
            canonical_uri(path),
            wire_query,
            block,
            signed_headers,
            sha256_hex(body) if body else EMPTY_SHA256,
        )
        mac = self._key.of(string_to_sign(date, request)).hexdigest()
        headers = headers.copy()
        headers["authorization"] = authorization(self._access_key_id, signed_headers, mac)
        target = f"{path}?{wire_query}" if wire_query else path
        return SignedRequest(method, f"{self._origin}{target}", headers, body)

    def _head(self, second: int, has_body: bool) -> _Head:
        date = datetime.fromtimestamp(second, UTC).strftime(DATE_FORMAT)
        headers = self._headers | {"x-sdk-date": date}
        if has_body:
            headers["content-type"] = _JSON
        return _Head(second, date, headers, *canonical_headers(headers))
