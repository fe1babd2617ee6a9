"""Runs benchmarks: a server where one is wanted, and the sides in turn, each in a child, for several rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from benchmarks import certificate, cores
from benchmarks.children import Child, ChildError, Children, answer, begin
from benchmarks.model import Benchmark, Round, Sample, Server, Setup

SIDE_S, QUICK_SIDE_S = 1800.0, 60.0  # for one side in one round; building a deep backlog takes minutes
START_S = 60.0  # until a side is ready, or the neutral server


@dataclass(frozen=True, slots=True)
class Result:
    benchmark: Benchmark
    rounds: Sequence[Round]


class Stage:
    """What the benchmarks of one run share: a directory on disk, a certificate, processors."""

    def __init__(self, children: Children, directory: Path, *, quick: bool, injected: str = "") -> None:
        """`injected` makes ours worse, to see whether that is noticed."""
        self._children = children
        self._directory = directory
        self._quick = quick
        self._injected = injected
        self._setups: dict[str, Setup] = {}
        self._client_core, self._server_core = cores.apart()
        self._certificate = certificate.make(directory)

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes a process trust the neutral server, and find nothing of the user's: an SDK writes into his home,
        and they all look there, and for proxies."""
        return {**self._certificate.trust, "HOME": str(self._directory), "NO_PROXY": "*"}

    def run(self, benchmark: Benchmark, tell: Callable[[str], None]) -> Result:
        """
        Raises:
            ChildError: a side failed.
        """
        setup = self.setup(benchmark)
        if self._quick:
            return Result(benchmark, self._short_rounds(benchmark, setup, tell))
        sides = [side.name for side in benchmark.sides if side.in_full]
        rounds = []
        for number in range(benchmark.rounds):
            samples = {}
            for side in _turn(sides, number):
                tell(f"{benchmark.name}: round {number + 1} of {benchmark.rounds}, {side}")
                child = self._start(benchmark, side, setup)
                samples[side] = self._measured(child, SIDE_S)
                self._children.end(child)
            rounds.append(samples)
        return Result(benchmark, rounds)

    def _short_rounds(self, benchmark: Benchmark, setup: Setup, tell: Callable[[str], None]) -> list[Round]:
        """Rounds in which processes that stay take short turns: the machine hardly changes within one, and what
        starting costs is paid once."""
        quick = benchmark.quick
        names = [side.name for side in benchmark.sides if side.in_quick]
        sides = {name: self._start(benchmark, name, setup) for name in names}
        rounds: list[Round] = []
        for number in range(-1 if quick.warm_up else 0, quick.rounds):
            tell(f"{benchmark.name}: round {number + 1} of {quick.rounds}")
            turn = {name: sides[name] for name in _turn(names, number)}
            if quick.together:
                for child in turn.values():
                    begin(child)
                samples = {name: answer(child, QUICK_SIDE_S) for name, child in turn.items()}
            else:
                samples = {name: self._measured(child, QUICK_SIDE_S) for name, child in turn.items()}
            if number >= 0:
                rounds.append(samples)
        for child in sides.values():
            self._children.end(child)
        return rounds

    def setup(self, benchmark: Benchmark) -> Setup:
        """What the sides of a benchmark are given, the same however often it is run."""
        if benchmark.name not in self._setups:
            urls = self._serve(benchmark.server) if benchmark.server else {"http": "", "https": ""}
            place = mkdtemp(prefix=f"{benchmark.name}-", dir=self._directory)
            core = self._client_core
            self._setups[benchmark.name] = Setup(self._quick, place, urls["http"], urls["https"], core, self._injected)
        return self._setups[benchmark.name]

    def _start(self, benchmark: Benchmark, side: str, setup: Setup) -> Child:
        """A side that is ready: what it takes to be is nobody else's neighbour."""
        arguments = (benchmark.name, side, setup.to_json())
        child = self._children.start("benchmarks.side", *arguments, environment=self.environment)
        answer(child, START_S)
        return child

    def _measured(self, side: Child, timeout_s: float) -> Sample:
        begin(side)
        return answer(side, timeout_s)

    def _serve(self, server: Server) -> Mapping[str, str]:
        """Start the neutral server. It ends with the run.

        Raises:
            ChildError: it did not start.
        """
        least_s, most_s = server.quick_task_s if self._quick else server.task_s
        arguments = ["--certificate", str(self._certificate.chain), "--service-s", str(server.service_s)]
        arguments += ["--task-s", str(least_s), str(most_s)]
        if self._server_core is not None:
            arguments += ["--core", str(self._server_core)]
        process = self._children.start("benchmarks.server", *arguments)
        try:
            return answer(process, START_S)
        except ChildError as error:
            raise ChildError(f"the neutral server did not start: {error}") from None


def _turn(sides: Sequence[str], number: int) -> Sequence[str]:
    """Every round begins with another side, so that none is always the first after a pause."""
    first = number % len(sides)
    return [*sides[first:], *sides[:first]]
