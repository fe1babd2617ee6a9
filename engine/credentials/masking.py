"""Nothing that is shown holds a secret: what a cloud, or a stranger in between, repeats of a request is masked."""

from __future__ import annotations

import re
from base64 import b64encode
from urllib.parse import quote

from engine.model import AuthToken
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


def _spellings(value: str) -> set[str]:
    """As it is, URL-encoded as queries are and as some signatures do once more, and in Base64."""
    once = quote(value, safe="~")
    return {value, quote(value), once, quote(once, safe="~"), b64encode(value.encode()).decode()}
