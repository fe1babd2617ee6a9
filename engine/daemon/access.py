"""Bearer tokens. Only their SHA-256 is known here: whoever reads the configuration cannot use it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from hmac import compare_digest

from engine.errors import ConfigError

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})").fullmatch


class Tokens:
    """Any number of tokens that are good at the same time, so that one can take the place of another."""

    def __init__(self, digests: Sequence[str], setting: str = "tokens") -> None:
        """
        Raises:
            ConfigError: one is not `sha256:` and 64 hexadecimal digits.
        """
        found = [_DIGEST(digest) for digest in digests]
        if not all(found):  # what stands there may be the token itself: it is not repeated
            raise ConfigError(f"{setting} must be sha256:HEX each, as `printf %s TOKEN | sha256sum` gives it")
        self._digests = [bytes.fromhex(match[1]) for match in found if match]

    def __len__(self) -> int:
        return len(self._digests)

    def match(self, token: str) -> bool:
        """Whether it is one of them. All are compared, so that the time it takes tells nothing."""
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        return sum([compare_digest(digest, known) for known in self._digests]) > 0


def bearer(headers: Mapping[str, str]) -> str:
    """The token of an authorization header; "" if it holds none. Schemes have no case (RFC 9110, 11.1)."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""
