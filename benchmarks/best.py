"""The concurrency at which a side does best: looked for once per run, and then kept."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from statistics import median

import orjson

from benchmarks.model import CALLS_PER_S, Setup, Turns

FULL_S, QUICK_S = 5.0, 0.1
SEARCH_S = 1.0  # for each of ...
LOOKS = 3  # ... so many samples of every concurrency


def at_its_best(
    setup: Setup, name: str, choices: Sequence[int], quick: int, measure: Callable[[int, float], Turns]
) -> Turns:
    """The turns of `measure`, given a concurrency and how many seconds each is to take, at the best of `choices`.

    With ``--quick`` nothing is looked for. Else the others have been closed before the first of these turns.
    """
    best, seconds = (quick, QUICK_S) if setup.quick else (_best(setup, name, choices, measure), FULL_S)
    for sample in measure(best, seconds):
        yield sample | {"concurrency": best}


def _best(setup: Setup, name: str, choices: Sequence[int], measure: Callable[[int, float], Turns]) -> int:
    found = setup.directory / f"{name}.json"
    if not found.exists():
        rates = _rates(choices, measure)
        found.write_bytes(orjson.dumps(max(choices, key=lambda choice: rates[choice])))
    best: int = orjson.loads(found.read_bytes())
    return best


def _rates(choices: Sequence[int], measure: Callable[[int, float], Turns]) -> dict[int, float]:
    """The median calls/s of each. They take turns, so that a slow moment of the machine is not held against one."""
    with ExitStack() as stack:
        turns = {choice: stack.enter_context(closing(measure(choice, SEARCH_S))) for choice in choices}
        rounds = [{choice: next(turns[choice])[CALLS_PER_S.key] for choice in choices} for _ in range(LOOKS)]
    gc.unfreeze()
    gc.collect()  # clients of SDKs, which have no other way to be closed
    return {choice: median(each[choice] for each in rounds) for choice in choices}
