"""What one account waits for is no matter of the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from engine import Account, Engine, Options, Push, Trigger
from engine.model import Fetched, Send
from tests.engine.conftest import Clouds

SOON_S = 3.0  # where an account that waits for its answer waits for minutes


@asynccontextmanager
async def silence() -> AsyncIterator[str]:
    """An address where connections are accepted and nothing is ever answered."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def first_end_s(silent: Account, clouds: Clouds) -> float:
    """How long a directory of the other account takes, from before the engine is opened."""
    rows = [Push("k", "t", "buckets"), Trigger("gw-1", "NFSx", "/a", "gateways")]
    began = time.monotonic()
    async with Engine([silent, clouds.gateways], ":memory:", options=Options(wait=False)) as engine:
        async for outcome in engine.run(rows):
            assert outcome.state == "accepted"
            took_s = time.monotonic() - began
            engine.drain()
        assert [count.jobs for states in (await engine.backlog.tally()).values() for count in states.values()] == [1, 1]
    return took_s


async def test_an_account_whose_project_is_not_told_keeps_no_other_waiting(clouds: Clouds) -> None:
    async with silence() as nowhere:
        silent = replace(clouds.buckets, endpoints={**clouds.buckets.endpoints, "iam": nowhere})
        assert await first_end_s(silent, clouds) < SOON_S


async def test_an_account_whose_credentials_do_not_come_keeps_no_other_waiting(clouds: Clouds) -> None:
    async def never(send: Send) -> Fetched:
        await asyncio.Event().wait()
        raise AssertionError

    assert await first_end_s(replace(clouds.buckets, credentials=never), clouds) < SOON_S
