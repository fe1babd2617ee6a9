"""Nothing that is shown holds a secret: what a cloud, or a stranger in between, repeats of a request is masked."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Collection, Iterator
from functools import lru_cache
from urllib.parse import quote

from engine.errors import CallError
from engine.model import AuthToken, Reply
from signers import Credentials

MASK = "***"
SHORTEST = 4  # shorter ones would mask ordinary words


def mask(text: str, credentials: Credentials | AuthToken, more: Collection[str] = ()) -> str:
    """The text without the credentials, and without `more` that is secret, however a request spells them."""
    if isinstance(credentials, AuthToken):
        values = [credentials.value, *more]
    else:
        values = [credentials.access_key_id, credentials.secret, credentials.security_token or "", *more]
    for value in sorted(values, key=len, reverse=True):
        for spelling in _spellings(value) if len(value) >= SHORTEST else ():
            if spelling in text:
                text = text.replace(spelling, MASK)
    return text


def mask_error(error: CallError, credentials: Credentials | AuthToken, more: Collection[str] = ()) -> None:
    """Take the credentials, and `more` that is secret, out of an error."""
    error.message = mask(error.message, credentials, more)
    error.code = mask(error.code, credentials, more)
    error.request_id = mask(error.request_id, credentials, more)
    error.args = (error.message,)


def masked(reply: Reply, credentials: Credentials | AuthToken, more: Collection[str] = ()) -> Reply:
    """The reply without the credentials, as far as they stand there as they are: before an excerpt cuts them in two.

    It is the same one if they do not.
    """
    body = mask(reply.body.decode("latin-1"), credentials, more).encode("latin-1")
    headers = {name.lower(): mask(value, credentials, more) for name, value in reply.headers.items()}
    same = body == reply.body and list(headers.values()) == list(reply.headers.values())
    return reply if same else Reply(reply.status, headers, body)


@lru_cache(maxsize=64)
def _spellings(value: str) -> tuple[str, ...]:
    """As it is, URL-encoded as queries are, and what is signed of them, and what quotes that; in hex and Base64 too.
    The longest comes first: it may hold others."""
    once = quote(value, safe="~")
    twice = quote(once, safe="~")
    texts = {value, quote(value), once, twice, quote(twice, safe="~")}
    encoded = [text.encode() for text in texts]
    hexes = [text.hex() for text in encoded]
    found = {*texts, *hexes, *map(str.upper, hexes), *(spelt for text in encoded for spelt in _base64(text))}
    return tuple(sorted(found, key=len, reverse=True))


def _base64(value: bytes) -> Iterator[str]:
    """The characters that stand for nothing but the value, wherever in an encoded text it begins."""
    yield b64encode(value).decode()
    for shift, skipped in enumerate((0, 2, 3)):
        inner = slice(skipped, (shift + len(value)) * 4 // 3)
        yield b64encode(bytes(shift) + value)[inner].decode()
        yield urlsafe_b64encode(bytes(shift) + value)[inner].decode()
