"""The concurrency at which a side does best: looked for once per run, and then kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from benchmarks.model import Sample, Setup


def at_its_best(
    setup: Setup, name: str, choices: Sequence[int], quick: int, measure: Callable[[int, float], Sample]
) -> Sample:
    """What `measure`, given a concurrency and how many seconds to take, says at the best of `choices`.

    With ``--quick`` nothing is looked for.
    """
    if setup.quick:
        return measure(quick, 1.0) | {"concurrency": quick}
    found = setup.directory / f"{name}.json"
    if not found.exists():
        rates = {choice: measure(choice, 2.0)["calls_per_s"] for choice in choices}
        found.write_bytes(orjson.dumps(max(choices, key=lambda choice: rates[choice])))
    best: int = orjson.loads(found.read_bytes())
    return measure(best, 5.0) | {"concurrency": best}
