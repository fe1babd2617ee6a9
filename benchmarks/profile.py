"""Where the time goes, by share, from the stacks that a sampling profiler has taken.

    py-spy record --gil --rate 500 --format raw --output stacks.txt -- python -m benchmarks.side calls ours
    python -m benchmarks.profile stacks.txt

A sample belongs to the module of ours that is innermost on its stack, and to what that has called meanwhile: a
package, or the interpreter and libraries in C ("itself"). With ``--gil`` only those samples are taken in which a thread
holds the interpreter's lock: without it, waiting for the lock counts as work.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

FRAME = re.compile(r"(?P<function>[^;]+?) \((?P<file>[^:;()]+)(?::\d+)?\)")
OURS = re.compile(r"(?:^|/)((?:engine|signers|benchmarks)/.+)\.py$")
PACKAGE = re.compile(r"(?:.*/(?:site-packages|python3\.\d+)/)?([^/]+?)(?:\.py$|/)")
RUNNERS = ("benchmarks/", "engine/cli/loop")  # below which everything happens
LEAST = 0.005  # share of what is listed


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    shares = by_area(Path(arguments[0]).read_text())
    total = sum(shares.values())
    for (module, callee), samples in shares.most_common():
        if samples / total >= LEAST:
            print(f"{samples / total:6.1%}  {module:40} {callee}")
    return 0


def by_area(stacks: str) -> Counter[tuple[str, str]]:
    """(module of ours, what it has called) -> samples. Each line is ``frame;frame;... samples``, outermost first."""
    shares: Counter[tuple[str, str]] = Counter()
    for line in stacks.splitlines():
        stack, _, samples = line.rpartition(" ")
        frames = [(found["function"], found["file"]) for found in FRAME.finditer(stack)]
        shares[_area(frames)] += int(samples)
    return shares


def _area(frames: list[tuple[str, str]]) -> tuple[str, str]:
    innermost = frames[-1][1] if frames else ""
    for _, file in reversed(frames):
        if (ours := OURS.search(file)) and not ours[1].startswith(RUNNERS):
            return ours[1].replace("/", "."), "itself" if file == innermost else _package(innermost)
    return "(the event loop)", _package(innermost)


def _package(file: str) -> str:
    found = PACKAGE.search(file)
    return found[1] if found else file


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
