"""What requests are called, and those that were turned away, in the log."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from itertools import count

from engine.daemon.http_head import Head, Response
from engine.daemon.log import Log

HEADER = "X-Request-Id"
MOST_PER_S = 20  # lines; whoever sends nonsense all day must not fill the disk

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch
_OURS = map(f"{secrets.token_hex(4)}-{{:x}}".format, count(1))


def request_id(head: Head | None) -> str:
    """What the client calls its request, if it does, so that both logs can be laid side by side; else a new id."""
    given = head.headers.get("x-request-id", "") if head else ""
    return given if _GIVEN(given) else next(_OURS)


class RequestLog:
    """Tells of requests that were not taken. Neither queries nor headers are told: they may hold tokens."""

    def __init__(self, log: Log, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._second = 0
        self._told = 0
        self._left_out = 0

    def refused(self, name: str, path: str, response: Response, address: str) -> None:
        """`path` is that of an endpoint, or ""."""
        second = int(self._clock())
        if second != self._second:
            if self._left_out:
                self._log.event("more_refused", requests=self._left_out)
            self._second, self._told, self._left_out = second, 0, 0
        if self._told >= MOST_PER_S:
            self._left_out += 1
            return
        self._told += 1
        why = response.body.decode("utf-8", "replace").strip() if len(response.body) < 1000 else ""
        self._log.event("refused", request=name, path=path, status=response.status, address=address, answer=why)
