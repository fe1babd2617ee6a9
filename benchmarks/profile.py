"""python -m benchmarks.profile BENCHMARK SIDE: where the time of one side goes, by share.

Needs py-spy on the PATH, which may look at this process (Linux: as root, or with kernel.yama.ptrace_scope=0).

The side takes turns of the full size, as many as make two seconds of CPU, and what is watched is what of them is
measured, in however many stretches: no warm-up, and nothing between them.

A sample belongs to the module of ours that is innermost on its stack, or else to the package, and to what that has
called meanwhile: a package, or the interpreter and libraries in C ("itself"). Only those samples are taken in which a
thread holds the interpreter's lock: without that, waiting for it would count as work. What SQLite and the system do
meanwhile is the rest of the CPU time.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from benchmarks import cores
from benchmarks.children import ChildError, exit_on_signals
from benchmarks.meter import Meter
from benchmarks.side import by_hand
from benchmarks.suite import find

RATE = 250  # samples/s
ENOUGH_S = 2.0  # of CPU
FRAME = re.compile(r"(?P<function>[^;]+?) \((?P<file>[^:;()]+)(?::\d+)?\)")
OURS = re.compile(r"(?:^|/)((?:engine|signers|benchmarks)/.+)\.py$")
INSTALLED = re.compile(r".*/site-packages/([^/]+?)(?:\.\w+$|/)")
STANDARD = re.compile(r"(?:.*/python3\.\d+/)?([^/]+?)(?:\.\w+$|/)")
RUNNERS = ("benchmarks/", "engine/cli/loop")  # below which everything happens
LOOPS = {"uvloop", "asyncio"}
LEAST = 0.005  # share of what is listed


def main(arguments: list[str]) -> int:
    """Exit status: 0 profiled, 1 there is nothing to tell, 2 usage, 130 or 143 ended by a signal."""
    if len(arguments) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    name, side = arguments
    try:
        benchmark = find(name, side)
    except LookupError as error:
        sys.stderr.write(f"benchmarks.profile: {error}\n")
        return 2
    exit_on_signals()
    try:
        with (
            TemporaryDirectory(prefix="benchmarks-") as place,
            FileIO(os.dup(1), "w") as told,
            watched(Path(place, "stacks.txt")) as seen,
        ):
            by_hand(benchmark, side, told, seen.enough)
    except ChildError as error:
        sys.stderr.write(f"benchmarks.profile: {error}\n")
        return 1
    if not (shares := seen.shares):
        why = "it was too short to be sampled" if seen.wall_s else "nothing of it is measured in this process"
        sys.stderr.write(f"benchmarks.profile: {name}, {side}: {why}\n")
        return 1
    print(f"CPU {seen.cpu_s:.2f} s in {seen.wall_s:.2f} s, {shares.total() / RATE:.2f} s with the interpreter's lock")
    for (owner, callee), samples in shares.most_common():
        if samples / shares.total() >= LEAST:
            print(f"{samples / shares.total():6.1%}  {owner:40} {callee}")
    return 0


@dataclass
class Seen:
    """What was measured, all in all, and whose the samples are."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    shares: Counter[tuple[str, str]] = field(default_factory=Counter)

    def enough(self) -> bool:
        """Also if nothing is ever measured here."""
        return not self.wall_s or self.cpu_s >= ENOUGH_S


@contextmanager
def watched(stacks: Path) -> Iterator[Seen]:
    """Whatever is measured is sampled meanwhile, from the other processor, by way of a file."""
    enter, leave = Meter.__enter__, Meter.__exit__
    seen, beside = Seen(), cores.apart()[1]
    sampler: list[subprocess.Popen[bytes]] = []

    def watch(self: Meter) -> Meter:
        command = ["py-spy", "record", "--pid", str(os.getpid()), "--gil", "--rate", str(RATE), "--full-filenames"]
        command += ["--format", "raw", "--output", str(stacks)]
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE)
        except FileNotFoundError:
            raise ChildError("there is no py-spy on the PATH") from None
        sampler.append(process)
        if beside is not None:
            os.sched_setaffinity(process.pid, {beside})
        assert process.stdout
        if b"Sampling" not in process.stdout.readline():
            process.communicate()
            raise ChildError(f"py-spy ended with status {process.returncode}")
        return enter(self)

    def unwatch(
        self: Meter, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leave(self, kind, error, trace)
        process = sampler.pop()
        process.send_signal(signal.SIGINT)
        process.communicate()
        seen.cpu_s += self.cpu_s
        seen.wall_s += self.wall_s
        if stacks.exists():
            seen.shares += by_area(stacks.read_text())
            stacks.unlink()

    Meter.__enter__, Meter.__exit__ = watch, unwatch  # type: ignore[method-assign, assignment]
    try:
        yield seen
    finally:
        Meter.__enter__, Meter.__exit__ = enter, leave  # type: ignore[method-assign]


def by_area(stacks: str) -> Counter[tuple[str, str]]:
    """(whose it is, what that has called) -> samples. Each line is ``frame;frame;... samples``, outermost first."""
    shares: Counter[tuple[str, str]] = Counter()
    for line in stacks.splitlines():
        stack, _, samples = line.rpartition(" ")
        shares[_area([found["file"] for found in FRAME.finditer(stack)])] += int(samples)
    return shares


def _area(files: list[str]) -> tuple[str, str]:
    innermost = _package(files[-1]) if files else "(the interpreter)"
    for file in reversed(files):
        if (owner := _owner(file)) is not None:
            return owner, "itself" if _owner(files[-1]) == owner else innermost
    return "(the event loop)" if LOOPS.intersection(map(_package, files)) else "(nobody)", innermost


def _owner(file: str) -> str | None:
    if found := INSTALLED.match(file):
        return None if found[1] in LOOPS else found[1]
    ours = OURS.search(file)
    return _module(ours[1]) if ours and not ours[1].startswith(RUNNERS) else None


def _package(file: str) -> str:
    if not INSTALLED.match(file) and (ours := OURS.search(file)):
        return _module(ours[1])
    found = INSTALLED.match(file) or STANDARD.match(file)
    return found[1] if found else file


def _module(path: str) -> str:
    return path.replace("/", ".")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
