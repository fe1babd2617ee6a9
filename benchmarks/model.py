"""What a benchmark is: sides that do the same work, the figures that each gives, and the goals they are held to."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import orjson

if TYPE_CHECKING:
    from benchmarks.stage import Result

Sample: TypeAlias = dict[str, float]
"""What one side measured in one round: figure -> value."""

Turns: TypeAlias = Generator[Sample]
"""What one side does in a process: another sample, of another stretch of work, whenever it is asked."""

Round: TypeAlias = Mapping[str, Sample]
"""One round: side -> sample."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a side is given to work with."""

    quick: bool
    place: str  # a directory on disk, which the rounds of one benchmark share
    http: str  # base URLs of the neutral server; "" if the benchmark has none
    https: str
    core: int | None  # where to run, away from the server; None: anywhere
    injected: str = ""  # what is to make ours worse; see `benchmarks.injections`

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**orjson.loads(text))

    def to_json(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    @property
    def directory(self) -> Path:
        return Path(self.place)

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Side:
    """Ours, or a peer, in a process of its own: anew in every round, or with ``--quick`` for many turns."""

    name: str
    turns: Callable[[Setup], Turns]
    in_quick: bool = True
    in_full: bool = True


@dataclass(frozen=True, slots=True)
class Figure:
    """One column of the table."""

    key: str  # in samples
    title: str
    form: str = ",.0f"
    higher_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure of one side, or its ratio to another side's, and what it should be.

    Ratios are taken within a round, where both sides met the same machine, and their median counts.
    """

    says: str
    side: str
    figure: Figure
    bound: float | None  # at least that if higher is better, else at most; None: only watched
    of: Sequence[str] = ()  # ratio to the best of these sides
    form: str = ".2f"
    held: bool = True  # whether --quick holds it, if it is a ratio, to what is on record

    def met(self, value: float) -> bool | None:
        if self.bound is None:
            return None
        return value >= self.bound if self.figure.higher_is_better else value <= self.bound


@dataclass(frozen=True, slots=True)
class Server:
    """The neutral server that a benchmark wants: how long it takes to answer, and how long its tasks run."""

    service_s: float = 0.0
    task_s: tuple[float, float] = (0.0, 0.0)
    quick_task_s: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Quick:
    """How a benchmark is run with ``--quick``: the processes of its sides stay, and take short turns."""

    says: str  # how it differs from the full one
    rounds: int = 12
    warm_up: bool = True  # whether the first turns of new processes do not count
    together: bool = False  # whether the sides, which wait most of the time, take their turns at once


@dataclass(frozen=True, slots=True)
class Benchmark:
    name: str
    says: str  # what is measured, in a line
    quick: Quick
    sides: Sequence[Side]
    figures: Sequence[Figure]
    goals: Sequence[Goal]
    rounds: int = 5
    server: Server | None = None
    plot: Callable[[Result], str] | None = None  # SVG

    def side(self, name: str) -> Side:
        return next(side for side in self.sides if side.name == name)


# Columns that several benchmarks have.
CALLS_PER_S = Figure("calls_per_s", "calls/s", higher_is_better=True)
CPU_US = Figure("cpu_us", "CPU us/call", ",.1f")
RSS_MB = Figure("rss_mb", "peak RSS MB", ",.1f")


def as_json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
