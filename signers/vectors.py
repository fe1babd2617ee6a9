"""Reads a test vector, other people's too, and signs it stage by stage.

A vector is an object with `name`, `algorithm` and `input`; what is in `input` depends on the algorithm:

- `rpc-hmac-sha1`: `method`, `params` (pairs: all that is signed), `secret`
- `acs3-hmac-sha256`, `sdk-hmac-sha256`: `method`, `path` (as on the wire), `query` (pairs, decoded),
  `headers` (pairs, all of them signed; they hold the date), `body_base64`, `access_key_id`, `secret`

A null value stands for a parameter or header that is not there.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from signers import alibaba, huawei
from signers.canonical import sha256_hex

Input: TypeAlias = Mapping[str, Any]
Stages: TypeAlias = dict[str, str]


def stages(vector: object) -> Stages:
    """The stages of a vector's signature, the first one first.

    Raises ValueError saying what is wrong with the vector; the message holds no value of it.
    """
    if not isinstance(vector, dict):
        raise ValueError("is not an object")
    algorithm, fields = vector.get("algorithm"), vector.get("input")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise ValueError(f"algorithm is none of {', '.join(_ALGORITHMS)}")
    if not isinstance(fields, dict):
        raise ValueError("input is not an object")
    try:
        return _ALGORITHMS[algorithm](fields)
    except UnicodeEncodeError as error:
        raise ValueError("input holds text that is not Unicode: a lone surrogate") from error


def _rpc(fields: Input) -> Stages:
    params = _unique(fields, "params", required=True)
    string_to_sign = alibaba.rpc_string_to_sign(_text(fields, "method"), params)
    signature = alibaba.rpc_signature(_text(fields, "secret"), string_to_sign)
    return {"string_to_sign": string_to_sign, "signature": signature}


def _acs3(fields: Input) -> Stages:
    headers = [(name, _string(value, "headers")) for name, value in _pairs(fields, "headers", required=True)]
    canonical_request = alibaba.acs3_canonical_request(
        _text(fields, "method"),
        _text(fields, "path", "/"),
        _unique(fields, "query"),
        headers,
        sha256_hex(_body(fields)),
    )
    _, signed_headers = alibaba.acs3_canonical_headers(headers)
    string_to_sign = alibaba.acs3_string_to_sign(canonical_request)
    signature = alibaba.acs3_signature(_text(fields, "secret"), string_to_sign)
    return {
        "canonical_request": canonical_request,
        "string_to_sign": string_to_sign,
        "signature": signature,
        "authorization": alibaba.acs3_authorization(_text(fields, "access_key_id"), signed_headers, signature),
    }


def _sdk(fields: Input) -> Stages:
    access_key_id, secret = _text(fields, "access_key_id"), _text(fields, "secret")
    if not access_key_id or not secret:
        raise ValueError("access_key_id or secret is empty")
    headers = huawei.complete_headers(
        {name: _string(value, "headers") for name, value in _pairs(fields, "headers", required=True)}
    )
    canonical_request = huawei.canonical_request(
        _text(fields, "method"), _text(fields, "path"), _typed_query(fields), headers, _body(fields)
    )
    _, signed_headers = huawei.canonical_headers(headers)
    string_to_sign = huawei.string_to_sign(huawei.signing_date(headers), canonical_request)
    signature = huawei.signature(secret, string_to_sign)
    return {
        "canonical_request": canonical_request,
        "string_to_sign": string_to_sign,
        "signature": signature,
        "authorization": huawei.authorization(access_key_id, signed_headers, signature),
    }


_ALGORITHMS: dict[str, Callable[[Input], Stages]] = {
    "rpc-hmac-sha1": _rpc,
    "acs3-hmac-sha256": _acs3,
    "sdk-hmac-sha256": _sdk,
}


def _text(fields: Input, key: str, default: str | None = None) -> str:
    value = fields.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"input.{key} is {'missing' if value is None else 'not a string'}")
    return value


def _body(fields: Input) -> bytes:
    try:
        return b64decode(_text(fields, "body_base64", ""), validate=True)
    except (Base64Error, ValueError) as error:
        raise ValueError("input.body_base64 is not base64") from error


def _pairs(fields: Input, key: str, *, required: bool = False) -> Sequence[tuple[str, Any]]:
    """The pairs under `key` whose value is not null."""
    pairs = fields.get(key)
    if pairs is None and not required:
        return []
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs
    ):
        raise ValueError(f"input.{key} is not a list of [name, value] pairs")
    return [(name, value) for name, value in pairs if value is not None]


def _unique(fields: Input, key: str, *, required: bool = False) -> dict[str, str]:
    """The pairs of an Alibaba API, whose SDKs hold them in a dictionary."""
    pairs = _pairs(fields, key, required=required)
    unique = {name: _string(value, key) for name, value in pairs}
    if len(unique) < len(pairs):
        raise ValueError(f"input.{key} has a name twice")
    return unique


def _typed_query(fields: Input) -> list[tuple[str, huawei.QueryValue]]:
    """Huawei's SDK sorts and writes values by their types, which are therefore kept."""
    pairs = _pairs(fields, "query")
    for _, value in pairs:
        for each in value if isinstance(value, list) else [value]:
            _string(each, "query")
    return list(pairs)


def _string(value: object, key: str) -> str:
    """A scalar as Python writes it, which is what the vendors' SDKs sign: 50, 1.5, True."""
    if not isinstance(value, str | int | float):
        raise ValueError(f"input.{key} has a value that is not a string, number or boolean")
    return str(value)
