"""What the log says of failures."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import orjson
import pytest

from engine.clouds.huawei import CLOUD, Push
from engine.daemon.log import Log
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
