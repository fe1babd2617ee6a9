"""The backlog's file is deleted or replaced under a daemon: nothing is acknowledged that would be lost with it."""

from __future__ import annotations

import asyncio

import pytest

from engine.daemon import monitor
from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve, event
from tests.daemon.test_full_disk import events
from tests.daemon.test_operations import ask
from tests.daemon.test_renewal import running, take, until


@pytest.mark.parametrize("names", [["backlog.db"], ["backlog.db-wal"], ["backlog.db", "backlog.db-wal"]])
@pytest.mark.parametrize("replaced", [False, True])
async def test_work_goes_on_and_nothing_is_taken_in_until_it_is_back(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch, names: list[str], replaced: bool
) -> None:
    monkeypatch.setattr(monitor, "LOOK_EVERY_S", 0.02)
    files, away = [serve.directory / name for name in names], serve.directory / "away"
    away.mkdir()
    async with running(serve, monkeypatch, linger_s=60.0) as daemon, asyncio.timeout(20):
        serve.port = daemon.server.bind.port
        await take(daemon, "first")
        for file in files:
            file.rename(away / file.name)
            if replaced:
                file.touch()
        await until(lambda: "backlog_gone" in events(daemon))
        refused = await asyncio.to_thread(serve.post, event("second"))
        assert (refused.status, refused.headers["retry-after"]) == (503, "10")
        ready = await asyncio.to_thread(ask, serve, "/readyz")
        assert ready.status == 503
        assert f"{files[0]}, which holds the backlog, was deleted or replaced" in ready.json["obstacles"][0]
        daemon.mover.linger_s = 0.0
        daemon.inbox.changed.set()
        await until(lambda: daemon.outcomes.rows["huawei", "accepted"] == 1)
        for file in files:
            (away / file.name).rename(file)
        await until(lambda: "backlog_back" in events(daemon))
        assert (await asyncio.to_thread(serve.post, event("second"))).status == 202
        await until(lambda: cloud.keys == {"first": 1, "second": 1})
        assert [each for each in events(daemon) if each.startswith("backlog_")] == ["backlog_gone", "backlog_back"]
