"""A job's way through the backlog: put, claimed, settled, beside jobs that wait. As the engine does it, in groups: of
one target, or of many whose jobs alternate.

The peer is the least that the same database can do for it: a row inserted, read and updated, by the same numbers in
a transaction, without a word about what it means.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from itertools import chain, count, islice
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import apsw

from benchmarks.accounts import SYNC_TASK
from benchmarks.meter import Meter
from benchmarks.model import RSS_MB, Benchmark, Figure, Goal, Quick, Sample, Setup, Side, Turns
from benchmarks.pushing import GATEWAYS, directories, key
from benchmarks.turns import in_loop
from engine.backlog.sqlite import SqliteBacklog
from engine.chunks import CHUNK_ROWS
from engine.clouds import clouds
from engine.clouds.huawei import Push
from engine.model import Finished, Job, State, Target
from engine.retry import Limits

PUT = CHUNK_ROWS  # jobs, as the engine takes rows of one key each
CLAIM = Limits().prefetch  # over all targets, but of each ...
LEAST_CLAIM = 8
SETTLE = 128  # about as many calls end while the outcomes before them are being written
SHALLOW = 1_000
BUILD = 50_000


class Workload(NamedTuple):
    """Rows of one cloud, as an endless manifest has them, from one on."""

    account: str
    targets: Sequence[Target]
    rows: Callable[[int], Iterator[Any]]


KEYS = Workload(
    "oms",
    [Target("huawei", "oms", SYNC_TASK)],
    lambda first: (Push(key(number), SYNC_TASK) for number in count(first)),
)
DIRECTORIES = Workload(
    "sgw",
    [Target("alibaba", "sgw", f"gw-{number:04}") for number in range(GATEWAYS)],
    lambda first: islice(directories(GATEWAYS), first, None),
)

CPU_US_A_JOB = Figure("cpu_us", "CPU us/job", ",.1f")
JOBS_PER_S = Figure("calls_per_s", "jobs/s", higher_is_better=True)
BYTES_A_JOB = Figure("bytes", "bytes/job", ",.1f")


def in_memory(setup: Setup) -> Turns:
    return in_loop(_measured(":memory:", SHALLOW, 100_000, KEYS))


def on_disk(setup: Setup) -> Turns:
    return in_loop(_measured(_new_file(setup), SHALLOW, jobs_a_turn(setup), KEYS))


def on_disk_of_many(setup: Setup) -> Turns:
    return in_loop(_measured(_new_file(setup), SHALLOW, jobs_a_turn(setup), DIRECTORIES))


def at_depth(depth: int) -> Callable[[Setup], Turns]:
    """Of the full size, what the first round builds is what the others find; a small one is always new."""

    def turns(setup: Setup) -> Turns:
        path = _new_file(setup) if setup.quick else setup.directory / f"{depth}.db"
        return in_loop(_measured(path, depth, jobs_a_turn(setup), KEYS))

    return turns


def jobs_a_turn(setup: Setup) -> int:
    return setup.size(100_000, quick=2_000)


def _new_file(setup: Setup) -> Path:
    return Path(mkdtemp(dir=setup.directory)) / "backlog.db"


async def _measured(path: str | Path, depth: int, jobs: int, workload: Workload) -> AsyncGenerator[Sample]:
    async with SqliteBacklog(path) as backlog:
        tally = Counter[State]()
        for counts in (await backlog.tally()).values():
            tally.update({state: each.jobs for state, each in counts.items()})
        known, waiting = tally.total(), tally[State.WAITING]
        planned = _planned(workload, known)
        while waiting < depth:
            batch = [next(planned) for _ in range(min(BUILD, depth - waiting))]
            await backlog.put(batch)
            waiting += len(batch)
            known += len(batch)
        size: Sample = {}
        while True:
            given = [next(planned) for _ in range(jobs)]
            with Meter() as meter:
                for start in range(0, jobs, PUT):
                    await _pass(backlog, given[start : start + PUT], workload.targets)
            if isinstance(path, Path) and not size:
                size = {BYTES_A_JOB.key: _bytes(path) / (known + jobs)}
            yield meter.sample(jobs) | size


def _bytes(path: Path) -> int:
    """What a database takes, with what of it is still in the log. Looked at after the first turn: it grows unevenly."""
    database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(database.pragma("page_count")) * int(database.pragma("page_size"))
    finally:
        database.close()


async def _pass(backlog: SqliteBacklog, jobs: list[Job], targets: Sequence[Target]) -> None:
    """Put so many jobs, and see as many to their end, the targets in turn."""
    await backlog.put(jobs)
    left = len(jobs)
    while left:
        each = min(max(LEAST_CLAIM, CLAIM // len(targets)), left // len(targets))
        claims = await backlog.claim([(target, each) for target in targets], time.time())
        claimed = list(chain.from_iterable(zip(*(claim.jobs for claim in claims), strict=True)))
        assert claimed
        left -= len(claimed)
        for start in range(0, len(claimed), SETTLE):
            ended = [Finished(job, State.ACCEPTED) for job in claimed[start : start + SETTLE]]
            await backlog.settle(ended)


def _planned(workload: Workload, first: int) -> Iterator[Job]:
    """Jobs as the engine makes them, but in time: planning is another benchmark's."""
    plan = clouds()[workload.targets[0].cloud].plan
    rows = workload.rows(first)
    while True:
        yield from plan(list(islice(rows, PUT)), [workload.account], 1).jobs


WAITING = "SELECT * FROM job WHERE state = 0 ORDER BY id LIMIT ?"


def bare(depth: int) -> Callable[[Setup], Turns]:
    """In one thread: nobody waits for it. What the first round builds is what the others find."""

    def turns(setup: Setup) -> Turns:
        path = setup.directory / f"bare-{depth}.db" if depth else _new_file(setup)
        database = _bare_database(path)
        known: int = database.execute("SELECT max(id) FROM job").get or 0
        planned = _planned(KEYS, known)
        while known < depth:
            batch = [next(planned) for _ in range(min(BUILD, depth - known))]
            with database:
                _bare_put(database, batch)
            known += len(batch)
        size: Sample = {}
        while True:
            jobs = [next(planned) for _ in range(jobs_a_turn(setup))]
            with Meter() as meter:
                _bare_pass(database, jobs)
            size = size or {BYTES_A_JOB.key: _bytes(path) / (known + len(jobs))}
            yield meter.sample(len(jobs)) | size

    return turns


def _bare_database(path: Path) -> apsw.Connection:
    database = apsw.Connection(str(path))
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000", "cache_size=-4096"):
        database.execute(f"PRAGMA {pragma}")
    database.execute(
        "CREATE TABLE IF NOT EXISTS job (id INTEGER PRIMARY KEY, key BLOB UNIQUE, state INT, payload BLOB)"
    )
    database.execute("CREATE INDEX IF NOT EXISTS waiting ON job (id) WHERE state = 0")
    return database


def _bare_put(database: apsw.Connection, jobs: Sequence[Job]) -> None:
    rows = [(job.key, 0, job.payload) for job in jobs]
    database.executemany("INSERT OR IGNORE INTO job (key, state, payload) VALUES (?, ?, ?)", rows)


def _bare_pass(database: apsw.Connection, jobs: Sequence[Job]) -> None:
    for start in range(0, len(jobs), PUT):
        put = jobs[start : start + PUT]
        with database:
            _bare_put(database, put)
        left = len(put)
        while left:
            claimed = database.execute(WAITING, (min(CLAIM, left),)).fetchall()
            left -= len(claimed)
            for first in range(0, len(claimed), SETTLE):
                with database:
                    ended = [(row[0],) for row in claimed[first : first + SETTLE]]
                    database.executemany("UPDATE job SET state = 3, payload = NULL WHERE id = ?", ended)


ON_DISK, OF_MANY, DEEP, QUICK_DEEP, BARE, BARE_DEEP = (
    "on disk, depth 1,000",
    "on disk, depth 1,000, 100 targets",
    "on disk, depth 5 million",
    "on disk, depth 50,000",
    "bare SQLite, on disk",
    "bare SQLite, depth 5 million",
)
BENCHMARK = Benchmark(
    "backlog",
    "put, claim and settle a job: CPU of both threads",
    Quick("2,000 jobs a turn, beside 1,000 and 50,000", rounds=30),
    sides=(
        Side("in memory, depth 1,000", in_memory, in_quick=False),
        Side(ON_DISK, on_disk),
        Side(OF_MANY, on_disk_of_many, in_quick=False),
        Side(DEEP, at_depth(5_000_000), in_quick=False),
        Side(QUICK_DEEP, at_depth(50_000), in_full=False),
        Side(BARE, bare(0)),
        Side(BARE_DEEP, bare(5_000_000), in_quick=False),
    ),
    figures=(CPU_US_A_JOB, JOBS_PER_S, BYTES_A_JOB, RSS_MB),
    goals=(
        Goal("CPU us per job on disk, depth 1,000", ON_DISK, CPU_US_A_JOB, 15, form=".1f"),
        Goal("CPU us per job on disk, depth 1,000, 100 targets", OF_MANY, CPU_US_A_JOB, 15, form=".1f"),
        Goal("CPU us per job on disk, depth 5 million", DEEP, CPU_US_A_JOB, 15, form=".1f"),
        Goal("depth 5 million, of depth 1,000's CPU", DEEP, CPU_US_A_JOB, 1.3, of=(ON_DISK,)),
        Goal("depth 50,000, of depth 1,000's CPU", QUICK_DEEP, CPU_US_A_JOB, 1.3, of=(ON_DISK,)),
        Goal("100 targets, of one target's CPU", OF_MANY, CPU_US_A_JOB, None, of=(ON_DISK,)),
        Goal("of bare SQLite's CPU", ON_DISK, CPU_US_A_JOB, None, of=(BARE,)),
        Goal("of bare SQLite's CPU, both 5 million deep", DEEP, CPU_US_A_JOB, None, of=(BARE_DEEP,)),
        Goal("bare SQLite 5 million deep, of its CPU with none waiting", BARE_DEEP, CPU_US_A_JOB, None, of=(BARE,)),
        Goal("of bare SQLite's bytes on disk", ON_DISK, BYTES_A_JOB, None, of=(BARE,)),
    ),
    rounds=3,
)
