"""Which texts of a document are secrets, told by what they are called and by what they look like.

Of what somebody else has named, nothing is certain: rather one too many than one too few, but no ordinary word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_WITHIN = ("secret", "passw", "passphrase", "token", "credential", "signature", "authorization", "cookie")
_WHOLE = {"ak", "sk", "pw", "pwd", "pass", "pin", "cert", "pem"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NAME = re.compile(r"[A-Za-z][\w.-]{1,39}").fullmatch
_RUN = re.compile(r"[A-Za-z0-9]{20,}").search
_DENSE = re.compile(r"[!-~]{16,}").fullmatch
_KINDS = (re.compile(r"[a-z]").search, re.compile(r"[A-Z]").search, re.compile(r"[0-9]").search)
_PEM = "-----BEGIN"


def suggests_a_secret(name: str) -> bool:
    """Whether what is called so may be a secret. The keys of objects are none."""
    words = [word.lower() for word in _WORD.findall(name)]
    whole = "".join(words)
    if any(part in whole for part in _WITHIN) or not _WHOLE.isdisjoint(words):
        return True
    return whole.endswith(("key", "keys", "keyid")) and "object" not in whole


def secret_texts(document: Any, *, called_so: bool = False) -> Iterator[str]:
    """The texts of a JSON document that are secrets. `called_so`: what it stands in has a name that suggests one."""
    if isinstance(document, str):
        if called_so or looks_random(document):
            yield document
    elif isinstance(document, list):
        for each in document:
            yield from secret_texts(each, called_so=called_so)
    elif isinstance(document, Mapping):
        # As in {"name": "password", "value": ...}: one member says what another is.
        said = [value for value in document.values() if _says_so(value)]
        for name, value in document.items():
            meant = bool(said) and isinstance(value, str) and value not in said
            yield from secret_texts(value, called_so=called_so or meant or suggests_a_secret(str(name)))


def _says_so(value: Any) -> bool:
    return isinstance(value, str) and bool(_NAME(value)) and suggests_a_secret(value) and not looks_random(value)


def looks_random(text: str) -> bool:
    """Whether it looks drawn by chance, as keys and tokens are, rather than written by a person."""
    lower, upper, digit = (bool(has(text)) for has in _KINDS)
    dense = lower and upper and digit and bool(_DENSE(text))
    return dense or (digit and (lower or upper) and bool(_RUN(text))) or _PEM in text
