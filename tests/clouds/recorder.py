"""A server on loopback that writes down what it is asked, and answers what a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

from tests.serving import Quiet, served


@dataclass(frozen=True, slots=True)
class Seen:
    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes


Answer: TypeAlias = Callable[[Seen], tuple[int, str, bytes]]  # status, content type, body


@dataclass(slots=True)
class Recorder:
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    answer: Answer = lambda seen: (200, "application/json", b'{"Success":true,"Code":"200"}')


@contextmanager
def recording() -> Iterator[Recorder]:
    recorder = Recorder()

    class Handler(Quiet):
        def _take(self) -> None:
            target = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            params = dict(parse_qsl(target.query, keep_blank_values=True))
            seen = Seen(self.command, target.path, params, headers, body)
            recorder.seen.append(seen)
            status, kind, answer = recorder.answer(seen)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_DELETE = do_PUT = _take  # noqa: N815 - the names that http.server looks for

    with served(Handler) as recorder.url:
        yield recorder
