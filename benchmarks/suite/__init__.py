"""The benchmarks, a module each: ours and its peers, one below the other."""

from __future__ import annotations

from importlib import import_module

from benchmarks.model import Benchmark

NAMES = ("calls", "sdk", "signers", "polling", "lanes", "backlog", "rows", "scale", "start")


def load(name: str) -> Benchmark:
    """Import one benchmark alone: what others import would count in its memory."""
    found: Benchmark = import_module(f"{__name__}.{name}").BENCHMARK
    return found
