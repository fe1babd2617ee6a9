"""Manifests read and planned into jobs, against the bare parsers of the same formats."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import orjson

from benchmarks.accounts import SYNC_TASK
from benchmarks.memory import peak_rss_bytes
from benchmarks.meter import Meter
from benchmarks.model import RSS_MB, Benchmark, Figure, Goal, Quick, Sample, Setup, Side
from benchmarks.pushing import key
from benchmarks.turns import anew
from engine.cli.collector import tune_collector
from engine.clouds import clouds
from engine.clouds.huawei import Push
from engine.rows import Manifest
from engine.run import Options

ROWS_PER_S = Figure("calls_per_s", "rows/s", higher_is_better=True)
CPU_US_A_ROW = Figure("cpu_us", "CPU us/row", ",.2f")
GROWTH_MB = Figure("growth_mb", "MB more than at a tenth", ",.1f")


def ours(suffix: str) -> Callable[[Setup], Sample]:
    def measure(setup: Setup) -> Sample:
        path, rows = manifest(setup, suffix)
        plan, batch = clouds()["huawei"].plan, Options().batch
        tune_collector()
        read = jobs = 0
        early_bytes = 0
        with Meter() as meter:
            for chunk in Manifest(path, Push, {"sync_task_id": SYNC_TASK}).chunks():
                read += len(chunk.rows)
                jobs += len(plan(chunk.rows, ["oms"], batch).jobs)
                if not early_bytes and read >= rows / 10:
                    early_bytes = peak_rss_bytes()
        assert read == rows
        assert jobs >= rows / batch
        return meter.sample(rows) | {"growth_mb": (peak_rss_bytes() - early_bytes) / 1e6}

    return measure


def bare_csv(setup: Setup) -> Sample:
    path, rows = manifest(setup, ".csv")
    tune_collector()
    with Meter() as meter, path.open(newline="") as file:
        read = sum(len(record[0]) > 0 for record in csv.reader(file))
    assert read == rows + 1
    return meter.sample(rows)


def bare_json(setup: Setup) -> Sample:
    path, rows = manifest(setup, ".jsonl")
    tune_collector()
    with Meter() as meter, path.open("rb") as file:
        read = sum(len(orjson.loads(line)["key"]) > 0 for line in file)
    assert read == rows
    return meter.sample(rows)


def manifest(setup: Setup, suffix: str) -> tuple[Path, int]:
    """The file, made by the first round, and the rows in it."""
    path, rows = setup.directory / f"keys{suffix}", setup.size(1_000_000, quick=50_000)
    if not path.exists():
        with path.open("w") as file:
            if suffix == ".csv":
                file.write("key\n")
            form = "{}\n" if suffix == ".csv" else '{{"key":"{}"}}\n'
            file.writelines(form.format(key(number)) for number in range(rows))
    return path, rows


BENCHMARK = Benchmark(
    "rows",
    "a million rows read from a manifest and planned into jobs of ten keys",
    Quick("50,000 rows", rounds=14),
    sides=(
        Side("CSV", anew(ours(".csv"))),
        Side("csv.reader alone", anew(bare_csv)),
        Side("JSON lines", anew(ours(".jsonl"))),
        Side("orjson.loads alone", anew(bare_json)),
    ),
    figures=(ROWS_PER_S, CPU_US_A_ROW, RSS_MB, GROWTH_MB),
    goals=(
        Goal("rows/s, CSV", "CSV", ROWS_PER_S, 500_000, form=",.0f"),
        Goal("rows/s, JSON lines", "JSON lines", ROWS_PER_S, 700_000, form=",.0f"),
        Goal("MB more than at a tenth of the rows", "CSV", GROWTH_MB, 4, form=".1f"),
        Goal("of csv.reader's CPU", "CSV", CPU_US_A_ROW, None, of=("csv.reader alone",), form=".1f"),
        Goal("of orjson's CPU", "JSON lines", CPU_US_A_ROW, None, of=("orjson.loads alone",), form=".1f"),
    ),
)
