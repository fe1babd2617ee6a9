"""Alibaba Cloud: the RPC signature (HMAC-SHA1, SignatureVersion 1.0) and the V3 signature (ACS3-HMAC-SHA256).

https://help.aliyun.com/en/sdk/product-overview/rpc-mechanism
https://help.aliyun.com/en/sdk/product-overview/v3-request-structure-and-signature
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha1, sha256
from typing import NamedTuple

from signers.canonical import EMPTY_SHA256, encode_pair, join_request, percent_encode, sha256_hex
from signers.keyed_hash import KeyedHash
from signers.request import Credentials, SignedRequest, split_endpoint

ACS3_ALGORITHM = "ACS3-HMAC-SHA256"

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_ONCE = frozenset({"Path", "SignatureNonce"})  # parameters whose values hardly recur: not worth remembering
_HOLE = "\0"  # where a nonce goes; no header holds it


def canonical_query(params: Mapping[str, str]) -> str:
    """The parameters in the order of their raw names: encoding first would change the order."""
    return "&".join(
        [
            f"{name}={percent_encode(params[name])}" if name in _ONCE else encode_pair(name, params[name])
            for name in sorted(params)
        ]
    )


def timestamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# RPC, HMAC-SHA1


def rpc_string_to_sign(method: str, params: Mapping[str, str]) -> str:
    """`params`: all that goes into the query and the form. A `Signature` among them is not signed."""
    signed = {name: value for name, value in params.items() if name != "Signature"}
    return _rpc_string_to_sign(method, canonical_query(signed))


def _rpc_string_to_sign(method: str, query: str) -> str:
    # The query is percent-encoded once more as a whole. These three are all that is left in it to encode.
    encoded = query.replace("%", "%25").replace("=", "%3D").replace("&", "%26")
    return f"{method}&%2F&{encoded}"


def rpc_signature(secret: str, string_to_sign: str) -> str:
    return _rpc_signature(_rpc_key(secret), string_to_sign)


def _rpc_key(secret: str) -> KeyedHash:
    return KeyedHash(f"{secret}&".encode(), sha1)


def _rpc_signature(key: KeyedHash, string_to_sign: str) -> str:
    return b2a_base64(key.of(string_to_sign).digest(), newline=False).decode()


class RpcSigner:
    """Signs operations for one endpoint and API version. All goes into the form, nothing into the URL."""

    def __init__(self, credentials: Credentials, endpoint: str, version: str) -> None:
        origin, host = split_endpoint(endpoint)
        self._url = f"{origin}/"
        self._headers = {"content-type": _FORM, "host": host}
        self._common = {
            "AccessKeyId": credentials.access_key_id,
            "Format": "JSON",
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "Version": version,
        }
        if credentials.security_token:
            self._common["SecurityToken"] = credentials.security_token
        self._key = _rpc_key(credentials.secret)
        self._timestamp = (-1, "")  # a second, and its text

    def sign(self, action: str, params: Mapping[str, str], *, now: float, nonce: str) -> SignedRequest:
        """`params` are the operation's own; `now` is seconds since the epoch; a nonce is for one attempt."""
        second, text = self._timestamp
        if second != int(now):
            second, text = self._timestamp = int(now), timestamp(int(now))
        varying = {"Action": action, "SignatureNonce": nonce, "Timestamp": text}
        query = canonical_query({**params, **self._common, **varying})
        signature = _rpc_signature(self._key, _rpc_string_to_sign("POST", query))
        body = f"{query}&Signature={percent_encode(signature)}".encode()
        return SignedRequest("POST", self._url, self._headers.copy(), body)


# V3, ACS3-HMAC-SHA256


def acs3_canonical_headers(headers: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """(one "name:value\\n" a header, the names joined with ";"). Spellings of a name make one line."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value.strip())
    names = sorted(values)
    return "".join([f"{name}:{','.join(sorted(values[name]))}\n" for name in names]), ";".join(names)


def acs3_canonical_request(
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Iterable[tuple[str, str]],
    payload_hash: str = EMPTY_SHA256,
) -> str:
    """All the headers are signed. `path` is taken as it is: "/" for every RPC-style operation."""
    block, signed_headers = acs3_canonical_headers(headers)
    return join_request(method, path, canonical_query(query), block, signed_headers, payload_hash)


def acs3_string_to_sign(canonical_request: str) -> str:
    return f"{ACS3_ALGORITHM}\n{sha256_hex(canonical_request.encode())}"


def acs3_signature(secret: str, string_to_sign: str) -> str:
    return _acs3_key(secret).of(string_to_sign).hexdigest()


def _acs3_key(secret: str) -> KeyedHash:
    return KeyedHash(secret.encode(), sha256)


def acs3_authorization(access_key_id: str, signed_headers: str, signature: str) -> str:
    return f"{ACS3_ALGORITHM} Credential={access_key_id},SignedHeaders={signed_headers},Signature={signature}"


class _Acs3Form(NamedTuple):
    """What the requests of one operation have in common for one second: all but the query and the nonce."""

    second: int
    headers: dict[str, str]
    before_nonce: str
    after_nonce: str
    signed_headers: str

    def __repr__(self) -> str:
        return f"<_Acs3Form second={self.second}>"  # the headers carry the security token


class Acs3Signer:
    """Signs operations for one endpoint and API version. Parameters are the query; the body is empty.

    Signs `host` and `x-acs-*` only: what proxies and HTTP libraries rewrite must not break a signature.
    """

    def __init__(self, credentials: Credentials, endpoint: str, version: str) -> None:
        origin, host = split_endpoint(endpoint)
        self._access_key_id = credentials.access_key_id
        self._url = f"{origin}/"
        self._headers = {"host": host, "x-acs-version": version, "x-acs-content-sha256": EMPTY_SHA256}
        if credentials.security_token:
            self._headers["x-acs-security-token"] = credentials.security_token
        self._key = _acs3_key(credentials.secret)
        self._forms: dict[str, _Acs3Form] = {}  # by operation

    def sign(self, action: str, params: Mapping[str, str], *, now: float, nonce: str) -> SignedRequest:
        """`params` are the operation's own; `now` is seconds since the epoch; a nonce is for one attempt."""
        form = self._forms.get(action)
        if form is None or form.second != int(now):
            form = self._forms[action] = self._form(action, int(now))
        _, headers, before_nonce, after_nonce, signed_headers = form
        query = canonical_query(params)
        canonical_request = join_request(
            "POST", "/", query, f"{before_nonce}{nonce}{after_nonce}", signed_headers, EMPTY_SHA256
        )
        signature = self._key.of(acs3_string_to_sign(canonical_request)).hexdigest()
        headers = headers.copy()
        headers["x-acs-signature-nonce"] = nonce
        headers["authorization"] = acs3_authorization(self._access_key_id, signed_headers, signature)
        return SignedRequest("POST", f"{self._url}?{query}" if query else self._url, headers, b"")

    def _form(self, action: str, second: int) -> _Acs3Form:
        signed = self._headers | {
            "x-acs-action": action,
            "x-acs-date": timestamp(second),
            "x-acs-signature-nonce": _HOLE,
        }
        block, signed_headers = acs3_canonical_headers(signed.items())
        before_nonce, after_nonce = block.split(_HOLE)
        return _Acs3Form(second, signed | {"accept": _JSON}, before_nonce, after_nonce, signed_headers)
