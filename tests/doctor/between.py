"""A server between syncmux and the emulator: it passes calls on, but for what it is told to answer itself."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TypeAlias
from urllib.parse import urlsplit

from tests.serving import Forgiving, Quiet, served

Refusal: TypeAlias = tuple[int, bytes]  # status, JSON


@dataclass(slots=True)
class Between:
    url: str = ""
    seen: list[str] = field(default_factory=list)  # operations, or methods and paths
    refusals: dict[str, Refusal] = field(default_factory=dict)
    answer: Callable[[str, Mapping[str, str]], Refusal | None] = lambda operation, headers: None


@contextmanager
def between(emulator: str, tls: ssl.SSLContext | None = None) -> Iterator[Between]:
    known = Between()
    behind = urlsplit(emulator).netloc

    class Handler(Quiet):
        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            operation = self.headers.get("x-acs-action") or f"{self.command} {urlsplit(self.path).path}"
            known.seen.append(operation)
            refusal = known.refusals.get(operation) or known.answer(operation, dict(self.headers.items()))
            if refusal:
                self._say(refusal[0], {"content-type": "application/json"}, refusal[1])
                return
            connection = HTTPConnection(behind, timeout=10)
            try:
                connection.request(self.command, self.path, body, dict(self.headers.items()))
                reply = connection.getresponse()
                kept = {
                    name: value for name, value in reply.getheaders() if name.lower().startswith(("content-t", "x-"))
                }
                self._say(reply.status, kept, reply.read())
            finally:
                connection.close()

        def _say(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = do_PUT = _take  # noqa: N815 - the names that http.server looks for

    with served(Handler, Forgiving, tls) as known.url:  # a client that trusts nobody hangs up
        yield known
