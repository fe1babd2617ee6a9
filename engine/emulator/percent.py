"""Percent-encoding as both vendors define it: all but A-Z a-z 0-9 - _ . ~ is encoded, in upper case."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, unquote, unquote_plus


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    return quote(text, safe="~")


def encode(text: str) -> str:
    # Most values are plain; letting only the others into the cache keeps it useful.
    return text if text.isascii() and text.isalnum() else _quoted(text)


def encode_again(encoded: str) -> str:
    """`encode` of text that was encoded before and joined with & and =, only faster."""
    return encoded.replace("%", "%25").replace("&", "%26").replace("=", "%3D")


def pairs(query: str, *, plus_is_space: bool) -> list[tuple[str, str]]:
    """The decoded parameters of a query or a form, in their order. What is no UTF-8 becomes U+FFFD."""
    decode = unquote_plus if plus_is_space else unquote
    found = []
    for part in query.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if "%" in part or "+" in part:
            name, value = decode(name), decode(value)
        found.append((name, value))
    return found


def canonical(parameters: list[tuple[str, str]]) -> str:
    """Sorted by name, then by value, before encoding."""
    return "&".join([f"{encode(name)}={encode(value)}" for name, value in sorted(parameters)])
