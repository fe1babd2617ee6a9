"""python -m benchmarks.side BENCHMARK SIDE: one round of one side in a process of its own; prints its sample.

By hand it starts the neutral server itself, so that a profiler can be put before it.
"""

from __future__ import annotations

import logging
import os
import sys

import orjson

from benchmarks.children import follow_parent
from benchmarks.cores import stay_on
from benchmarks.model import Benchmark, Setup
from benchmarks.suite import load


def main(arguments: list[str]) -> int:
    if len(arguments) not in {2, 3}:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    follow_parent()
    benchmark = load(arguments[0])
    if len(arguments) == 3:
        measure(benchmark, arguments[1], Setup.from_json(arguments[2]))
        return 0
    by_hand(benchmark, arguments[1])
    return 0


def by_hand(benchmark: Benchmark, side: str) -> None:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from benchmarks.children import Children
    from benchmarks.stage import Stage

    with Children() as children, TemporaryDirectory(prefix="benchmarks-") as place:
        stage = Stage(children, Path(place), quick=False)
        os.environ.update(stage.environment)
        measure(benchmark, side, stage.setup(benchmark))


def measure(benchmark: Benchmark, side: str, setup: Setup) -> None:
    logging.disable(logging.CRITICAL)  # the SDKs' own handlers write to the terminal
    stay_on(setup.core)
    sample = benchmark.side(side).measure(setup)
    sys.stdout.buffer.write(orjson.dumps(sample) + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
