"""How sides take their turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import uvloop

from benchmarks.model import Sample, Setup, Turns
from engine.cli.collector import tune_collector
from engine.cli.loop import allow_files


def anew(measure: Callable[[Setup], Sample]) -> Callable[[Setup], Turns]:
    """Everything from its beginning in every turn."""

    def turns(setup: Setup) -> Turns:
        while True:
            yield measure(setup)

    return turns


def in_loop(samples: AsyncGenerator[Sample], *, on_uvloop: bool = True, tuned: bool = True) -> Turns:
    """An event loop, set up as `syncmux` has it, that stands still between turns."""
    if tuned:
        tune_collector()
    allow_files()

    async def turn() -> Sample:
        return await anext(samples)

    async def end() -> None:
        await samples.aclose()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if on_uvloop else None) as runner:
        try:
            while True:
                yield runner.run(turn())
        except GeneratorExit:
            # A loop that is closed closes all generators at once: this one could not wait for those that it closes.
            runner.run(end())
