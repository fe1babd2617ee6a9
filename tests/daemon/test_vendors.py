"""What is fetched because a stranger's message says so: from the address that it names, and from no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.daemon.vendors import Vendors
from engine.errors import CallError, UnavailableError
from engine.notifications import NotificationError
from engine.transport import Transport
from tests.notifications.signing import SIGNER


@asynccontextmanager
async def vendor(*answers: bytes) -> AsyncIterator[tuple[Vendors, str, list[str]]]:
    """It answers one request after the other, and tells which paths were asked for."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split()[1])
        writer.write(answers[min(len(asked), len(answers)) - 1])
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Transport() as transport:
        yield Vendors(transport), f"http://127.0.0.1:{port}", asked


def http(status: str, body: bytes = b"", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_nobody_leads_it_elsewhere(status: str) -> None:
    """The vendor's own host might be led astray; what it names could be inside."""
    elsewhere = http(status, headers="Location: /inside\r\n")
    async with vendor(elsewhere, http("200 OK", SIGNER.pem)) as (vendors, url, asked):
        with pytest.raises(UnavailableError):
            await vendors.key(f"{url}/cert.pem")
    async with vendor(elsewhere, http("200 OK")) as (vendors, url, confirmed):
        with pytest.raises(UnavailableError):
            await vendors.confirm(f"{url}/confirm?token=1")
    assert (asked, confirmed) == (["/cert.pem"], ["/confirm?token=1"])


async def test_a_certificate_is_kept_once_it_was_one() -> None:
    answers = [http("404 Not Found", SIGNER.pem), http("200 OK", b"<html>"), http("200 OK", SIGNER.pem)]
    async with vendor(*answers) as (vendors, url, asked):
        with pytest.raises(UnavailableError):
            await vendors.key(f"{url}/cert.pem")
        with pytest.raises(NotificationError):
            await vendors.key(f"{url}/cert.pem")
        for _ in range(2):
            assert (await vendors.key(f"{url}/cert.pem")).modulus == SIGNER.modulus
        assert len(asked) == 3


async def test_an_answer_that_has_no_end_is_cut_off() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n" + b"x" * (2 << 20)
    async with vendor(endless) as (vendors, url, _):
        with pytest.raises(CallError, match="larger than"):
            await vendors.key(f"{url}/cert.pem")
