"""python -m benchmarks.power [--runs N] [--beside EACH]: how often the quick run is red, and with what made worse.

Every injection of `benchmarks.injections` in turn, and nothing at all, each N times; prints how often a ratio had
fallen, and which. What is measured runs as it does in ``python -m benchmarks NAME --quick``, beside EACH neighbours on
every processor.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import quick, record, suite
from benchmarks.children import Children, exit_on_signals
from benchmarks.gate import Verdict
from benchmarks.injections import INJECTIONS
from benchmarks.stage import Stage

CHOICES = ("nothing", *INJECTIONS)


def main(arguments: Sequence[str]) -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks.power", description=__doc__)
    options.add_argument("injections", nargs="*", metavar="INJECTION", help='by name, or "nothing"; by default all')
    options.add_argument("--runs", type=int, default=10, metavar="N")
    options.add_argument("--beside", type=int, default=0, metavar="EACH")
    chosen = options.parse_args(arguments)
    if unknown := [name for name in chosen.injections if name not in CHOICES]:
        options.error(f"there is no {', '.join(unknown)}; there is {', '.join(CHOICES)}")
    exit_on_signals()
    known = record.read()
    for injection in chosen.injections or CHOICES:
        names = [INJECTIONS[injection].benchmark] if injection in INJECTIONS else suite.NAMES
        red: list[Counter[str]] = []
        for number in range(chosen.runs):
            red.append(_fallen(injection, names, known, chosen.beside))
            print(f"{injection}: run {number + 1}: {', '.join(red[-1]) or 'green'}", file=sys.stderr, flush=True)
        which = ", ".join(f"{says} {times}" for says, times in sum(red, Counter()).most_common())
        print(f"{injection}: red in {sum(map(bool, red))} of {chosen.runs}{which and ': '}{which}", flush=True)
    return 0


def _fallen(injection: str, names: Sequence[str], known: record.Record, beside: int) -> Counter[str]:
    with Children() as children, TemporaryDirectory(prefix="benchmarks-") as place, redirect_stdout(sys.stderr):
        stage = Stage(children, Path(place), quick=True, injected=injection)
        with quick.neighbours(children, beside):
            found = quick.run(names, stage, known, lambda text: None, lambda results: None)
    return Counter(finding.goal.says for finding in found if finding.verdict is Verdict.FALLEN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
