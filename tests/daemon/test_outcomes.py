"""What the log says of failures."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import orjson
import pytest

from engine.clouds.huawei import CLOUD, Push
from engine.daemon.health import warnings
from engine.daemon.log import Log
from engine.daemon.monitor import Monitor
from engine.daemon.outcomes import Outcomes
from engine.model import Finished, Job, State
from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve
from tests.daemon.test_renewal import running, take, until


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def jobs(count: int, task: str = "t") -> list[Job]:
    return list(CLOUD.plan([Push(f"k{i}", task, "main") for i in range(10 * count)], ["main"], 10).jobs)


def test_failures_of_a_kind_share_a_line() -> None:
    stream = io.StringIO()
    outcomes = Outcomes(Log(stream))
    for _ in range(3):
        outcomes.count([Finished(job, State.FAILED, f"no {job.key!r}", "Bad") for job in jobs(50)])
    outcomes.count([Finished(job, State.FAILED, "nor this", "Worse") for job in jobs(1)])
    outcomes.count([Finished(job, State.FAILED, "nor there", "Bad") for job in jobs(1, "other")])
    outcomes.count([Finished(job, State.ACCEPTED) for job in jobs(1)])
    assert stream.getvalue() == "", "not for each batch either"
    outcomes.tell()
    bad, other, worse = lines(stream)
    first = {"key": "k0", "sync_task_id": "t", "account": "main"}
    del bad["at"]
    assert bad == {
        "event": "failed", "account": "main", "target": "t", "jobs": 150, "rows": 1500, "code": "Bad",
        "why": f"no {jobs(1)[0].key!r}", "row": first,
    }  # fmt: skip
    assert (worse["code"], worse["jobs"], worse["rows"]) == ("Worse", 1, 10)
    assert (other["target"], other["row"]["sync_task_id"]) == ("other", "other")
    assert outcomes.rows == {("main", "failed"): 1520, ("main", "accepted"): 10}
    outcomes.tell()
    assert len(lines(stream)) == 3, "once each"


def test_a_target_where_all_fails_alike_is_named_until_something_does_not() -> None:
    outcomes = Outcomes(Log(io.StringIO()))

    def end(state: State, code: str = "", task: str = "t") -> list[tuple[str, str, int]]:
        outcomes.count([Finished(job, state, f"why {code}", code) for job in jobs(1, task)])
        return [(streak.target.name, streak.code, streak.jobs) for streak in outcomes.streaks]

    assert [end(State.FAILED, "Bad"), end(State.FAILED, "Bad")] == [[], []], "it may be chance"
    assert end(State.ACCEPTED, task="other") == []
    assert end(State.FAILED, "Bad") == [("t", "Bad", 3)]
    assert outcomes.streaks[0].why == "why Bad"
    assert end(State.FAILED, "Worse") == [], "it is not the target"
    for _ in range(2):
        end(State.FAILED, "Worse")
    assert end(State.FAILED, "Worse") == [("t", "Worse", 4)]
    assert end(State.FAILED) == [], "why a task failed has no code, and is another with each"
    assert [end(State.FAILED) for _ in range(3)] == [[]] * 3
    for _ in range(3):
        end(State.FAILED, "Bad")
    assert end(State.ACCEPTED) == []
    for _ in range(3):
        end(State.FAILED, "Bad")
    outcomes.end_streaks()
    assert end(State.FAILED, "Bad") == []


def test_targets_that_fail_alike_share_a_line_when_they_are_many() -> None:
    stream = io.StringIO()
    outcomes = Outcomes(Log(stream))
    for i in range(1000):
        outcomes.count([Finished(job, State.FAILED, f"no {i}", "Bad") for job in jobs(2, f"t{i}")])
    outcomes.count([Finished(job, State.FAILED, "nor this", "Worse") for job in jobs(1)])
    outcomes.tell()
    *each, rest, worse = lines(stream)
    assert [(line["target"], line["rows"]) for line in each] == [(f"t{i}", 20) for i in range(20)]
    del rest["at"]
    assert rest == {
        "event": "failed", "account": "main", "targets": 980, "jobs": 1960, "rows": 19600, "code": "Bad",
        "why": "no 20", "row": {"key": "k0", "sync_task_id": "t20", "account": "main"},
    }  # fmt: skip
    assert (worse["target"], worse["code"]) == ("t", "Worse"), "another code has lines of its own"
    assert outcomes.rows == {("main", "failed"): 20010}


@pytest.mark.parametrize("watch_s", [0.05, 3600.0])
async def test_the_log_tells_of_failures_while_it_serves_and_at_its_end(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch, watch_s: float
) -> None:
    cloud.set(reject_keys=["bad"])
    async with running(serve, monkeypatch) as daemon:
        monkeypatch.setattr("engine.daemon.daemon.WATCH_S", watch_s)
        stream = daemon.log._stream
        assert isinstance(stream, io.StringIO)
        await take(daemon, "good", "bad")
        async with asyncio.timeout(20):
            await until(lambda: daemon.outcomes.rows["huawei", "failed"] == 1)
            if watch_s < 1:
                await until(lambda: any(each["event"] == "failed" for each in lines(stream)))
    (failed,) = [each for each in lines(stream) if each["event"] == "failed"]
    assert (failed["target"], failed["jobs"], failed["rows"]) == (serve.sync_task, 1, 1)
    assert (failed["row"]["key"], bool(failed["why"])) == ("bad", True)


async def test_a_route_into_a_share_that_is_not_there_is_warned_of(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = serve.route("shares"), serve.trigger("gw-wrong").replace("NFSx", "wrong")

    async with running(serve, monkeypatch, *shares) as daemon, asyncio.timeout(20):
        watch = Monitor(daemon)

        def warned() -> list[str]:
            return [each for each in warnings(watch.observe()) if "InvalidIndexId" in each]

        await take(daemon, "a/k", "b/k", "c/k")
        await until(lambda: daemon.outcomes.rows["alibaba", "failed"] == 3)
        (warning,) = warned()
        assert warning.startswith("the last 3 jobs of target gw-wrong of account alibaba failed (InvalidIndexId): ")
        daemon.reload()
        await until(lambda: not warned())
