"""How the SDKs are driven: callers that make one call after another until the time is over.

They begin with as many calls as ours does, which are not measured. Threads and coroutines begin a turn at rest, and it
lasts until the last of their calls has ended: that costs them about the time of one call. To count what ends between
two instants would cost a short turn more, as threads come in waves, of which it has but one or two.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import Any

from benchmarks.meter import WARM_UP, Meter
from benchmarks.model import Sample, Turns


def threads(call: Callable[[int], object], concurrency: int, seconds: float) -> Turns:
    def caller(numbers: Iterable[int]) -> int:
        made = 0
        for number in numbers:
            call(number)
            made += 1
        return made

    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(caller, _first(concurrency)))
        while True:
            with Meter() as meter:
                calls = sum(pool.map(caller, _until(seconds, concurrency)))
            yield meter.sample(calls)


async def coroutines(
    call: Callable[[int], Awaitable[None]], concurrency: int, seconds: float
) -> AsyncGenerator[Sample]:
    async def caller(numbers: Iterable[int]) -> int:
        made = 0
        for number in numbers:
            await call(number)
            made += 1
        return made

    await asyncio.gather(*map(caller, _first(concurrency)))
    while True:
        with Meter() as meter:
            calls = sum(await asyncio.gather(*map(caller, _until(seconds, concurrency))))
        yield meter.sample(calls)


def futures(begin: Callable[[int], Future[Any]], concurrency: int, seconds: float) -> Turns:
    """So many begun ahead; the oldest is waited for, and another begun."""
    begun: deque[Future[Any]] = deque()

    def calls(numbers: Iterable[int]) -> int:
        made = 0
        for number in numbers:
            begun.append(begin(number))
            if len(begun) >= concurrency:
                begun.popleft().result()
            made += 1
        return made

    calls(range(WARM_UP * concurrency))
    try:
        while True:
            with Meter() as meter:
                made = calls(_timed(count(), time.monotonic() + seconds))
            yield meter.sample(made)
    finally:
        while begun:
            begun.popleft().result()


def _first(callers: int) -> list[Iterable[int]]:
    """The calls of each before anything is measured."""
    return [range(first, callers * WARM_UP, callers) for first in range(callers)]


def _until(seconds: float, callers: int) -> list[Iterable[int]]:
    """The calls of each from now on, until the time is over."""
    deadline = time.monotonic() + seconds
    return [_timed(count(first, callers), deadline) for first in range(callers)]


def _timed(numbers: Iterator[int], deadline: float) -> Iterator[int]:
    while time.monotonic() < deadline:
        yield next(numbers)
