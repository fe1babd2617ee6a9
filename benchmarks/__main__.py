"""python -m benchmarks: ours and its peers, side by side, in interleaved rounds on this machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import cores, quick, record, suite
from benchmarks.children import ChildError, Children, exit_on_signals
from benchmarks.gate import ELSEWHERE, Finding, Verdict
from benchmarks.model import as_json
from benchmarks.provenance import Provenance, committed, provenance
from benchmarks.report import as_document, table
from benchmarks.stage import Result, Stage


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0 measured, 1 a ratio has fallen or a benchmark failed, 2 usage, 130 or 143 ended by a signal."""
    options = parser()
    chosen = options.parse_args(arguments)
    if unknown := [name for name in chosen.names if name not in suite.NAMES]:
        options.error(f"there is no {', '.join(unknown)}; there is {', '.join(suite.NAMES)}")
    if chosen.record and chosen.json:
        options.error("a record is of ratios alone, and kept where it is: there is no --json")
    if chosen.plots and (chosen.quick or chosen.record):
        options.error("a quick run has nothing to plot: its sizes are too small")
    if chosen.record and cores.apart() == (None, None):
        options.error("a record needs a processor for the client and another for the server")
    if chosen.record and not committed():
        options.error("a record names a commit, and there are changes that are in none")
    try:
        _find_out_where(chosen)
    except OSError as error:
        options.error(f"nothing can be written there: {error}")
    exit_on_signals()
    try:
        with Children() as children, TemporaryDirectory(prefix="benchmarks-") as place:
            stage = Stage(children, Path(place), quick=bool(chosen.quick or chosen.record))
            return run(chosen, chosen.names or suite.NAMES, stage, children)
    except ChildError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(suite.NAMES)}; by default all")
    options.add_argument("--quick", action="store_true", help="in minutes; fails if a ratio to a peer has fallen")
    options.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured to FILE")
    options.add_argument("--plots", type=Path, metavar="DIR", help="draw what has a plot there, as NAME.svg")
    options.add_argument(
        "--record",
        choices=("anew", "more"),
        help=f"put {quick.PASSES} quick passes on record: in the place of what is there, after a change that means to "
        "move ratios, or beside it, in another hour",
    )
    return options


def _find_out_where(chosen: argparse.Namespace) -> None:
    """Whether what is measured can be written, before it is."""
    if chosen.plots:
        chosen.plots.mkdir(parents=True, exist_ok=True)
    path = chosen.json
    if path and not path.is_fifo():
        is_new = not path.exists()
        path.open("ab").close()
        if is_new:
            path.unlink()


def run(chosen: argparse.Namespace, names: Sequence[str], stage: Stage, children: Children) -> int:
    now = provenance()
    machine = now["machine"]
    print(f"commit {now['commit']}, {machine['processors']} x {machine['processor']}, {machine['system']}", end=", ")
    print(f"files on {machine['file_system']}")
    print(", ".join(f"{name} {version}" for name, version in now["versions"].items()), flush=True)
    print()
    known = record.read()
    if chosen.record:
        kept = known if chosen.record == "more" else record.without(known, names)
        record.write(quick.write_down(names, stage, children, kept, now, _tell))
        return 0

    def keep(results: Sequence[Result]) -> None:
        if chosen.json:
            chosen.json.write_bytes(as_json(_document(results, now, quick=chosen.quick)))

    if not chosen.quick:
        _run_full(names, stage, keep, chosen.plots)
        return 0
    unlike = {name: record.differences(known, name, now) for name in names}
    for name, differences in unlike.items():
        for each in differences:
            print(f"{name} differs from what is on record: {each}")
    found = quick.run(names, stage, known, _tell, keep)
    for finding in found:
        if finding.verdict is not Verdict.AS_BEFORE:
            print(f"{finding.verdict.value}: {finding.benchmark}: {finding.goal.says}")
    fallen = [finding for finding in found if finding.verdict is Verdict.FALLEN]
    print(f"{len(found)} ratios compared, {len(fallen)} fallen")
    return status(fallen, unlike)


def status(fallen: Sequence[Finding], unlike: Mapping[str, Sequence[str]]) -> int:
    """Another processor, or another version of a peer, moves ratios by more than the record knows of, but not by much.

    `unlike` has for each benchmark in what the record differs.
    """
    excused = [finding for finding in fallen if unlike[finding.benchmark] and finding.beyond <= ELSEWHERE]
    if excused:
        names = ", ".join(sorted({finding.benchmark for finding in excused}))
        print(f"not held against this code: {names}; --record more puts a machine like this on record")
    return 1 if len(excused) < len(fallen) else 0


def _run_full(names: Sequence[str], stage: Stage, keep: Callable[[Sequence[Result]], None], plots: Path | None) -> None:
    results: list[Result] = []
    for name in names:
        results.append(stage.run(suite.load(name), _tell))
        print(table(results[-1]), flush=True)
        keep(results)
        if plots and results[-1].benchmark.plot:
            _draw(results[-1], plots)


def _draw(result: Result, plots: Path) -> None:
    assert result.benchmark.plot
    plots.mkdir(parents=True, exist_ok=True)
    path = plots / f"{result.benchmark.name}.svg"
    path.write_text(result.benchmark.plot(result))
    print(f"drawn: {path}\n")


def _document(results: Sequence[Result], now: Provenance, *, quick: bool) -> dict[str, object]:
    return {**now, "quick": quick, "benchmarks": {result.benchmark.name: as_document(result) for result in results}}


def _tell(text: str) -> None:
    """What is going on, where somebody may be watching."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
