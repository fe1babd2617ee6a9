"""One manifest of keys through the whole engine, small and large: what a key costs, and the memory it takes.

A manifest that is done in a moment is done several times, each with a backlog of its own, until there is something to
measure; the first time is not counted, so that imports and the like do not look like a cost per key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.accounts import SYNC_TASK, oms_account
from benchmarks.meter import Meter
from benchmarks.model import RSS_MB, Benchmark, Figure, Goal, Quick, Sample, Server, Setup, Side
from benchmarks.plot import Panel, Point, panels
from benchmarks.pushing import OUT_OF_REACH, accepted, key
from benchmarks.statistic import values
from benchmarks.turns import anew
from engine import Engine, Push
from engine.cli.loop import run
from engine.model import Account
from engine.rows import Manifest

if TYPE_CHECKING:
    from benchmarks.stage import Result

WARM_UP = 10_000  # keys
ENOUGH, QUICK_ENOUGH = 400_000, 20_000  # keys to measure by
BLOCK = 100_000

CPU_US_A_KEY = Figure("cpu_us", "CPU us/key", ",.2f")
KEYS_PER_S = Figure("calls_per_s", "keys/s", higher_is_better=True)


def keys(number: int) -> Callable[[Setup], Sample]:
    def measure(setup: Setup) -> Sample:
        times = max(1, setup.size(ENOUGH, quick=QUICK_ENOUGH) // number)
        if not setup.quick:  # there a whole turn is not counted
            pushed(setup, WARM_UP)
        manifest(setup, number)
        with Meter() as meter:
            for _ in range(times):
                pushed(setup, number)
        return meter.sample(number * times)

    return measure


def pushed(setup: Setup, number: int) -> None:
    with TemporaryDirectory(dir=setup.directory) as place:
        run(_pushed(oms_account(setup.http), f"{place}/backlog.db", manifest(setup, number), number))


async def _pushed(account: Account, backlog: str, path: Path, number: int) -> None:
    async with Engine([account], backlog, rate=OUT_OF_REACH) as engine:
        await accepted(number, engine.endings(Manifest(path, Push, {"sync_task_id": SYNC_TASK})))


def manifest(setup: Setup, number: int) -> Path:
    path = setup.directory / f"{number}.csv"
    if not path.exists():
        with path.open("w") as file:
            file.write("key\n")
            lines = (f"{key(i)}\n" for i in range(number))
            while block := list(islice(lines, BLOCK)):
                file.writelines(block)
    return path


SIZES = {"10 thousand": 10_000, "50 thousand": 50_000, "1 million": 1_000_000, "10 million": 10_000_000}
SMALL, QUICK_LARGE, LARGE, LARGEST = SIZES
FULL = (SMALL, LARGE, LARGEST)


def plot(result: Result) -> str:
    def points(figure: Figure) -> list[Point]:
        found = {size: values(result.rounds, size, figure.key) for size in FULL}
        return [Point(size, median(each)) for size, each in found.items() if each]

    memory = Panel("peak memory, MB", ",.0f", points(RSS_MB), 200, "at most 200")
    return panels("Keys pushed from one manifest", [cost_panel(points(CPU_US_A_KEY)), memory])


def cost_panel(points: Sequence[Point]) -> Panel:
    bound = 1.1 * min(point.value for point in points)
    return Panel("CPU per key, us", ",.1f", points, bound, "1.1 x the cheapest")


BENCHMARK = Benchmark(
    "scale",
    "keys pushed from one manifest, ten a call, backlog on disk",
    Quick("10 thousand and 50 thousand keys", rounds=7),
    sides=(
        Side(SMALL, anew(keys(SIZES[SMALL]))),
        Side(QUICK_LARGE, anew(keys(SIZES[QUICK_LARGE])), in_full=False),
        Side(LARGE, anew(keys(SIZES[LARGE])), in_quick=False),
        Side(LARGEST, anew(keys(SIZES[LARGEST])), in_quick=False),
    ),
    figures=(CPU_US_A_KEY, KEYS_PER_S, RSS_MB),
    goals=(
        *(Goal(f"CPU per key at {size}, of the cheapest size's", size, CPU_US_A_KEY, 1.1, of=FULL) for size in FULL),
        Goal("CPU per key at 50 thousand, of 10 thousand's", QUICK_LARGE, CPU_US_A_KEY, None, of=(SMALL,)),
        Goal("peak RSS MB at 10 million", LARGEST, RSS_MB, 200, form=".0f"),
    ),
    rounds=2,
    server=Server(),
    plot=plot,
)
