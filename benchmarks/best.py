"""The concurrency at which a side does best: looked for once per run, and then kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from benchmarks.model import Setup, Turns

QUICK_S = 0.1


def at_its_best(
    setup: Setup, name: str, choices: Sequence[int], quick: int, measure: Callable[[int, float], Turns]
) -> Turns:
    """The turns of `measure`, given a concurrency and how many seconds each is to take, at the best of `choices`.

    With ``--quick`` nothing is looked for.
    """
    best, seconds = (quick, QUICK_S) if setup.quick else (_best(setup, name, choices, measure), 5.0)
    for sample in measure(best, seconds):
        yield sample | {"concurrency": best}


def _best(setup: Setup, name: str, choices: Sequence[int], measure: Callable[[int, float], Turns]) -> int:
    found = setup.directory / f"{name}.json"
    if not found.exists():
        rates = {choice: next(measure(choice, 2.0))["calls_per_s"] for choice in choices}
        found.write_bytes(orjson.dumps(max(choices, key=lambda choice: rates[choice])))
    best: int = orjson.loads(found.read_bytes())
    return best
