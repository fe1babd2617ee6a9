"""python -m benchmarks: ours and its peers, side by side, in interleaved rounds on this machine."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import cores, gate, provenance, suite
from benchmarks.children import ChildError, Children
from benchmarks.model import as_json
from benchmarks.report import as_document, table
from benchmarks.stage import Result, Stage

PASSES = 7  # of --record
MORE_LOOKS = 3  # at a ratio that seems to have fallen
DOCS = provenance.ROOT / "docs"


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0 measured, 1 a ratio has fallen or a benchmark failed, 2 usage, 130 or 143 ended by a signal."""
    chosen = parser().parse_args(arguments)
    for sign in (signal.SIGINT, signal.SIGTERM):  # also where whoever started it has signals ignored
        signal.signal(sign, lambda number, frame: sys.exit(128 + number))
    try:
        with Children() as children, TemporaryDirectory(prefix="benchmarks-") as place:
            return run(chosen, Stage(children, Path(place), quick=chosen.quick or chosen.record))
    except ChildError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(suite.NAMES)}; by default all")
    options.add_argument(
        "--quick", action="store_true", help="small, in a minute; fails if a ratio to a peer has fallen"
    )
    options.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured to FILE")
    options.add_argument("--record", action="store_true", help=f"write down the ratios of {PASSES} quick passes")
    return options


def run(chosen: argparse.Namespace, stage: Stage) -> int:
    unknown = [name for name in chosen.names if name not in suite.NAMES]
    if unknown:
        print(f"benchmarks: there is no {', '.join(unknown)}; there is {', '.join(suite.NAMES)}", file=sys.stderr)
        return 2
    names = chosen.names or suite.NAMES
    if chosen.record:
        return _record(names, stage)
    _head()
    results = []
    fallen = []
    for name in names:
        results.append(stage.run(suite.load(name), _tell))
        print(table(results[-1]), flush=True)
        if chosen.quick:
            fallen += _confirmed(results[-1], stage)
        elif results[-1].benchmark.plot:
            _draw(results[-1])
    if chosen.json:
        chosen.json.write_bytes(as_json(_document(results, chosen.quick)))
    for each in fallen:
        print(f"fallen: {each}")
    return 1 if fallen else 0


def _confirmed(result: Result, stage: Stage) -> list[gate.Fallen]:
    """What has fallen, and does not rise when more rounds are measured: a busy neighbour is not a regression."""
    if cores.apart() == (None, None) and result.benchmark.server:
        return []  # what the server costs is in every figure, and was not in those on record
    record = gate.read()
    rounds = list(result.rounds)
    for _ in range(MORE_LOOKS):
        if not gate.fallen(Result(result.benchmark, rounds), record):
            return []
        rounds += stage.run(result.benchmark, _tell).rounds
    return gate.fallen(Result(result.benchmark, rounds), record)


def _record(names: Sequence[str], stage: Stage) -> int:
    """Write down what quick passes find, all benchmarks in turn, so that their passes lie minutes apart."""
    passes: dict[str, list[Result]] = {name: [] for name in names}
    for number in range(PASSES):
        for name in names:
            passes[name].append(stage.run(suite.load(name), _tell))
        print(f"pass {number + 1} of {PASSES}", flush=True)
    record = {**gate.read(), **{name: gate.record_of(results) for name, results in passes.items()}}
    gate.write(record)
    for name in names:
        for says, known in record[name].items():
            print(f"{name}: {says}: {known['ratio']:.3f}, spread {known['spread']:.0%}")
    return 0


def _draw(result: Result) -> None:
    assert result.benchmark.plot
    path = DOCS / f"{result.benchmark.name}.svg"
    path.write_text(result.benchmark.plot(result))
    print(f"drawn: {path.relative_to(provenance.ROOT)}\n")


def _head() -> None:
    machine, versions = provenance.machine(), provenance.versions()
    print(f"commit {provenance.commit()}, {machine['processors']} x {machine['processor']}, {machine['system']}")
    print(", ".join(f"{name} {version}" for name, version in versions.items()), flush=True)
    print()


def _document(results: Sequence[Result], quick: bool) -> dict[str, object]:
    return {
        "commit": provenance.commit(),
        "quick": quick,
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "benchmarks": {result.benchmark.name: as_document(result) for result in results},
    }


def _tell(text: str) -> None:
    """What is going on, where somebody may be watching."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
