"""The quick run: ratios of short rounds, held to the record; and how that is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from benchmarks import cores, gate, record, suite
from benchmarks.children import Children
from benchmarks.gate import Finding, Verdict
from benchmarks.model import Benchmark
from benchmarks.provenance import Provenance
from benchmarks.report import findings_table, table
from benchmarks.stage import Result, Stage

PASSES = 6  # of --record
MORE_LOOKS = 3  # at what seems to have fallen, or cannot be told yet

Tell = Callable[[str], None]


def run(
    names: Sequence[str], stage: Stage, known: record.Record, tell: Tell, keep: Callable[[list[Result]], None]
) -> list[Finding]:
    """Measure, print, and look again, minutes later, where that is needed; returns what became of every ratio.

    `keep` is given all results whenever there is more of them.
    """
    results: dict[str, Result] = {}
    found: dict[str, list[Finding]] = {}

    def look(benchmark: Benchmark) -> None:
        rounds = [*results[benchmark.name].rounds] if benchmark.name in results else []
        results[benchmark.name] = result = Result(benchmark, [*rounds, *stage.run(benchmark, tell).rounds])
        found[benchmark.name] = gate.findings(benchmark, result.rounds, record.passes(known, benchmark.name))
        print(table(result, quick=True), findings_table(found[benchmark.name]), sep="\n", flush=True)
        keep(list(results.values()))

    for name in names:
        benchmark = suite.load(name)
        if comparable(benchmark):
            look(benchmark)
        else:
            print(f"{name}: NOT COMPARED: its server needs a processor of its own, and there is but one\n", flush=True)
    for number in range(MORE_LOOKS):
        for name in [name for name, each in found.items() if not _settled(each, number)]:
            look(results[name].benchmark)
    return [finding for each in found.values() for finding in each]


def comparable(benchmark: Benchmark) -> bool:
    """Whether it can be held to the record here: what a server on the same processor does shifts every figure."""
    return benchmark.server is None or cores.apart() != (None, None)


def _settled(found: Sequence[Finding], more_looks: int) -> bool:
    """A first look alone calls nothing fallen."""
    verdicts = {finding.verdict for finding in found}
    return Verdict.UNDECIDED not in verdicts and (Verdict.FALLEN not in verdicts or more_looks > 0)


def write_down(
    names: Sequence[str], stage: Stage, children: Children, known: record.Record, now: Provenance, tell: Tell
) -> record.Record:
    """The record with what quick passes find now, every other one of them beside busy neighbours.

    All benchmarks take their turns in every pass, so that the passes of one lie minutes apart.
    """
    ratios: dict[str, dict[str, list[float]]] = {}
    for number in range(PASSES):
        with neighbours(children, number % 2):
            for name in names:
                benchmark = suite.load(name)
                found = gate.ratios(benchmark, stage.run(benchmark, tell).rounds)
                for goal, ratio in found.items():
                    ratios.setdefault(name, {}).setdefault(goal, []).append(round(ratio, 4))
        print(f"pass {number + 1} of {PASSES}", flush=True)
    return [*known, record.Session(provenance=now, ratios=ratios)]


@contextmanager
def neighbours(children: Children, each: int) -> Iterator[None]:
    """So many on each processor."""
    busy = [children.start("benchmarks.neighbour", str(core)) for core in cores.mine() for _ in range(each)]
    yield
    for child in busy:
        children.end(child)
