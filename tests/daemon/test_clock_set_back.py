"""Work while the machine's clock is set back."""

from __future__ import annotations

import asyncio
import time

import pytest

from engine.daemon.health import warnings
from engine.daemon.monitor import Monitor
from engine.daemon.status import status
from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve
from tests.daemon.test_renewal import left_alone, running, take, until

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


async def test_what_is_left_alone_is_still_said_to_be_tried_again(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.set(gateways=["gw-other"])
    shares = serve.route("shares"), serve.trigger("gw-late")
    async with running(serve, monkeypatch, *shares, renew_s=60.0) as daemon, asyncio.timeout(20):
        wall = time.time
        monkeypatch.setattr("time.time", lambda: wall() - BACK_S)
        await take(daemon, "d/1")
        await until(lambda: left_alone(daemon) == ["gw-late"])
        seen = Monitor(daemon).observe()
        assert any("and is tried again in" in each for each in warnings(seen))
        (closed,) = status(seen)["closed_targets"]
        assert 50.0 < closed["again_in_s"] <= 60.0
