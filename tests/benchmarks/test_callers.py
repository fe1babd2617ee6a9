"""Every side is warm before it is measured, and has the concurrency at which it usually does best."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from contextlib import aclosing
from pathlib import Path
from typing import TypeAlias
from weakref import WeakSet

import pytest

from benchmarks import callers, turns
from benchmarks.best import LOOKS, at_its_best
from benchmarks.meter import WARM_UP, Meter
from benchmarks.model import Sample, Setup, Turns
from benchmarks.turns import in_loop

CONCURRENCY = 3
Drive: TypeAlias = Callable[[Callable[[int], None]], Turns]


def _threads(call: Callable[[int], None]) -> Turns:
    return callers.threads(call, CONCURRENCY, 0.01)


def _coroutines(call: Callable[[int], None]) -> Turns:
    async def made(number: int) -> None:
        call(number)
        await asyncio.sleep(0)

    return in_loop(callers.coroutines(made, CONCURRENCY, 0.01))


def _futures(call: Callable[[int], None]) -> Turns:
    def begin(number: int) -> Future[None]:
        call(number)
        future: Future[None] = Future()
        future.set_result(None)
        return future

    return callers.futures(begin, CONCURRENCY, 0.01)


@pytest.fixture(autouse=True)
def _untouched_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for change in ("tune_collector", "allow_files"):  # they are for processes of their own
        monkeypatch.setattr(turns, change, lambda: None)


@pytest.mark.parametrize("drive", [_threads, _coroutines, _futures])
def test_as_many_calls_as_of_ours_come_before_what_is_measured(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    before: list[list[int]] = []

    class Watched(Meter):
        def __enter__(self) -> Watched:
            before.append(sorted(made))
            return super().__enter__()

    monkeypatch.setattr(callers, "Meter", Watched)
    side = drive(made.append)
    sample = next(side)
    side.close()
    assert before == [list(range(WARM_UP * CONCURRENCY))]
    assert sample["calls_per_s"] > 0
    assert len(made) > WARM_UP * CONCURRENCY


def test_a_loop_that_ends_closes_what_its_samples_come_from(caplog: pytest.LogCaptureFixture) -> None:
    closed: list[str] = []

    async def calls() -> AsyncGenerator[Sample]:
        try:
            while True:
                yield {}
        finally:
            await asyncio.sleep(0)
            closed.append("calls")

    async def samples() -> AsyncGenerator[Sample]:
        async with aclosing(calls()) as made:
            async for sample in made:
                yield sample
        closed.append("never")

    side = in_loop(samples())
    next(side)
    side.close()
    assert closed == ["calls"]
    assert caplog.messages == []


def test_who_was_only_tried_is_gone_before_what_is_measured(tmp_path: Path) -> None:
    class Client:
        """Refers to itself, as those of SDKs do."""

        def __init__(self) -> None:
            self.itself = self

    alive: WeakSet[Client] = WeakSet()

    def measure(concurrency: int, seconds: float) -> Turns:
        client = Client()
        alive.add(client)
        while True:
            yield {"calls_per_s": 1.0, "alive": len(alive)}

    setup = Setup(False, str(tmp_path), "", "", None)
    assert next(at_its_best(setup, "side", [8, 16, 32], 1, measure))["alive"] == 1


def test_the_best_concurrency_is_the_best_in_most_samples(tmp_path: Path) -> None:
    rates = {8: [900.0, 100.0, 110.0], 16: [200.0, 10.0, 210.0], 32: [150.0, 150.0, 150.0]}
    order: list[int] = []

    def measure(concurrency: int, seconds: float) -> Turns:
        for rate in rates[concurrency]:
            order.append(concurrency)
            yield {"calls_per_s": rate}

    setup = Setup(False, str(tmp_path), "", "", None)
    assert next(at_its_best(setup, "side", list(rates), 1, measure))["concurrency"] == 16
    assert order == [8, 16, 32] * LOOKS + [16]
    order.clear()
    assert next(at_its_best(setup, "side", list(rates), 1, measure))["concurrency"] == 16  # found once per run
    assert order == [16]
