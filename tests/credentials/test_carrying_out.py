"""Sources that do not answer are named."""

from __future__ import annotations

import asyncio
import time

import pytest

from engine.clouds.sources import Ask, Steps, unsigned
from engine.credentials.carrying_out import carry_out
from engine.errors import TransportError
from engine.model import Reply
from signers import SignedRequest


def asking(timeout_s: float) -> Steps:
    request = unsigned("GET", "http://me:marked@100.100.100.200/latest/api/token").request
    yield Ask(request, timeout_s)
    return None


async def hangs(request: SignedRequest) -> Reply:
    await asyncio.Event().wait()
    raise AssertionError(request)


async def breaks(request: SignedRequest) -> Reply:
    raise TransportError("the connection failed", sent=False)


async def test_a_host_that_hangs_is_named() -> None:
    with pytest.raises(TransportError, match=r"100\.100\.100\.200: no whole answer within 0\.01 s"):
        await carry_out(asking(0.01), hangs, {}, time.time)


async def test_a_host_that_cannot_be_reached_is_named() -> None:
    with pytest.raises(TransportError, match=r"100\.100\.100\.200: the connection failed") as failed:
        await carry_out(asking(1.0), breaks, {}, time.time)
    assert not failed.value.sent
    assert "marked" not in str(failed.value)
