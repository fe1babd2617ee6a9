"""Who may look at the daemon, and who may do something to it.

- anybody who can connect: whether it lives and is ready, without details
- `read_tokens`: status, metrics, reasons. Without any, this machine's own users, if nobody else can connect.
- `operate_tokens`: all of that, and lanes are paused and resumed. Nothing changes without a token, or any page that a
  browser on this machine shows could do it.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from engine.daemon.access import bearer
from engine.daemon.http_head import Head, Response, refusal
from engine.daemon.settings import ServeSettings

_CHALLENGE = ("WWW-Authenticate", "Bearer")


class Guard:
    """Each of its methods returns None, or the answer that turns a request away."""

    def __init__(self, settings: Callable[[], ServeSettings]) -> None:
        """`settings` gives those that are in force now."""
        self._settings = settings

    def anybody(self, head: Head) -> Response | None:
        return None

    def read(self, head: Head) -> Response | None:
        serve, token = self._settings(), bearer(head.headers)
        known = [tokens.match(token) for tokens in (serve.read_tokens, serve.operate_tokens)]
        if any(known):
            return None
        if not serve.read_tokens and serve.bind.local and (serve.bind.path or _addressed_here(head)):
            return None
        return refusal(401, "this needs one of read_tokens or operate_tokens", _CHALLENGE)

    def operate(self, head: Head) -> Response | None:
        if self._settings().operate_tokens.match(bearer(head.headers)):
            return None
        return refusal(401, "this needs one of operate_tokens", _CHALLENGE)


def _addressed_here(head: Head) -> bool:
    """Whether the client meant this machine. A foreign page in a browser here can have its own name lead here, and
    then read what is answered; the name that it asked for gives it away."""
    host = head.headers.get("host", "").lower()
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    try:
        return name == "localhost" or ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
