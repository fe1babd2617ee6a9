"""From nothing to ready: the command's help, and the import of the library, against Python alone.

Python is started anew each time, and the median counts.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import orjson

from benchmarks.model import RSS_MB, Benchmark, Figure, Goal, Quick, Sample, Setup, Side
from benchmarks.turns import anew

WALL_MS = Figure("wall_ms", "ms", ",.1f")
CPU_MS = Figure("cpu_ms", "CPU ms", ",.1f")
SOCKETS = Figure("sockets", "sockets")
VENDORS = Figure("vendors", "vendor modules")

HELP = (str(Path(sys.executable).with_name("syncmux")), "--help")
IMPORT = (sys.executable, "-c", "import engine")
USE = (sys.executable, "-c", "from engine import Engine")
PYTHON = (sys.executable, "-c", "pass")

# Does the same inside one interpreter, and tells what it touched.
PROBE = """
import sys
sockets = []
sys.addaudithook(lambda event, arguments: sockets.append(event) if event.startswith("socket.") else None)
try:
    {work}
except SystemExit:
    pass
vendors = ("aliyunsdk", "alibabacloud", "Tea", "darabonba", "huaweicloudsdk")
found = sum(name.startswith(vendors) for name in sys.modules)
from benchmarks.memory import peak_rss_bytes
mb = peak_rss_bytes() / 1e6
print(f'\\n{{{{"sockets": {{len(sockets)}}, "vendors": {{found}}, "rss_mb": {{mb}}}}}}')
"""
HELP_WORK = "from engine.__main__ import main; sys.argv = ['syncmux', '--help']; main()"


def started(command: Sequence[str], work: str, *, quick: int = 1) -> Callable[[Setup], Sample]:
    def measure(setup: Setup) -> Sample:
        times = [_once(command) for _ in range(setup.size(15, quick=quick))]
        sample = {"wall_ms": median([wall for wall, _ in times]), "cpu_ms": median([cpu for _, cpu in times])}
        return sample if setup.quick else sample | _touched(work)

    return measure


def _once(command: Sequence[str]) -> tuple[float, float]:
    """(ms until it has ended, ms of CPU)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall_s * 1000, cpu_s * 1000


def _touched(work: str) -> Sample:
    probe = PROBE.format(work=work)
    told = subprocess.run([sys.executable, "-c", probe], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    touched: Sample = orjson.loads(told.stdout.splitlines()[-1])
    return touched


BENCHMARK = Benchmark(
    "start",
    "from nothing to ready",
    Quick("once a turn, Python alone five times"),
    sides=(
        Side("syncmux --help", anew(started(HELP, HELP_WORK))),
        Side("import engine", anew(started(IMPORT, "import engine")), in_quick=False),
        Side("from engine import Engine", anew(started(USE, "from engine import Engine"))),
        Side("python alone", anew(started(PYTHON, "pass", quick=5))),
    ),
    figures=(WALL_MS, CPU_MS, SOCKETS, VENDORS, RSS_MB),
    goals=(
        Goal("ms, syncmux --help", "syncmux --help", WALL_MS, 120, form=".0f"),
        Goal("ms, import engine", "import engine", WALL_MS, 80, form=".0f"),
        *(Goal(f"sockets, {side}", side, SOCKETS, 0, form=".0f") for side in ("syncmux --help", "import engine")),
        *(
            Goal(f"vendor modules, {side}", side, VENDORS, 0, form=".0f")
            for side in ("syncmux --help", "import engine")
        ),
        Goal("syncmux --help, of python alone", "syncmux --help", CPU_MS, None, of=("python alone",)),
        Goal("import of Engine, of python alone", "from engine import Engine", CPU_MS, None, of=("python alone",)),
    ),
)
