"""The benchmarks, a module each: ours and its peers, one below the other."""

from __future__ import annotations

from importlib import import_module

from benchmarks.model import Benchmark

NAMES = ("calls", "sdk", "signers", "polling", "lanes", "backlog", "rows", "scale", "start")


def load(name: str) -> Benchmark:
    """Import one benchmark alone: what others import would count in its memory."""
    found: Benchmark = import_module(f"{__name__}.{name}").BENCHMARK
    return found


def find(name: str, side: str) -> Benchmark:
    """The benchmark of that name, if it has such a side.

    Raises:
        LookupError: there is no such benchmark, or no such side; it says what there is.
    """
    if name not in NAMES:
        raise LookupError(f"there is no {name}; there is {', '.join(NAMES)}")
    benchmark = load(name)
    sides = [each.name for each in benchmark.sides]
    if side not in sides:
        raise LookupError(f"{name} has no {side!r}; it has {', '.join(map(repr, sides))}")
    return benchmark
