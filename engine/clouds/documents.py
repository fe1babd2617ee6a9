"""Credentials as files, commands and services write them down. Parsing only; no message ever repeats a value."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from engine.errors import CredentialsError
from engine.model import Fetched
from signers import Credentials

# Key id, secret, token and end of life, as the vendors' services, tools and files call them.
SPELLINGS = (
    ("AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration"),
    ("access_key_id", "access_key_secret", "sts_token", "expiration"),
    ("access_key_id", "access_key_secret", "security_token", "expiration"),
    ("access_key_id", "secret_access_key", "security_token", "expiration"),
    ("access", "secret", "securitytoken", "expires_at"),
    ("ak", "sk", "security_token", "expires_at"),
)
WRAPPERS = ("Credentials", "credentials", "credential")  # an object that some services put around them


def json_document(body: bytes, where: str) -> dict[str, Any]:
    """A JSON object. `where` names it to people.

    Raises:
        CredentialsError: it is none. A file that is being written right now looks like that, too.
    """
    try:
        document = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise CredentialsError(f"{where} is not a JSON object")
    return document


_CODE = re.compile(r"[A-Z][A-Za-z]{1,39}(\.([A-Z][A-Za-z]{1,39}|[0-9]{4}))*").fullmatch  # as the vendors' are


def error_code(body: bytes) -> str:
    """The vendor's code in a refusal; "" if there is none that looks like one."""
    try:
        document = json_document(body, "")
    except CredentialsError:
        return ""
    nested = document.get("error")
    places = [document, nested] if isinstance(nested, dict) else [document]
    found = [place.get(name) for place in places for name in ("Code", "code", "error_code")]
    return next((code for code in found if isinstance(code, str) and _CODE(code)), "")


def ini_document(body: bytes, where: str) -> Mapping[str, Mapping[str, str]]:
    """The sections of an INI file.

    Raises:
        CredentialsError: it is none.
    """
    parser = configparser.RawConfigParser(inline_comment_prefixes=("#",), strict=False, default_section="\0")
    try:
        parser.read_string(body.decode("utf-8-sig"), where)
    except (configparser.Error, UnicodeDecodeError):  # their messages hold the line
        parser.clear()
    if not parser.sections():
        raise CredentialsError(f"{where} is not an INI file with sections")
    return {name: dict(parser[name]) for name in parser.sections()}


def key_set(document: Mapping[str, Any], where: str) -> Fetched:
    """The one set of keys in a document, in any spelling.

    Raises:
        CredentialsError: there is none, half of one, or a value that no key has.
    """
    for wrapper in WRAPPERS:
        if isinstance(document.get(wrapper), dict):
            document = document[wrapper]
    for names in sorted(SPELLINGS, key=lambda names: -sum(1 for name in names if document.get(name))):
        key_id, secret, token, ends = (document.get(name) for name in names)
        if key_id and secret:
            places = tuple(f"{name} in {where}" for name in names[:3])
            expires_at = instant(ends, f"{names[3]} in {where}") if ends else None
            return Fetched(checked((key_id, secret, token or None), places), where, expires_at)
        if key_id or secret:
            there, missing = names[:2] if key_id else (names[1], names[0])
            raise CredentialsError(f"{where} has {there} and no {missing}")
    raise CredentialsError(f"{where} holds no access key")


def checked(values: tuple[Any, Any, Any], names: tuple[str, ...]) -> Credentials:
    """Key id, secret and token, if they can stand in a header.

    Raises:
        CredentialsError: a value is not printable ASCII without spaces; `names` say which.
    """
    for name, value in zip(names, values, strict=True):
        if value is not None and not (isinstance(value, str) and value.isascii() and _solid(value)):
            raise CredentialsError(f"{name} holds a space, a line end or another character that no key has")
    return Credentials(*values)


def _solid(value: str) -> bool:
    return value.isprintable() and " " not in value


def instant(value: Any, where: str) -> float:
    """Seconds since the epoch, of a time in ISO 8601; it is UTC if it does not say otherwise.

    Raises:
        CredentialsError: it is no such time.
    """
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise CredentialsError(f"{where} is not a time such as 2026-01-31T12:00:00Z") from None
