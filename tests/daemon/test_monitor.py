"""What the daemon sees of itself."""

from __future__ import annotations

import asyncio
import io
import os
import resource
import socket
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from unittest.mock import AsyncMock

import orjson
import pytest

from engine.clouds.alibaba import Trigger
from engine.config import Settings
from engine.credentials import Renewing
from engine.daemon import health, monitor
from engine.daemon.access import Tokens
from engine.daemon.daemon import Daemon
from engine.daemon.health import ailments, obstacles, warnings
from engine.daemon.lane_log import LaneLog
from engine.daemon.listener_settings import ListenerSettings
from engine.daemon.log import Log
from engine.daemon.monitor import LAG_EVERY_S, Monitor
from engine.daemon.operations import Operations
from engine.daemon.sources.pulled_queue import PulledQueue, QueueSettings
from engine.errors import NoSpaceError, TransportError
from engine.model import Account, Fetched
from signers import Credentials
from tests.cli.conftest import Clouds
from tests.daemon.conftest import LISTENER, Serve
from tests.daemon.test_inbox import delivery, fill
from tests.daemon.test_renewal import running, take, until

KEY = Credentials("id", "secret")


@pytest.fixture
async def daemon(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Daemon]:
    """It does not run, but its engine may."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    route = {"name": "r", "bucket": "b", "push": {"sync_task_id": "t"}}
    made = Daemon(lambda: Settings(backlog=str(tmp_path / "backlog.db"), routes=[route]), Log(io.StringIO()))
    async with made.engine:
        yield made


def stream(daemon: Daemon) -> io.StringIO:
    """What the log says."""
    assert isinstance(daemon.log._stream, io.StringIO)
    return daemon.log._stream


async def test_lanes_are_counted_over_all_runs(daemon: Daemon, cloud: Clouds) -> None:
    watch = Monitor(daemon)
    assert [lane.count.calls for lane in watch.observe().lanes] == [0, 0, 0]
    for run in (1, 2, 3):
        async for _ in daemon.engine.run(Trigger("gw-1", "NFSx", f"/{run}/{i}") for i in range(4)):
            pass
        lane = watch.lanes()[0]
        assert (lane.lane.operation, lane.starts) == ("TriggerGatewayRemoteSync", True)
        assert lane.count.calls == lane.count.answered == 4 * run
        assert sum(lane.count.durations.numbers) == 4 * run


async def test_a_queue_whose_credentials_are_in_force_is_not_troubled(daemon: Daemon, tmp_path: Path) -> None:
    """They are of the account, whose credentials somebody should see to."""
    account = Account("europe", "alibaba", "eu-central-1", KEY, {})
    queue = PulledQueue(QueueSettings("oss", "q", tmp_path), account, daemon.log)
    queue._credentials = credentials = Renewing(AsyncMock(return_value=Fetched(KEY)))
    daemon.sources = [queue]
    await credentials.current()
    assert not Monitor(daemon).observe().unrenewed
    credentials.failure = TransportError("no answer")
    seen = Monitor(daemon).observe()
    assert set(seen.unrenewed) == {"europe"}
    assert seen.sources == {"oss": ""}
    assert "the credentials of account europe cannot be renewed: no answer" in warnings(seen)


async def test_a_subscription_that_has_ended_is_seen_while_a_listener_wants_it(daemon: Daemon) -> None:
    watch = Monitor(daemon)
    daemon.subscriptions.unsubscribed("obs", "urn:smn:r:p:t")
    assert watch.observe().unsubscribed == []
    listener = ListenerSettings("obs", "smn", Tokens([]), topics=frozenset({"urn:smn:r:p:t", "urn:smn:r:p:other"}))
    daemon.serve = replace(daemon.serve, listeners=(listener,))
    assert watch.observe().unsubscribed == [("obs", "urn:smn:r:p:t")]
    daemon.subscriptions.notified("obs", "urn:smn:r:p:t")
    assert watch.observe().unsubscribed == []


async def test_to_tell_of_lanes_nothing_else_is_looked_at(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    told = 0

    def tell(*_: object, **__: object) -> None:
        nonlocal told
        told += 1

    monkeypatch.setattr("engine.daemon.operations.TELL_S", 0.0)
    monkeypatch.setattr(LaneLog, "tell", tell)
    monkeypatch.delattr(monitor, "_process")  # which opens files and counts tasks
    telling = asyncio.create_task(Operations(daemon)._tell_of_lanes())
    await until(lambda: told >= 3 or telling.done())
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling


async def test_a_late_loop_is_noticed(daemon: Daemon) -> None:
    watch = Monitor(daemon)
    watching = asyncio.create_task(watch.run())
    for _ in range(3):  # it begins to wait
        await asyncio.sleep(0)
    assert watch.observe().lag_s == 0.0
    time.sleep(LAG_EVERY_S + 0.3)  # noqa: ASYNC251 - this is what must not happen
    for _ in range(3):
        await asyncio.sleep(0)
    assert 0.3 <= watch.observe().lag_s < 5
    watching.cancel()


async def test_the_watchdog_starves_while_the_backlog_does_not_answer(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(monitor, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(health, "SILENT_S", 1.0)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "60000")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        watching = asyncio.create_task(Operations(daemon).watch())
        assert b"WATCHDOG=1" in await said(manager)
        stuck = threading.Event()
        writing = asyncio.create_task(daemon.engine.backlog._writer.do(stuck.wait))
        try:
            async with asyncio.timeout(20):
                while b"WATCHDOG=1" in (last := await said(manager)):
                    pass
            assert last.startswith(b"STATUS=the backlog has not answered for")
            for _ in range(5):
                assert b"WATCHDOG=1" not in await said(manager)
        finally:
            stuck.set()
        await writing
        while b"WATCHDOG=1" not in await said(manager):
            pass
        watching.cancel()


async def test_a_full_disk_ends_nothing(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "LOOK_EVERY_S", 0.0)
    watch = Monitor(daemon)
    watching = asyncio.create_task(watch.run())
    writer, begun, ended = daemon.engine.backlog._writer, threading.Event(), threading.Event()

    def write() -> None:
        begun.set()
        ended.wait()

    def fill() -> None:
        raise NoSpaceError("no space")

    writing = asyncio.create_task(writer.do(write))
    await asyncio.to_thread(begun.wait)
    for _ in range(3):  # whatever is asked for now shares a transaction
        await asyncio.sleep(0)
    filling = asyncio.create_task(writer.do(fill))
    await asyncio.sleep(0)
    before = watch.observe().backlog.seen_at
    ended.set()
    await asyncio.gather(writing, filling, return_exceptions=True)
    assert isinstance(filling.exception(), NoSpaceError)
    while watch.observe().backlog.seen_at == before:
        await asyncio.sleep(0.001)
        assert not watching.done()
    watching.cancel()


async def test_a_full_disk_is_told_of_until_there_is_space_again(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "LOOK_EVERY_S", 0.0)
    backlog, watch = daemon.engine.backlog, Monitor(daemon)
    await backlog.inbox.open(60.0, 1_000)
    watching = asyncio.create_task(watch.run())
    await fill(backlog, 2)
    with pytest.raises(NoSpaceError):
        await backlog.inbox.accept(delivery("v" * 100_000))
    for _ in range(20):
        with suppress(NoSpaceError):  # of whoever looks for space at the same time
            await backlog.remember("something", "small")
        assert any("no space is left" in each for each in obstacles(watch.observe()))
        assert not [*ailments(watch.observe())]
    await fill(backlog, 10_000)
    while [*obstacles(watch.observe())]:
        await asyncio.sleep(0.001)
        assert not watching.done()
    watching.cancel()
    told = [orjson.loads(line) for line in stream(daemon).getvalue().splitlines()]
    assert [each["event"] for each in told] == ["no_space", "space_again"], "once each, though nothing else works"
    assert "no space is left" in told[0]["error"]


async def test_what_waits_at_the_end_is_looked_for_then(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "LOOK_EVERY_S", 3600.0)
    cloud.set(operations={"CreateSyncEvents": {"throttle": 1.0}})
    async with running(serve, monkeypatch) as daemon:
        told = stream(daemon)
        await take(daemon, "k", "l")
        async with asyncio.timeout(20):
            await until(lambda: daemon.mover.moved.jobs == 1)
    last = orjson.loads(told.getvalue().splitlines()[-1])
    assert (last["event"], last["inbox_rows"], last["backlog_jobs"], last["backlog_rows"]) == ("ended", 0, 1, 2)


async def said(manager: socket.socket) -> bytes:
    async with asyncio.timeout(20):
        return await asyncio.get_running_loop().sock_recv(manager, 4096)


def test_a_backlog_that_fails_ends_the_daemon(serve: Serve) -> None:
    serve.configure(LISTENER, serve.route(), serve.push())
    serve.start()
    with closing(sqlite3.connect(serve.directory / "backlog.db", isolation_level=None)) as thief:
        thief.execute("BEGIN IMMEDIATE")
        assert serve.process.wait(30) == 1
    assert serve.process.stderr
    assert "database is locked" in serve.process.stderr.read()


async def test_it_is_looked_at_also_when_no_file_more_can_be_opened() -> None:
    with open(os.devnull) as file:  # noqa: ASYNC230, PTH123 - as long as this, to know a number
        lowest = file.fileno()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        seen = monitor._process()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (seen.open_files, seen.resident_bytes) == (None, None)
    assert seen.cpu_s > 0
