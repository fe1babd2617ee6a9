"""Nothing that is shown holds a secret: what a cloud, or a stranger in between, repeats of a request is masked."""

from __future__ import annotations

import re
from base64 import b64encode
from urllib.parse import quote

from engine.errors import CallError
from engine.model import AuthToken, Reply
from signers import Credentials

MASK = "***"
SHORTEST = 4  # shorter ones would mask ordinary words


def mask(text: str, credentials: Credentials | AuthToken) -> str:
    """The text without the credentials, however a request spells them."""
    if isinstance(credentials, AuthToken):
        values = [credentials.value]
    else:
        token = credentials.security_token or ""
        values = [credentials.access_key_id, credentials.secret, token]
    spelt = {spelling for value in values if len(value) >= SHORTEST for spelling in _spellings(value)}
    pattern = "|".join(re.escape(spelling) for spelling in sorted(spelt, key=len, reverse=True))
    return re.sub(pattern, MASK, text) if pattern else text


def mask_error(error: CallError, credentials: Credentials | AuthToken) -> None:
    """Take the credentials out of an error."""
    error.message = mask(error.message, credentials)
    error.code = mask(error.code, credentials)
    error.request_id = mask(error.request_id, credentials)
    error.args = (error.message,)


def masked(reply: Reply, credentials: Credentials | AuthToken) -> Reply:
    """The reply without the credentials, as far as they stand there as they are: before an excerpt cuts them in two."""
    body = mask(reply.body.decode("latin-1"), credentials).encode("latin-1")
    headers = {name: mask(value, credentials) for name, value in reply.headers.items()}
    return Reply(reply.status, headers, body)


def _spellings(value: str) -> set[str]:
    """As it is, URL-encoded as queries are, and what is signed of them, and what quotes that; and in Base64."""
    once = quote(value, safe="~")
    twice = quote(once, safe="~")
    return {value, quote(value), once, twice, quote(twice, safe="~"), b64encode(value.encode()).decode()}
