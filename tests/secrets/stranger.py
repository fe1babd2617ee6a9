"""A server that hands out marked credentials, answers calls as its mood is, and remembers which marks it was sent."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

import orjson

from tests.secrets.marks import AUTH_TOKEN, MARKS, METADATA, METADATA_TOKEN, ROLE, SERVICE, Keys, Mark
from tests.serving import Forgiving, Quiet, served

ENDS = "2099-01-01T00:00:00Z"
PROJECT = "0123456789abcdef0123456789abcdef"
TASK = "d18befdd-eb82-41f3-8019-bbb593d74a3e"


class Seen(NamedTuple):
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    status: int
    kind: str
    body: bytes
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


def _json(document: object, **headers: str) -> Reply:
    return Reply(200, "application/json", orjson.dumps(document), headers)


def _key_set(keys: Keys) -> dict[str, str]:
    names = ("AccessKeyId", "AccessKeySecret", "SecurityToken")
    return dict(zip(names, (mark.value for mark in keys), strict=True)) | {"Expiration": ENDS, "Code": "Success"}


def everything(seen: Seen) -> str:
    """All that was sent: as it came, decoded, URL-encoded, twice so, in hex and in Base64 at every alignment."""
    sent = [*seen.headers.values(), seen.query, seen.body.decode("latin-1")]
    forms = [seen.query] if seen.body.startswith(b"{") else [seen.query, sent[-1]]
    sent += [value for form in forms for _, value in parse_qsl(form)]
    sent += re.findall(r"(?:Access|Credential)=([^,]+)", seen.headers.get("authorization", ""))
    spelt = [*sent, *(quote(text, safe="") for text in sent), *(quote(quote(text, safe=""), safe="") for text in sent)]
    spelt += [text.encode("latin-1", "replace").hex() for text in sent]
    spelt += [
        b64encode(b" " * shift + text.encode("latin-1", "replace")).decode() for text in sent for shift in (0, 1, 2)
    ]
    # What is shown of a message has an end: the secrets stand first, lest it hide them from the search.
    return " ".join(sorted(spelt, key=lambda text: not any(mark.core in text for mark in MARKS)))


@dataclass
class Stranger:
    """
    Attributes:
        mood: "fine", "echo" (a refusal that repeats everything), "page" (the same as a page with status 200), "cut" (it
            ends in the middle) or "stall" (there is no answer).
        status: of an echo.
        sources: the mood of the services that give credentials: "fine" or "echo".
        reads: whether lists are answered whatever the mood.
        turn: where an echo begins, so that each secret comes to stand where a message is cut.
    """

    url: str = ""
    mood: str = "fine"
    status: int = 400
    sources: str = "fine"
    reads: bool = False
    turn: int = 0
    sent: set[Mark] = field(default_factory=set)
    stalled: Event = field(default_factory=Event)
    ended: Event = field(default_factory=Event)

    def answer(self, seen: Seen) -> Reply:
        raw = "\n".join([seen.query, *seen.headers.values()]).encode("latin-1", "replace") + seen.body
        self.sent |= {mark for mark in MARKS if mark.core.encode() in raw}
        if source := self._source(seen):
            return source if self.sources == "fine" else self._echo(seen)
        if self.mood == "fine" or (self.reads and seen.method == "GET"):
            return self._fine(seen)
        if self.mood == "stall":
            self.stalled.set()
            self.ended.wait()
        if self.mood == "page":
            return Reply(200, "text/html", f"<html>{self._said(seen)}</html>".encode())
        return self._echo(seen)

    def _source(self, seen: Seen) -> Reply | None:
        asked = f"{seen.query}&{seen.body.decode('latin-1')}"
        match seen.method, seen.path:
            case "PUT", "/latest/api/token" | "/meta-data/latest/api/token":
                return Reply(200, "text/plain", METADATA_TOKEN.value.encode())
            case "GET", "/latest/meta-data/ram/security-credentials/":
                return Reply(200, "text/plain", b"a-role")
            case "GET", "/latest/meta-data/ram/security-credentials/a-role":
                return _json(_key_set(METADATA))
            case "GET", "/openstack/latest/securitykey":
                names = ("access", "secret", "securitytoken")
                given = dict(zip(names, (mark.value for mark in METADATA), strict=True))
                return _json({"credential": {**given, "expires_at": ENDS}})
            case "POST", "/v3/auth/tokens":
                token = {"expires_at": ENDS, "issued_at": ENDS, "project": {"id": PROJECT}}
                return _json({"token": token}, **{"X-Subject-Token": AUTH_TOKEN.value})
            case "GET", "/credentials":
                return _json(_key_set(SERVICE))
            case "POST", "/" if "Action=AssumeRole" in asked:
                return _json({"Credentials": _key_set(ROLE)})
        return None

    def _fine(self, seen: Seen) -> Reply:
        if seen.path.endswith("/events") or seen.path.endswith(("/start", "/stop")):
            return Reply(200, "application/json", b"")
        if seen.path == "/v3/projects":
            return _json({"projects": [{"id": PROJECT, "name": "cn-north-4", "enabled": True}]})
        if TASK in seen.path:
            return _json({"sync_task_id": TASK, "status": "SYNCHRONIZING" if self.mood == "stall" else "STOPPED"})
        return _json({"tasks": [], "count": 0, "sync_task_id": TASK})

    def _said(self, seen: Seen) -> str:
        self.turn = (self.turn + 37) % 211
        return "." * self.turn + everything(seen)

    def _echo(self, seen: Seen) -> Reply:
        said = self._said(seen)
        marked = (
            value for value in (*seen.headers.values(), *said.split()) if any(mark.core in value for mark in MARKS)
        )
        first = next(marked, "")  # whole: nobody can know a piece of a secret again
        code = first if self.turn % 2 else "SignatureDoesNotMatch"
        names = {"Code": code, "Message": said, "RequestId": first, "error_code": code, "error_msg": said}
        return Reply(self.status, "application/json", orjson.dumps(names), {"x-request-id": first})


@contextmanager
def stranger() -> Iterator[Stranger]:
    """A stranger, listening on loopback."""
    known = Stranger()

    class Handler(Quiet):
        def _take(self) -> None:
            target = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = known.answer(Seen(self.command, target.path, target.query, headers, body))
            cut = known.mood == "cut" and reply.status >= 400
            self.send_response(reply.status)
            self.send_header("content-type", reply.kind)
            self.send_header("content-length", str(len(reply.body) + (9 if cut else 0)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_DELETE = do_PUT = _take  # noqa: N815 - the names that http.server looks for

    with served(Handler, Forgiving) as known.url:
        try:
            yield known
        finally:
            known.ended.set()
