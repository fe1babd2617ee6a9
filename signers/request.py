"""What goes into a signer and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """An access key; with `security_token`, a temporary one. ValueError if the id or the secret is empty."""

    access_key_id: str
    secret: str
    security_token: str | None = None

    def __post_init__(self) -> None:
        if not self.access_key_id or not self.secret:
            raise ValueError("credentials need an access key id and a secret")

    def __repr__(self) -> str:
        # The beginning tells keys apart; the whole id is half of what a thief needs.
        beginning = self.access_key_id[:4] if len(self.access_key_id) > 8 else ""
        return f"<Credentials {beginning}...>"


@dataclass(slots=True, repr=False)
class SignedRequest:
    """A request to be sent exactly as it is: any other byte breaks the signature. It is for one attempt.

    `url` is percent-encoded already. `headers` have lower-case names and hold all that was signed, `host`
    too; a transport may add others.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        # Headers, body and query carry the signature and the security token: never into a log.
        return f"<SignedRequest {self.method} {self.url.partition('?')[0]} body_bytes={len(self.body)}>"


def split_endpoint(endpoint: str) -> tuple[str, str]:
    """("https://host[:port]", "host[:port]") of an endpoint; ValueError if it holds anything more or less."""
    parts = urlsplit(endpoint)
    origin = f"{parts.scheme}://{parts.netloc}"
    _ = parts.port  # raises if it is no number
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("an endpoint is http(s)://host[:port], without user information")
    if endpoint.rstrip("/") != origin:
        raise ValueError(f"an endpoint has no path or query: {origin}")
    return origin, parts.netloc
