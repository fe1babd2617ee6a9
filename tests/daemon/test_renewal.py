"""What had to be left alone is tried again: months go by without anybody looking."""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from errno import ESTALE
from itertools import count
from typing import Any

import orjson
import pytest

from engine import Engine
from engine.backlog.inbox_tables import Want
from engine.clouds import clouds
from engine.clouds.huawei.sync_tasks import StartSyncTask, StopSyncTask
from engine.config import accounts, load
from engine.daemon.daemon import Daemon
from engine.daemon.health import warnings
from engine.daemon.log import Log
from engine.daemon.monitor import Monitor
from engine.errors import ThrottledError, TransportError
from engine.lanes import LaneControl
from engine.model import Reply
from engine.notifications import lines
from tests.cli.conftest import Clouds
from tests.daemon.conftest import LISTENER, Serve, event


@asynccontextmanager
async def running(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, *parts: str, linger_s: float = 0.0, renew_s: float = 0.2
) -> AsyncIterator[Daemon]:
    """In this process, with little patience."""
    for name, value in serve.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("engine.daemon.daemon.WATCH_S", 0.05)
    monkeypatch.setattr("engine.daemon.daemon.RENEW_S", renew_s)
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


def lanes(daemon: Daemon) -> list[LaneControl]:
    return daemon.engine.current.lanes if daemon.engine.current else []


def left_alone(daemon: Daemon) -> list[str]:
    run = daemon.engine.current
    return [each.target or each.account for each in run.left_alone] if run else []


async def test_the_rows_of_a_target_that_cannot_be_used_wait_until_it_can(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look at a time goes out, ever more rarely, and nothing fails meanwhile."""
    async with running(serve, monkeypatch) as daemon, Engine(accounts(load(None)), ":memory:") as operator:
        await operator.do(StopSyncTask(serve.sync_task))
        try:
            await take(daemon, "first")
            await until(lambda: left_alone(daemon) == [serve.sync_task])
            await take(daemon, "second", "first")
            await asyncio.sleep(2.0)  # where a look every 0.2 s would make ten
            assert 2 <= cloud.ledger()["calls"]["ShowSyncTask"] <= 5
            told = "cannot be used, and is tried again in"  # and not while it is
            await until(lambda: any(told in each for each in warnings(Monitor(daemon).observe())))
            assert (daemon.inbox.rows, left_alone(daemon)) == (2, [serve.sync_task])
        finally:
            started = StartSyncTask(sync_task_id=serve.sync_task, src_ak="a", src_sk="s", dst_ak="d", dst_sk="e")
            await operator.do(started)
        daemon.reload()
        await until(lambda: cloud.keys.keys() == {"first", "second"})
        await until(lambda: left_alone(daemon) == [])
        assert daemon.outcomes.rows["huawei", "failed"] == 0


async def test_a_task_that_is_stopped_while_it_is_in_use_fails_nothing(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However shortly before it was seen to run, and however few keys come."""
    async with running(serve, monkeypatch) as daemon, Engine(accounts(load(None)), ":memory:") as operator:
        await take(daemon, "first")
        await until(lambda: cloud.keys.keys() == {"first"})
        await operator.do(StopSyncTask(serve.sync_task))
        try:
            await take(daemon, "second")
            await until(lambda: left_alone(daemon) == [serve.sync_task])
            assert cloud.calls("CreateSyncEvents") == 2
        finally:
            started = StartSyncTask(sync_task_id=serve.sync_task, src_ak="a", src_sk="s", dst_ak="d", dst_sk="e")
            await operator.do(started)
        daemon.reload()
        await until(lambda: cloud.keys.keys() == {"first", "second"})
        assert daemon.outcomes.rows["huawei", "failed"] == 0


async def test_a_gateway_that_is_not_there_is_asked_for_by_one_job_at_a_time(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = serve.route("shares"), serve.trigger("gw-late")
    slowly = {"TriggerGatewayRemoteSync": {"delay_s": 0.3}}  # so that there is time for many to be under way
    cloud.set(gateways=["gw-other"], operations=slowly)
    async with running(serve, monkeypatch, *shares) as daemon:
        await take(daemon, *(f"{number}/photo" for number in range(40)))
        await until(lambda: "gw-late" in left_alone(daemon))
        await until(lambda: sum(lane.in_flight for lane in lanes(daemon)) == 0)
        first = cloud.ledger()["calls"]["TriggerGatewayRemoteSync"]
        await asyncio.sleep(2.0)
        assert 1 <= cloud.ledger()["calls"]["TriggerGatewayRemoteSync"] - first <= 4
        cloud.set(gateways=["gw-late"], task_s=0.05)
        daemon.reload()
        await until(lambda: len(cloud.directories) == 40)
        assert daemon.outcomes.rows["alibaba", "failed"] == 0


async def test_a_gateway_that_the_key_has_no_rights_to_is_no_matter_of_others(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = serve.route("ours"), serve.trigger("gw-ours"), serve.route("theirs"), serve.trigger("gw-theirs")
    cloud.set(task_s=0.05, forbidden=["gw-theirs"])
    async with running(serve, monkeypatch, *shares) as daemon:
        await take(daemon, "first/photo")
        await until(lambda: left_alone(daemon) == ["gw-theirs"])
        await take(daemon, "second/photo")
        await until(lambda: daemon.outcomes.rows["alibaba", "succeeded"] == 2)
        assert left_alone(daemon) == ["gw-theirs"]
        cloud.set(task_s=0.05)
        daemon.reload()
        await until(lambda: daemon.outcomes.rows["alibaba", "succeeded"] == 4)
        assert (left_alone(daemon), daemon.outcomes.rows["alibaba", "failed"]) == ([], 0)


async def test_a_gateway_that_the_key_may_not_ask_about_is_asked_about_ever_more_rarely(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.retry.Backoff.delay_s", lambda *_: 0.0)  # as while others are answered in between
    shares = serve.route("shares"), serve.trigger("gw-closed")
    cloud.set(task_s=0.05, forbidden=["DescribeTasks"])
    async with running(serve, monkeypatch, *shares) as daemon:
        await take(daemon, "first/photo")
        await until(lambda: left_alone(daemon) == ["gw-closed"])
        await asyncio.sleep(2.0)  # where a question every 0.2 s would make ten
        assert 2 <= cloud.ledger()["calls"]["DescribeTasks"] <= 5
        cloud.set(task_s=0.05)
        daemon.reload()
        await until(lambda: daemon.outcomes.rows["alibaba", "succeeded"] == 1)
        assert (left_alone(daemon), len(cloud.directories)) == ([], 1)


async def test_a_key_that_is_refused_is_tried_ever_more_rarely_and_at_a_reload(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve.environ = {**serve.environ, "HUAWEICLOUD_SDK_SK": "wrong"}

    def refused() -> int:
        return sum(cloud.ledger()["refused"].values())

    async with running(serve, monkeypatch) as daemon:
        await take(daemon, "k")
        await until(lambda: left_alone(daemon) == ["huawei"])
        await asyncio.sleep(2.0)
        before = refused()
        assert 2 <= before <= 5
        daemon.reload()
        await until(lambda: refused() > before)
        assert (daemon.inbox.rows, cloud.keys) == (1, {})


async def test_those_who_work_do_not_wait_for_those_who_do_not(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target that cannot be used is tried time and again, and the others do not notice."""
    waited_s: list[float] = []
    shares = serve.route("shares"), serve.trigger()
    async with running(serve, monkeypatch, *shares) as daemon, Engine(accounts(load(None)), ":memory:") as operator:
        await operator.do(StopSyncTask(serve.sync_task))
        try:
            began = time.monotonic()
            while time.monotonic() < began + 3:
                due = time.monotonic()
                await take(daemon, f"{len(waited_s)}/photo")
                await until(lambda: len(cloud.directories) > len(waited_s))
                waited_s.append(time.monotonic() - due)
        finally:
            started = StartSyncTask(sync_task_id=serve.sync_task, src_ak="a", src_sk="s", dst_ak="d", dst_sk="e")
            await operator.do(started)
        assert cloud.ledger()["calls"]["ShowSyncTask"] > 2
    assert max(waited_s) < 1.5


async def test_jobs_that_are_put_off_keep_no_rows_of_their_target_back(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    huawei = clouds()["huawei"]
    started, early = huawei.started, count()

    def at_first_too_fast(reply: Reply) -> str:
        if next(early) < 2:
            raise ThrottledError("too fast", retry_after_s=300.0)
        return started(reply)

    monkeypatch.setattr(huawei, "started", at_first_too_fast)
    monkeypatch.setattr("engine.daemon.mover.AHEAD", 2)
    async with running(serve, monkeypatch) as daemon, asyncio.timeout(20):
        for number in range(3):
            await take(daemon, f"{number}")
            await until(lambda number=number: sum(lane.count.calls for lane in lanes(daemon)) > number)  # type: ignore[misc]
        await until(lambda: daemon.outcomes.rows["huawei", "accepted"] == 1)
        assert daemon.inbox.rows == 0


async def test_targets_of_one_account_share_what_it_may_call_ahead(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What left the inbox would not coalesce there, and so be done twice."""
    tasks = [f"5{number}" for number in range(20)]
    parts = [
        f'[[routes]]\nname = "to-{task}"\nbucket = "b"\n[routes.push]\nsync_task_id = "{task}"\n' for task in tasks
    ]
    monkeypatch.setattr(clouds()["huawei"], "inspect", lambda *_: None)
    async with running(serve, monkeypatch, *parts) as daemon, asyncio.timeout(20):
        await until(lambda: "huawei" in (daemon.engine.current.prepared if daemon.engine.current else ()))
        (lane,) = [lane for lane in lanes(daemon) if lane.lane.account == "huawei"]
        lane.pace.rate = 10.0
        lane.pause(60.0)
        await take(daemon, *(f"{number}" for number in range(100)))
        await until(lambda: len(daemon.mover._blocked) == 21)
        assert daemon.mover.moved.jobs == 42


async def test_a_target_that_has_enough_is_looked_at_again_though_no_job_ends(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when all that it has is put off."""
    async with running(serve, monkeypatch) as daemon, asyncio.timeout(20):
        due, asked = daemon.inbox.due, count()

        async def at_first_enough(wants: Sequence[Want]) -> list[list[tuple[int, str]] | None]:
            return await due(wants) if next(asked) else [None for _ in wants]

        monkeypatch.setattr(daemon.inbox, "due", at_first_enough)
        await take(daemon, "k")
        await until(lambda: cloud.keys == {"k": 1})


async def test_where_no_job_ends_it_is_not_looked_for_more(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many do elsewhere."""
    monkeypatch.setattr("engine.daemon.mover.AHEAD", 2)
    monkeypatch.setattr("engine.daemon.mover.AHEAD_S", 1000.0)
    monkeypatch.setattr("engine.daemon.mover.ROWS_AT_ONCE", 10)
    cloud.set(task_s=0.05)
    async with running(serve, monkeypatch, serve.route("shares"), serve.trigger()) as daemon, asyncio.timeout(20):
        await until(lambda: "huawei" in (daemon.engine.current.prepared if daemon.engine.current else ()))
        (lane,) = [lane for lane in lanes(daemon) if lane.lane.account == "huawei"]
        lane.pause(60.0)
        due, asked = daemon.inbox.due, Counter[str]()

        async def counted(wants: Sequence[Want]) -> list[list[tuple[int, str]] | None]:
            asked.update([want.destination.kind for want in wants])
            return await due(wants)

        monkeypatch.setattr(daemon.inbox, "due", counted)
        await take(daemon, *(f"{number}/photo" for number in range(40)))
        await until(lambda: len(cloud.directories) == 40 and asked["push"] >= 3)
        assert daemon.mover.moved.jobs == 2 + 40
        assert asked["push"] == 3 < asked["trigger"], "twice there was something to do"


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


async def test_credentials_that_cannot_be_renewed_are_told_of_before_they_end(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = serve.environ["SYNCMUX_HUAWEI_ENDPOINT"]
    serve.environ = {**serve.environ, "SYNCMUX_HUAWEI_METADATA_ENDPOINT": endpoint}
    account = (
        '[accounts.main]\ncloud = "huawei"\nregion = "cn-north-4"\ncredentials = "metadata"\n'
        f'endpoint = "{endpoint}"\niam_endpoint = "{serve.environ["SYNCMUX_HUAWEI_IAM_ENDPOINT"]}"\n'
    )
    cloud.set(temporary_s=5)  # renewed a second before their end
    async with running(serve, monkeypatch, account) as daemon, asyncio.timeout(30):

        async def keep_calling(holds: Callable[[list[str]], bool]) -> None:
            monitor, number = Monitor(daemon), count()
            while not holds(list(warnings(monitor.observe()))):
                await take(daemon, f"{next(number)}")
                await asyncio.sleep(0.05)

        await until(lambda: "main" in (daemon.engine.current.prepared if daemon.engine.current else ()))
        cloud.set(operations={"HuaweiMetadataKeys": {"unavailable": 1}})
        await keep_calling(lambda told: any("credentials of account main cannot be renewed" in each for each in told))
        cloud.clear()
        await keep_calling(lambda told: not any("renewed" in each for each in told))


async def test_credentials_of_an_account_without_calls_are_tried_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.daemon.operations.RENEW_S", 0.01)
    async with running(serve, monkeypatch) as daemon, asyncio.timeout(20):
        await until(lambda: "huawei" in (daemon.engine.current.prepared if daemon.engine.current else ()))
        credentials = daemon.engine._client.callers["huawei"].credentials
        credentials.doubt()
        credentials.failure = TransportError("no answer")
        assert daemon.engine.unrenewed.keys() == {"huawei"}
        await until(lambda: not daemon.engine.unrenewed)


async def test_a_file_of_credentials_that_cannot_be_read_for_now_is_waited_for(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = serve.directory / "keys.json"
    keys.touch(mode=0o600)
    keys.write_bytes(orjson.dumps({"access_key_id": "emulator-ak", "access_key_secret": "emulator-sk"}))
    account = (
        f'[accounts.main]\ncloud = "huawei"\nregion = "cn-north-4"\ncredentials = "file:{keys}"\n'
        f'endpoint = "{serve.environ["SYNCMUX_HUAWEI_ENDPOINT"]}"\n'
        f'iam_endpoint = "{serve.environ["SYNCMUX_HUAWEI_IAM_ENDPOINT"]}"\n'
    )
    opened, back = os.open, asyncio.Event()

    def open_(name: str, *rest: Any, **named: Any) -> int:
        if name == str(keys) and not back.is_set():
            raise OSError(ESTALE, os.strerror(ESTALE), name)
        return opened(name, *rest, **named)

    monkeypatch.setattr(os, "open", open_)
    async with running(serve, monkeypatch, account) as daemon, asyncio.timeout(20):
        await take(daemon, "k")
        await until(lambda: any("Stale file handle" in each for each in warnings(Monitor(daemon).observe())))
        back.set()
        await until(lambda: cloud.keys == {"k": 1})
