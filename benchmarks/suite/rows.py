"""Manifests read and planned into jobs, against the bare parsers of the same formats: of keys, one short column, which
go in batches, and of directories, three columns of a share each, which go one by one.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from benchmarks.accounts import SYNC_TASK
from benchmarks.memory import peak_rss_bytes
from benchmarks.meter import Meter
from benchmarks.model import RSS_MB, Benchmark, Figure, Goal, Quick, Sample, Setup, Side
from benchmarks.pushing import GATEWAYS, key
from benchmarks.turns import anew
from engine.cli.collector import tune_collector
from engine.clouds import clouds
from engine.clouds.alibaba import Trigger
from engine.clouds.huawei import Push
from engine.rows import Manifest
from engine.run import Options

ROWS_PER_S = Figure("calls_per_s", "rows/s", higher_is_better=True)
CPU_US_A_ROW = Figure("cpu_us", "CPU us/row", ",.2f")
GROWTH_MB = Figure("growth_mb", "MB more than at a tenth", ",.1f")


class Workload(NamedTuple):
    """Rows of one cloud, as a manifest of its own has them."""

    name: str
    cloud: str
    row: type[Any]
    columns: Sequence[str]
    values: Callable[[int], Sequence[str]]  # of the row of a number
    fixed: Mapping[str, str]  # for the other columns


def _directory(number: int) -> Sequence[str]:
    """Of a hundred gateways. Names are people's: one in eight is quoted in CSV, and is not ASCII."""
    gateway, customer = number % GATEWAYS, number % 1000
    name = f"Aufträge, {number:08}" if number % 8 == 0 else f"orders-{number:08}"
    return f"gw-0001b2otnkdz{gateway:05}", "SMBhome" if gateway % 4 == 0 else "NFSphotos", f"/2026/{customer:04}/{name}"


KEYS = Workload("keys", "huawei", Push, ("key",), lambda number: (key(number),), {"sync_task_id": SYNC_TASK})
DIRECTORIES = Workload("directories", "alibaba", Trigger, ("gateway_id", "index_id", "path"), _directory, {})


def ours(workload: Workload, suffix: str) -> Callable[[Setup], Sample]:
    def measure(setup: Setup) -> Sample:
        path, rows = manifest(setup, workload, suffix)
        plan, batch = clouds()[workload.cloud].plan, Options().batch
        tune_collector()
        read = jobs = 0
        early_bytes = 0
        with Meter() as meter:
            for chunk in Manifest(path, workload.row, workload.fixed).chunks():
                read += len(chunk.rows)
                jobs += len(plan(chunk.rows, ["account"], batch).jobs)
                if not early_bytes and read >= rows / 10:
                    early_bytes = peak_rss_bytes()
        assert read == rows
        assert jobs >= rows / batch
        return meter.sample(rows) | {"growth_mb": (peak_rss_bytes() - early_bytes) / 1e6}

    return measure


def bare_csv(workload: Workload) -> Callable[[Setup], Sample]:
    def measure(setup: Setup) -> Sample:
        path, rows = manifest(setup, workload, ".csv")
        tune_collector()
        with Meter() as meter, path.open(newline="") as file:
            read = sum(len(record[0]) > 0 for record in csv.reader(file))
        assert read == rows + 1
        return meter.sample(rows)

    return measure


def bare_json(workload: Workload) -> Callable[[Setup], Sample]:
    def measure(setup: Setup) -> Sample:
        path, rows = manifest(setup, workload, ".jsonl")
        column = workload.columns[0]
        tune_collector()
        with Meter() as meter, path.open("rb") as file:
            read = sum(len(orjson.loads(line)[column]) > 0 for line in file)
        assert read == rows
        return meter.sample(rows)

    return measure


def manifest(setup: Setup, workload: Workload, suffix: str) -> tuple[Path, int]:
    """The file, made by the first round, and the rows in it."""
    path, rows = setup.directory / f"{workload.name}{suffix}", setup.size(1_000_000, quick=50_000)
    if not path.exists():
        values = map(workload.values, range(rows))
        with path.open("w", newline="") as file:
            if suffix == ".csv":
                csv.writer(file, lineterminator="\n").writerows(chain([workload.columns], values))
            else:
                records = (dict(zip(workload.columns, each, strict=True)) for each in values)
                file.writelines(f"{orjson.dumps(record).decode()}\n" for record in records)
    return path, rows


OF_KEYS = ("CSV", "csv.reader alone", "JSON lines", "orjson.loads alone")
OF_DIRECTORIES = tuple(f"{side}, {DIRECTORIES.name}" for side in OF_KEYS)


def _sides(workload: Workload, names: Sequence[str]) -> Sequence[Side]:
    each = ours(workload, ".csv"), bare_csv(workload), ours(workload, ".jsonl"), bare_json(workload)
    return [Side(name, anew(measure)) for name, measure in zip(names, each, strict=True)]


def _ratios(names: Sequence[str], of_what: str = "") -> Sequence[Goal]:
    csv_rows, bare_csv_rows, json_lines, bare_json_lines = names
    return [
        Goal(f"of csv.reader's CPU{of_what}", csv_rows, CPU_US_A_ROW, None, of=(bare_csv_rows,), form=".1f"),
        Goal(f"of orjson's CPU{of_what}", json_lines, CPU_US_A_ROW, None, of=(bare_json_lines,), form=".1f"),
    ]


BENCHMARK = Benchmark(
    "rows",
    "a million rows read from a manifest and planned into jobs: keys in tens, directories one by one",
    Quick("50,000 rows", rounds=14),
    sides=(*_sides(KEYS, OF_KEYS), *_sides(DIRECTORIES, OF_DIRECTORIES)),
    figures=(ROWS_PER_S, CPU_US_A_ROW, RSS_MB, GROWTH_MB),
    goals=(
        Goal("rows/s, CSV", "CSV", ROWS_PER_S, 500_000, form=",.0f"),
        Goal("rows/s, JSON lines", "JSON lines", ROWS_PER_S, 700_000, form=",.0f"),
        Goal("rows/s, CSV, directories", OF_DIRECTORIES[0], ROWS_PER_S, 500_000, form=",.0f"),
        Goal("rows/s, JSON lines, directories", OF_DIRECTORIES[2], ROWS_PER_S, 700_000, form=",.0f"),
        Goal("MB more than at a tenth of the rows", "CSV", GROWTH_MB, 4, form=".1f"),
        Goal("MB more than at a tenth of the directories", OF_DIRECTORIES[0], GROWTH_MB, 4, form=".1f"),
        *_ratios(OF_KEYS),
        *_ratios(OF_DIRECTORIES, ", directories"),
    ),
)
