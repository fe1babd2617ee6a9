"""Work while the machine's clock is set back."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve
from tests.daemon.test_renewal import running, take, until

BACK_S = 300.0  # for which the clouds still take signatures


async def test_what_comes_after_it_is_done_at_once(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(serve, monkeypatch) as daemon, asyncio.timeout(20):
        await take(daemon, "before")
        await until(lambda: cloud.keys.keys() == {"before"})
        wall = time.time
        monkeypatch.setattr("time.time", lambda: wall() - BACK_S)
        await take(daemon, "after")
        await until(lambda: cloud.keys.keys() == {"before", "after"})
