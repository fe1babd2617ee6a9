"""The floor of `calls` may have no advantage over the engine, and no handicap."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from benchmarks import pushing, suite, turns
from benchmarks.children import Children
from benchmarks.model import Setup, Turns
from benchmarks.pushing import REST_WITHIN_S, push, rest
from benchmarks.stage import Stage
from benchmarks.suite import calls
from benchmarks.suite.calls import bare, constant_request
from engine import Engine, Options, concurrency
from engine.concurrency import FIRST
from engine.feed import Rows
from engine.settler import Ending


def test_what_it_sends_is_a_request_of_ours() -> None:
    request = constant_request("http://127.0.0.1:1")
    assert request.method == "POST"
    assert request.url.endswith("/events")
    assert request.body == b'{"object_keys":["photos%2F2026%2F000%2F00000000.jpg"]}'
    assert request.headers["authorization"].startswith("SDK-HMAC-SHA256 Access=")


@pytest.fixture(autouse=True)
def _untouched_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for change in ("tune_collector", "allow_files"):  # they are for processes of their own
        monkeypatch.setattr(turns, change, lambda: None)


def test_what_is_measured_is_amid_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the floor's callers go on and on, too: how a run begins and ends is no part of what a call costs."""
    begun = 0
    endings = Engine.endings

    def noted(engine: Engine, rows: Rows = ()) -> AsyncGenerator[list[Ending], None]:
        nonlocal begun
        begun += 1
        return endings(engine, rows)

    monkeypatch.setattr(Engine, "endings", noted)
    with Children() as children:
        setup = Stage(children, tmp_path, quick=True).setup(suite.load("calls"))
        side = push(setup, 50, url=setup.http, options=Options(batch=1, concurrency=8))
        assert all(next(side)["calls_per_s"] > 0 for _ in range(3))
        side.close()
    assert begun == 1


@pytest.mark.parametrize("side", [calls.ours, calls.ours_in_tens])
def test_ours_has_as_many_in_flight_whatever_helps(
    side: Callable[[Setup], Turns], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Options] = []

    def push(*arguments: Any, options: Options, **more: Any) -> Turns:
        given.append(options)
        yield {}

    monkeypatch.setattr(calls, "push", push)
    next(side(Setup(True, str(tmp_path), "", "", None)))
    assert [options.concurrency for options in given] == [FIRST]


def test_a_sample_says_how_many_the_lane_had_in_flight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "FIRST", 7)
    monkeypatch.setattr(pushing, "RESTS_S", 0.0)
    with Children() as children:
        setup = Stage(children, tmp_path, quick=True).setup(suite.load("calls"))
        side = push(setup, 50, url=setup.http, options=Options(batch=1))
        assert next(side)["concurrency"] in {7, 10}  # which is one step up, where the machine is busy
        side.close()


async def test_what_is_measured_waits_for_the_lane_to_rest() -> None:
    bounds = [256] * 2 + [384] * 3 + [256] * 9  # one a second
    seconds = 0

    async def made(calls: int) -> None:
        nonlocal seconds
        assert calls == bounds[seconds]
        seconds += 1

    await rest(lambda: bounds[seconds], made, lambda: float(seconds))
    assert seconds == 8  # three after the last change


async def test_a_lane_that_never_rests_is_measured_all_the_same() -> None:
    seconds = 0

    async def made(calls: int) -> None:
        nonlocal seconds
        seconds += 1

    await rest(lambda: seconds, made, lambda: float(seconds))
    assert seconds == REST_WITHIN_S


def test_a_floor_that_fails_is_an_error(tmp_path: Path) -> None:
    side = bare(Setup(True, str(tmp_path), "http://127.0.0.1:1", "", None))
    with pytest.raises(aiohttp.ClientConnectorError):
        next(side)
