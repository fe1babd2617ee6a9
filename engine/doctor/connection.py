"""The way to one base URL: its name, its certificate, and the clock at its end."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from engine.clouds.examination import Finding, Status
from engine.doctor.advice import advice
from engine.errors import CallError, TransportError
from engine.model import Reply
from engine.server_clock import MOST_S
from engine.transport import Transport
from signers import SignedRequest

DAY_S = 86_400.0
FEW_DAYS = 7.0  # that a certificate is good for
NOTABLE_SKEW_S = 60.0
REFUSED_SKEW_S = 900.0  # both clouds refuse signatures that are further off


class Connection:
    """Looked at from the name to the clock; what fails ends it. Nothing that is sent is signed."""

    def __init__(self, transport: Transport, url: str, deadline_s: float, clock: Callable[[], float]) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.findings: list[Finding] = []
        self.offset_s = 0.0  # how far the other clock is ahead of ours
        self._url = url
        self._secure = parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._transport = transport
        self._deadline_s = deadline_s
        self._clock = clock
        self._addresses: list[str] = []

    @property
    def usable(self) -> bool:
        return not any(finding.error for finding in self.findings)

    async def look(self) -> None:
        for name, check in (("dns", self._dns), ("tls", self._tls), ("clock", self._date)):
            try:
                async with asyncio.timeout(self._deadline_s):
                    finding = await check()
            except TimeoutError:
                finding = self._failure(name, f"no answer within {self._deadline_s:g} s")
            self.findings.append(finding)
            if not self.usable:
                return

    async def _dns(self) -> Finding:
        try:
            self._addresses = await _addresses(self.host, self._port)
        except OSError as error:
            why = f"the name cannot be resolved: {error.strerror or error}"
            return self._failure("dns", why, "check the region or the endpoint, and this machine's name servers")
        return Finding("dns", Status.OK, ", ".join(self._addresses), subject=self.host)

    async def _tls(self) -> Finding:
        if not self._secure:
            seen = "plain http, to this machine alone: nothing is encrypted, nothing is verified"
            return Finding("tls", Status.SKIPPED, seen, subject=self.host)
        context = ssl.create_default_context()
        trouble = ""
        for address in self._addresses:
            try:
                async with asyncio.timeout(self._deadline_s / len(self._addresses)):
                    _, writer = await asyncio.open_connection(
                        address, self._port, ssl=context, server_hostname=self.host
                    )
            except ssl.SSLCertVerificationError as error:
                why = f"the certificate is not accepted: {error.verify_message}"
                return self._failure("tls", why, _DISTRUST)
            except ssl.SSLError as error:
                trouble = f"TLS cannot be set up: {error.reason or 'the connection was closed'}"
            except TimeoutError:
                trouble = "no answer to a connection"
            except OSError as error:
                trouble = f"cannot connect to port {self._port}: {error.strerror or error}"
            else:
                found = self._certificate(writer)
                writer.transport.abort()
                return found
        return self._failure("tls", trouble)

    def _certificate(self, writer: asyncio.StreamWriter) -> Finding:
        ends_at = ssl.cert_time_to_seconds(writer.get_extra_info("peercert")["notAfter"])
        days = (ends_at - self._clock()) / DAY_S
        version = writer.get_extra_info("ssl_object").version()
        seen = f"the certificate is verified and good for {days:,.0f} days, {version}"
        facts = {"days_left": round(days, 1), "version": version}
        if days >= FEW_DAYS:
            return Finding("tls", Status.OK, seen, subject=self.host, facts=facts)
        what = "whoever runs the endpoint has to renew the certificate; calls fail when it has ended"
        return Finding("tls", Status.WARN, seen, what, self.host, facts)

    async def _date(self) -> Finding:
        asked_at = self._clock()
        try:
            reply = await self._transport.send(SignedRequest("GET", f"{self._url}/", {}, b""))
        except CallError as error:
            return self._failure("clock", error.message)
        date = _date(reply)
        if date is None:
            what = "find out what answers in the cloud's place: a cloud tells the time"
            return Finding("clock", Status.WARN, "the answer tells no time", what, self.host)
        self.offset_s = date - (asked_at + self._clock()) / 2
        return self._skew()

    def _skew(self) -> Finding:
        skew_s, facts = abs(self.offset_s), {"offset_s": round(self.offset_s, 1)}
        seen = f"the cloud's is {self.offset_s:+,.0f} s off ours" if skew_s >= 1 else "the cloud's agrees with ours"
        if skew_s <= NOTABLE_SKEW_S:
            return Finding("clock", Status.OK, seen, "", self.host, facts)
        if skew_s > MOST_S:
            seen += ", too far to be believed: signatures are refused"
            return Finding("clock", Status.FAIL, seen, "set this machine's clock", self.host, facts)
        if skew_s > REFUSED_SKEW_S:
            seen += "; once refused, signatures carry the cloud's time"
        return Finding("clock", Status.WARN, seen, "set this machine's clock", self.host, facts)

    def _failure(self, check: str, seen: str, what: str = "") -> Finding:
        error = TransportError(seen, sent=False)
        return Finding(check, Status.FAIL, seen, what or advice(error), self.host, error=error)


_DISTRUST = (
    "find out who opens connections on the way, such as an inspecting proxy; a private authority is trusted with"
    " SSL_CERT_FILE. Verification cannot be switched off"
)


def _date(reply: Reply) -> float | None:
    """The middle of the second that the answer names."""
    try:
        return parsedate_to_datetime(reply.headers.get("date", "")).timestamp() + 0.5
    except (TypeError, ValueError):
        return None


async def _addresses(host: str, port: int) -> list[str]:
    """What a name stands for. Raises `OSError`.

    In a thread that nobody waits for: the system's resolver cannot be interrupted, and a thread of the loop's own would
    hold up the end of the process.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def settle(answer: list[str] | OSError) -> None:
        if found.done():
            return
        if isinstance(answer, OSError):
            found.set_exception(answer)
        else:
            found.set_result(answer)

    def resolve() -> None:
        answer: list[str] | OSError
        try:
            known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer = list(dict.fromkeys(str(info[4][0]) for info in known))
        except OSError as error:
            answer = error
        except UnicodeError:  # such as a label of more than 63 characters
            answer = OSError("it is no host name")
        with suppress(RuntimeError):  # the loop is closed by now
            loop.call_soon_threadsafe(settle, answer)

    threading.Thread(target=resolve, name="syncmux dns", daemon=True).start()
    return await found
