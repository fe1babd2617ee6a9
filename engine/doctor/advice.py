"""What to tell about an error: what it is, and what to do about it."""

from __future__ import annotations

from typing import Any

from engine.errors import (
    CallError,
    ConfigError,
    CredentialsError,
    ExpiredCredentialsError,
    ProtocolError,
    QuotaError,
    StaleSignatureError,
    SyncmuxError,
    ThrottledError,
    TransportError,
    UnauthorizedError,
    UnavailableError,
)

# The first class that fits decides, so the narrower classes come first.
_ADVICE: tuple[tuple[type[SyncmuxError], str], ...] = (
    (CredentialsError, "give the account credentials that can be used: docs/settings.md says where they may come from"),
    (ConfigError, "correct that setting: docs/settings.md has them all"),
    (StaleSignatureError, "set this machine's clock"),
    (ExpiredCredentialsError, "get new temporary credentials: these have ended"),
    (
        UnauthorizedError,
        "check that key and secret belong together, are active, and are of this cloud's site; trying the same again"
        " may lock the key",
    ),
    (ThrottledError, "wait, or lower --rate elsewhere: others use up the account's quota of calls"),
    (QuotaError, "have the quota raised, or wait until it is restored"),
    (UnavailableError, "try again later; the vendor's status page may know more"),
    (ProtocolError, "find out what answers in the cloud's place: a proxy, a sign-in page, a wrong endpoint"),
    (
        TransportError,
        "look for a firewall or a wrong endpoint: connections go straight to the host, proxies are not used",
    ),
    (CallError, "look the code up in the vendor's documents"),
)


def advice(error: SyncmuxError) -> str:
    """What to do about it."""
    return next((text for kind, text in _ADVICE if isinstance(error, kind)), "see docs/doctor.md")


def said(error: SyncmuxError) -> str:
    """What the cloud, or whoever else, said."""
    if not isinstance(error, CallError):
        return str(error)
    known = ", ".join(part for part in (error.code, f"HTTP {error.status}" if error.status else "") if part)
    return f"{error.message} ({known})" if known else error.message


def facts(error: SyncmuxError) -> dict[str, Any]:
    """The same for programs, and for the vendor's support."""
    if not isinstance(error, CallError):
        return {}
    known = {"code": error.code, "http_status": error.status, "request_id": error.request_id}
    return {name: value for name, value in known.items() if value}
