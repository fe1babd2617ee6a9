"""Runs benchmarks: a server where one is wanted, and the sides in turn, each in a child, for several rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import orjson

from benchmarks import certificate, cores
from benchmarks.children import ChildError, Children
from benchmarks.model import Benchmark, Round, Sample, Server, Setup, Side

SIDE_S, QUICK_SIDE_S = 1800.0, 60.0  # for one side in one round; building a deep backlog takes minutes


@dataclass(frozen=True, slots=True)
class Result:
    benchmark: Benchmark
    rounds: Sequence[Round]


class Stage:
    """What the benchmarks of one run share: a directory on disk, a certificate, processors."""

    def __init__(self, children: Children, directory: Path, *, quick: bool) -> None:
        self._children = children
        self._directory = directory
        self._quick = quick
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
        sides = [side for side in benchmark.sides if (side.in_quick if self._quick else side.in_full)]
        rounds: list[Round] = []
        count = benchmark.quick_rounds if self._quick else benchmark.rounds
        for number in range(count):
            # Every round begins with another side, so that none is always the first after a pause.
            turn = [*sides[number % len(sides) :], *sides[: number % len(sides)]]
            samples = {}
            for side in turn:
                tell(f"{benchmark.name}: round {number + 1} of {count}, {side.name}")
                samples[side.name] = self._measure(benchmark, side, setup)
            rounds.append(samples)
        return Result(benchmark, rounds)

    def setup(self, benchmark: Benchmark) -> Setup:
        urls = self._serve(benchmark.server) if benchmark.server else {"http": "", "https": ""}
        place = mkdtemp(prefix=f"{benchmark.name}-", dir=self._directory)
        return Setup(self._quick, place, urls["http"], urls["https"], self._client_core)

    def _measure(self, benchmark: Benchmark, side: Side, setup: Setup) -> Sample:
        return self._children.ask(
            "benchmarks.side",
            benchmark.name,
            side.name,
            setup.to_json(),
            timeout_s=QUICK_SIDE_S if self._quick else SIDE_S,
            environment=self.environment,
        )

    def _serve(self, server: Server) -> Mapping[str, str]:
        """Start the neutral server. It ends with the run."""
        least_s, most_s = server.quick_task_s if self._quick else server.task_s
        arguments = ["--certificate", str(self._certificate.chain), "--service-s", str(server.service_s)]
        arguments += ["--task-s", str(least_s), str(most_s)]
        if self._server_core is not None:
            arguments += ["--core", str(self._server_core)]
        process = self._children.start("benchmarks.server", *arguments)
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise ChildError("the neutral server did not start")
        urls: dict[str, str] = orjson.loads(line)
        return urls
