"""A benchmark that nobody runs, and results of it."""

from __future__ import annotations

from benchmarks.model import Benchmark, Figure, Goal, Quick, Round, Setup, Side, Turns
from benchmarks.stage import Result

RATE = Figure("rate", "calls/s", higher_is_better=True)
CPU = Figure("cpu", "CPU us", ".1f")


def _never(setup: Setup) -> Turns:
    raise AssertionError("nobody runs this")


BENCHMARK = Benchmark(
    "example",
    "an example",
    Quick("a small one"),
    sides=(Side("ours", _never), Side("peer", _never), Side("other", _never, in_quick=False)),
    figures=(RATE, CPU),
    goals=(
        Goal("of the peer's rate", "ours", RATE, 0.8, of=("peer",)),
        Goal("of the peer's CPU", "ours", CPU, 1.25, of=("peer",)),
        Goal("of the best rate", "ours", RATE, None, of=("peer", "other")),
        Goal("CPU us", "ours", CPU, 10.0, form=".1f"),
    ),
)


def result(*rounds: tuple[float, float, float, float]) -> Result:
    """Rounds of (our rate, the peer's, our CPU, the peer's)."""
    return Result(BENCHMARK, [_round(*each) for each in rounds])


def _round(ours: float, peer: float, ours_us: float, peer_us: float) -> Round:
    return {"ours": {"rate": ours, "cpu": ours_us}, "peer": {"rate": peer, "cpu": peer_us}}
