"""python -m benchmarks.side BENCHMARK SIDE: one side in a process of its own; prints ``{}`` when it is ready, and a
sample for every turn.

By hand it takes one turn, and starts the neutral server itself, so that a profiler can be put before it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from io import FileIO
from threading import Semaphore

import orjson

from benchmarks.children import ChildError, exit_on_signals, follow_parent
from benchmarks.cores import stay_on
from benchmarks.injections import injected
from benchmarks.model import Benchmark, Sample, Setup
from benchmarks.suite import find


def main(arguments: list[str]) -> int:
    """Exit status: 0 by hand, 1 it failed, 2 usage, 130 or 143 ended by a signal."""
    if len(arguments) not in {2, 3}:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    logging.disable(logging.CRITICAL)  # the SDKs' own handlers write to the terminal
    with FileIO(os.dup(1), "w") as told:
        os.dup2(2, 1)  # what a library prints is no sample
        try:
            benchmark = find(*arguments[:2])
        except LookupError as error:
            sys.stderr.write(f"benchmarks.side: {error}\n")
            return 2
        if len(arguments) == 2:
            return _by_hand(benchmark, arguments[1], told)
        turns = follow_parent()
        setup = Setup.from_json(arguments[2])
        stay_on(setup.core)
        sample: Sample = {}  # ready
        with closing(injected(benchmark.side(arguments[1]), setup)) as samples:
            while True:
                tell(sample, told, turns)
                sample = next(samples)


def tell(sample: Sample, told: FileIO, turns: Semaphore) -> None:
    """And wait for the next turn. Who is asked to end from then on leaves files as they should be; amid a turn he just
    ends."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    told.write(orjson.dumps(sample) + b"\n")
    turns.acquire()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _by_hand(benchmark: Benchmark, side: str, told: FileIO) -> int:
    exit_on_signals()
    try:
        by_hand(benchmark, side, told)
    except ChildError as error:
        sys.stderr.write(f"benchmarks.side: {error}\n")
        return 1
    return 0


def by_hand(benchmark: Benchmark, side: str, told: FileIO, enough: Callable[[], bool] = lambda: True) -> None:
    """A turn, and more of them until there is enough."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from benchmarks.children import Children
    from benchmarks.stage import Stage

    with Children() as children, TemporaryDirectory(prefix="benchmarks-") as place:
        stage = Stage(children, Path(place), quick=False)
        os.environ.update(stage.environment)
        setup = stage.setup(benchmark)
        stay_on(setup.core)
        try:
            with closing(benchmark.side(side).turns(setup)) as samples:
                for sample in samples:
                    told.write(orjson.dumps(sample) + b"\n")
                    if enough():
                        break
        except KeyboardInterrupt:  # which the engine's loop makes of any signal
            sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
