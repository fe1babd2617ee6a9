"""Work on a disk that was full for a while."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence

import orjson
import pytest

from engine.backlog import Asked
from engine.backlog.inbox_tables import Move
from engine.daemon.daemon import Daemon
from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve
from tests.daemon.test_inbox import fill
from tests.daemon.test_renewal import running, take, until


def events(daemon: Daemon) -> list[str]:
    assert isinstance(daemon.log._stream, io.StringIO)
    return [orjson.loads(line)["event"] for line in daemon.log._stream.getvalue().splitlines()]


async def test_work_goes_on_as_soon_as_there_is_space_again(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(serve, monkeypatch, linger_s=60.0) as daemon:
        monkeypatch.setattr("engine.daemon.daemon.RENEW_S", 3600.0)
        backlog, move = daemon.engine.backlog, daemon.inbox.move

        async def move_much(moves: Sequence[Move]) -> Asked:
            await backlog.remember("much", "." * 1_000_000)
            return await move(moves)

        monkeypatch.setattr(daemon.inbox, "move", move_much)
        await take(daemon, "first")
        await fill(backlog, 0)
        daemon.mover.linger_s = 0.0
        daemon.inbox.changed.set()
        async with asyncio.timeout(20):
            await until(lambda: "no_space" in events(daemon))
            await fill(backlog, 10_000)
            await until(lambda: cloud.keys.keys() == {"first"})
        assert "space_again" in events(daemon)
