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

from benchmarks.model import Benchmark, Figure, Goal, Sample, Setup, Side

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
print(f'\\n{{{{"sockets": {{len(sockets)}}, "vendors": {{found}}}}}}')
"""
HELP_WORK = "from engine.__main__ import main; sys.argv = ['syncmux', '--help']; main()"


def started(command: Sequence[str], work: str) -> Callable[[Setup], Sample]:
    def measure(setup: Setup) -> Sample:
        times = [_once(command) for _ in range(setup.size(15, quick=5))]
        sample = {"wall_ms": median([wall for wall, _ in times]), "cpu_ms": median([cpu for _, cpu in times])}
        return sample | _touched(work)

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
    sides=(
        Side("syncmux --help", started(HELP, HELP_WORK)),
        Side("import engine", started(IMPORT, "import engine")),
        Side("from engine import Engine", started(USE, "from engine import Engine")),
        Side("python alone", started(PYTHON, "pass")),
    ),
    figures=(WALL_MS, CPU_MS, SOCKETS, VENDORS),
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
    quick_rounds=1,
)
