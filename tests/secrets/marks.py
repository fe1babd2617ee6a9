"""Marks: secrets that are like no other text, and the search for whatever is left of them."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

CHUNK = 8  # so much of a mark, wherever it was cut, is found
LENGTH = 3 * CHUNK
TAIL = "/+=~&"  # what URLs, JSON, shells and Base64 treat in their own ways
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Mark:
    """The value of one field. `secret` is False for the ids of keys, which are not worth nothing, but less."""

    field: str
    secret: bool = True

    @cached_property
    def core(self) -> str:
        number = int.from_bytes(blake2b(self.field.encode(), digest_size=24).digest())
        return "".join(_DIGITS[number // 62**place % 62] for place in range(LENGTH))

    @property
    def value(self) -> str:
        return self.core + TAIL if self.secret else self.core

    @cached_property
    def spellings(self) -> Mapping[str, frozenset[bytes]]:
        """What to look for, by how it is spelt. A URL-encoded mark holds its core as it is."""
        core = self.core.encode()
        parts = [core[place : place + CHUNK] for place in range(0, LENGTH, CHUNK)]
        percent = ["".join(f"%{byte:02x}" for byte in part) for part in parts]
        twice = [text.replace("%", "%25") for text in percent]
        hexes = [part.hex() for part in parts]
        return {
            "raw": frozenset(parts),
            "URL-encoded": frozenset(_cases(percent)),
            "URL-encoded twice": frozenset(_cases(twice)),
            "hex": frozenset(_cases(hexes)),
            **{f"Base64 at {shift}": frozenset(_base64(core, shift)) for shift in range(3)},
        }


def _cases(texts: Iterable[str]) -> Iterable[bytes]:
    for text in texts:
        yield from (text.lower().encode(), text.upper().encode())


def _base64(core: bytes, shift: int) -> Iterable[bytes]:
    """Of a text in which `shift` bytes of a group stand before the core: the characters that depend on nothing else."""
    encoded = b64encode(bytes(shift) + core).rstrip(b"=")
    first = (0, 2, 3)[shift]
    last = len(encoded) - (1 if (shift + len(core)) % 3 else 0)
    inner = encoded[first:last]
    for half in (inner[: len(inner) // 2], inner[len(inner) // 2 :]):
        yield from (half, half.translate(bytes.maketrans(b"+/", b"-_")))


class Keys(NamedTuple):
    """The three marks of a set of temporary keys."""

    key_id: Mark
    secret: Mark
    token: Mark


def _keys(source: str) -> Keys:
    return Keys(Mark(f"{source} key id", secret=False), Mark(f"{source} secret"), Mark(f"{source} STS token"))


ENVIRONMENT, FILE, COMMAND, METADATA, PROFILE, ROLE, SERVICE = map(
    _keys, ("environment", "file", "command", "metadata", "profile", "assumed role", "credentials URI")
)
PASSWORD = Mark("IAM password")
AUTH_TOKEN = Mark("X-Auth-Token")
METADATA_TOKEN = Mark("metadata token")
OIDC_TOKEN = Mark("OIDC token")
URI_TOKEN = Mark("token in the credentials URI")
SRC_AK, DST_AK = Mark("src_ak", secret=False), Mark("dst_ak", secret=False)
SRC_SK, DST_SK = Mark("src_sk"), Mark("dst_sk")
CDN_KEY = Mark("CDN authentication key")
BODY = Mark("body of a generic call")

BUCKET_KEYS = {"src_ak": SRC_AK, "src_sk": SRC_SK, "dst_ak": DST_AK, "dst_sk": DST_SK}
SETS = (ENVIRONMENT, FILE, COMMAND, METADATA, PROFILE, ROLE, SERVICE)
MARKS = (
    *(mark for keys in SETS for mark in keys),
    PASSWORD, AUTH_TOKEN, METADATA_TOKEN, OIDC_TOKEN, URI_TOKEN, *BUCKET_KEYS.values(), CDN_KEY, BODY,
)  # fmt: skip


class Hit(NamedTuple):
    mark: Mark
    spelling: str


def search(text: bytes, marks: Iterable[Mark] = MARKS) -> Counter[Hit]:
    """How often each mark, or a part of it, stands in the text."""
    found: Counter[Hit] = Counter()
    for mark in marks:
        for spelling, parts in mark.spellings.items():
            if times := max(text.count(part) for part in parts):
                found[Hit(mark, spelling)] = times
    return found
