"""What the log says of lanes: whoever has to write to the cloud's support finds an id in it."""

from __future__ import annotations

import asyncio
import io
import re
from dataclasses import replace
from typing import Any

import orjson
import pytest

from engine.daemon.health import warnings
from engine.daemon.lane_log import EVERY_S, LaneLog
from engine.daemon.log import Log
from engine.daemon.monitor import Monitor
from engine.daemon.observation import LaneView
from engine.lanes import Count
from engine.model import Lane
from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve
from tests.daemon.test_renewal import running, take, until

LANE = Lane("cloud", "main", "Start")
WELL = LaneView(LANE, True, Count(calls=100, answered=100))


class Told:
    """The lines of a log on lanes, by a clock that stands still."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._stream = io.StringIO()
        self._lanes = LaneLog(Log(self._stream), lambda: self._now)

    def __call__(self, view: LaneView, after_s: float = 1.0, *, last: bool = False) -> list[dict[str, Any]]:
        """What a look at the lane adds."""
        self._now += after_s
        self._stream.seek(0)
        self._stream.truncate()
        self._lanes.tell([view], last=last)
        lines = [orjson.loads(line) for line in self._stream.getvalue().splitlines()]
        for line in lines:
            del line["at"]
        return lines


def sick(sick_s: float, error: str, count: Count) -> LaneView:
    return LaneView(LANE, True, count, sick_s=sick_s, last_error=error, last_trouble=error)


def test_an_outage_is_told_of_when_it_begins_and_when_it_is_over() -> None:
    told = Told()
    assert told(WELL) == []
    (begun,) = told(sick(2.0, "503 (id-1)", Count(calls=110, answered=100, failed=10)))
    assert begun == {"event": "lane_sick", "lane": "main/Start", "error": "503 (id-1)"}
    for _ in range(300):
        assert told(sick(5.0, "503 (id-2)", Count(calls=111, answered=100, failed=11))) == []
    after = LaneView(LANE, True, Count(calls=112, answered=101, failed=11), last_trouble="503 (id-2)")
    (over,) = told(after)
    assert over == {"event": "lane_well", "lane": "main/Start", "sick_s": 303.0, "error": "503 (id-2)"}
    assert told(after, EVERY_S) == [], "of its failures it was told"
    (again,) = told(sick(0.5, "503 (id-3)", Count(calls=122, answered=101, failed=21)))
    assert again["error"] == "503 (id-3)"


def test_a_lane_is_not_well_before_it_was_answered() -> None:
    """Also when another run goes on with it, which knows of no trouble yet."""
    told = Told()
    count = Count(calls=10, failed=10)
    told(sick(0.5, "503 (id-1)", count))
    assert told(LaneView(LANE, True, count)) == []
    assert told(sick(0.5, "503 (id-2)", Count(calls=20, failed=20))) == []
    throttled = LaneView(LANE, True, Count(calls=21, failed=20, throttled=1))
    assert [(line["event"], line["error"]) for line in told(throttled)] == [("lane_well", "503 (id-2)")]


def test_of_calls_that_fail_now_and_then_a_line_a_minute_tells() -> None:
    told = Told()
    failing = [
        LaneView(LANE, True, Count(calls=10 * i, answered=9 * i, failed=i), last_trouble=f"500 (id-{i})")
        for i in range(200)
    ]
    lines = [line for view in failing for line in told(view)]
    assert lines == [
        {
            "event": "lane_troubled", "lane": "main/Start", "in_s": 60.0, "calls": calls, "failed": calls // 10,
            "throttled": 0, "error": f"500 (id-{last})",
        }
        for calls, last in ((600, 60), (600, 120), (600, 180))
    ]  # fmt: skip
    (rest,) = told(failing[-1], last=True)
    assert (rest["failed"], rest["error"]) == (19, "500 (id-199)")
    assert told(failing[-1], last=True) == [], "once each"


def test_what_failed_last_is_told_although_another_run_has_begun() -> None:
    told = Told()
    told(WELL)
    count = Count(calls=110, answered=109, failed=1)
    told(replace(WELL, count=count, last_trouble="500 (id-1)"))
    (line,) = told(replace(WELL, count=count), EVERY_S)
    assert (line["failed"], line["error"]) == (1, "500 (id-1)")


@pytest.mark.parametrize(("throttled", "lines"), [(49, 0), (50, 1)])
def test_refusals_by_which_a_lane_finds_its_rate_are_no_trouble(throttled: int, lines: int) -> None:
    told = Told()
    told(LaneView(LANE, True, Count(calls=1000, throttled=1000)), last=True)
    view = replace(WELL, count=Count(calls=2000, answered=1000 - throttled, throttled=1000 + throttled))
    assert [line["throttled"] for line in told(view, EVERY_S)] == [throttled] * lines


async def test_an_outage_of_a_cloud_leaves_request_ids_in_the_log_and_in_the_status(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.daemon.operations.TELL_S", 0.02)
    monkeypatch.setattr("engine.retry.Backoff.delay_s", lambda *_: 0.01)
    cloud.set(operations={"CreateSyncEvents": {"error_500": 1.0}})
    async with running(serve, monkeypatch) as daemon:
        stream = daemon.log._stream
        assert isinstance(stream, io.StringIO)

        def lines(event: str) -> list[dict[str, Any]]:
            found = [orjson.loads(line) for line in stream.getvalue().splitlines()]
            return [line for line in found if line["event"] == event]

        async with asyncio.timeout(30):
            await take(daemon, *map(str, range(30)))
            await until(lambda: lines("lane_sick") != [])
            (warning,) = [each for each in warnings(Monitor(daemon).observe()) if "gets nowhere" in each]
            cloud.clear()
            await until(lambda: lines("lane_well") != [])
    (begun,), (over,) = lines("lane_sick"), lines("lane_well")
    for told in (warning, begun["error"], over["error"]):
        assert re.search("HTTP 500, [0-9a-f]{32}", told)
    assert begun["lane"] == over["lane"] == "huawei/CreateSyncEvents"
    assert over["sick_s"] > 0


async def test_a_throttled_lane_leaves_request_ids_in_the_log(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.set(operations={"CreateSyncEvents": {"throttle": 1.0}})
    async with running(serve, monkeypatch) as daemon:
        stream = daemon.log._stream
        assert isinstance(stream, io.StringIO)
        await take(daemon, "k")
        async with asyncio.timeout(30):
            await until(lambda: any(each.count.throttled for each in Monitor(daemon).observe().lanes))
    (told,) = [line for line in map(orjson.loads, stream.getvalue().splitlines()) if line["event"] == "lane_troubled"]
    assert (told["lane"], told["failed"]) == ("huawei/CreateSyncEvents", 0)
    assert told["calls"] >= told["throttled"] >= 1
    assert re.search("HTTP 429, [0-9a-f]{32}", told["error"])
