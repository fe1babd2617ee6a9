"""What had to be left alone is tried again: months go by without anybody looking."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from engine import Engine
from engine.clouds.huawei.sync_tasks import StartSyncTask, StopSyncTask
from engine.config import accounts, load
from engine.daemon.daemon import Daemon
from engine.daemon.log import Log
from engine.notifications import lines
from tests.cli.conftest import Clouds
from tests.daemon.conftest import LISTENER, Serve, event


@asynccontextmanager
async def running(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, *parts: str, linger_s: float = 0.0
) -> AsyncIterator[Daemon]:
    """In this process, with little patience."""
    for name, value in serve.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("engine.daemon.daemon.WATCH_S", 0.05)
    monkeypatch.setattr("engine.daemon.daemon.RENEW_S", 0.2)
    serve.configure(LISTENER, serve.route(), serve.push(), *parts, linger_s=linger_s)
    file, backlog = serve.directory / "serve.toml", str(serve.directory / "backlog.db")
    daemon = Daemon(lambda: load(file, backlog=backlog), Log(io.StringIO()))
    task = asyncio.create_task(daemon.run())
    await until(lambda: daemon.server.bind.port > 0)
    yield daemon
    daemon.drain()
    await task


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - what is waited for is in other processes too
        await asyncio.sleep(0.01)


async def take(daemon: Daemon, *keys: str) -> None:
    await daemon.intake.take("test", lines.events(b"\n".join(event(key) for key in keys)))


async def test_a_target_that_cannot_be_used_is_tried_again(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(serve, monkeypatch) as daemon, Engine(accounts(load(None)), ":memory:") as operator:
        await operator.do(StopSyncTask(serve.sync_task))
        try:
            await take(daemon, "refused")
            await until(lambda: daemon.outcomes["huawei", "failed"] == 1)
            await take(daemon, "waiting", "refused")
            assert daemon.inbox.rows == 2, "nothing more is offered to it"
        finally:
            started = StartSyncTask(sync_task_id=serve.sync_task, src_ak="a", src_sk="s", dst_ak="d", dst_sk="e")
            await operator.do(started)
        await until(lambda: cloud.keys == {"waiting": 1, "refused": 1})
        assert (daemon.outcomes["huawei", "failed"], daemon.inbox.rows) == (1, 0)


async def test_an_account_that_is_refused_is_tried_again(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve.environ = {**serve.environ, "HUAWEICLOUD_SDK_SK": "wrong"}
    async with running(serve, monkeypatch) as daemon:
        await take(daemon, "k")
        first = daemon.engine.current
        await until(lambda: daemon.engine.current is not first)
        assert (daemon.inbox.rows, cloud.keys) == (1, {})


async def test_those_who_work_do_not_wait_for_those_who_do_not(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target that cannot be used has the run begun anew time and again, and the others hardly notice."""
    waited_s: list[float] = []
    runs = set()
    shares = serve.route("shares"), serve.trigger()
    async with running(serve, monkeypatch, *shares) as daemon, Engine(accounts(load(None)), ":memory:") as operator:
        monkeypatch.setattr("engine.daemon.daemon.RENEW_S", 2.0)
        await operator.do(StopSyncTask(serve.sync_task))
        try:
            began = time.monotonic()
            while time.monotonic() < began + 9:
                due = time.monotonic()
                await take(daemon, f"{len(waited_s)}/photo")
                await until(lambda: len(cloud.directories) > len(waited_s))
                waited_s.append(time.monotonic() - due)
                runs.add(id(daemon.engine.current))
        finally:
            started = StartSyncTask(sync_task_id=serve.sync_task, src_ak="a", src_sk="s", dst_ak="d", dst_sk="e")
            await operator.do(started)
    assert len(runs) > 2
    assert max(waited_s) < 1.5


async def test_rows_of_an_account_that_is_not_there_any_more_wait_for_it(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = (
        '[accounts.{}]\ncloud = "huawei"\nregion = "cn-north-4"\n'
        f'endpoint = "{serve.environ["SYNCMUX_HUAWEI_ENDPOINT"]}"\n'
        f'iam_endpoint = "{serve.environ["SYNCMUX_HUAWEI_IAM_ENDPOINT"]}"\n'
    )
    async with running(serve, monkeypatch, account.format("old"), linger_s=60.0) as daemon:
        await take(daemon, "acknowledged")
        assert daemon.inbox.rows == 1
    async with running(serve, monkeypatch, account.format("new")) as daemon:
        await take(daemon, "other")
        await until(lambda: cloud.keys == {"other": 1})
        assert (daemon.inbox.rows, daemon.mover.strangers) == (1, {"old"})
    async with running(serve, monkeypatch, account.format("old")):
        await until(lambda: cloud.keys == {"other": 1, "acknowledged": 1})
