"""A backlog that is used for months: what has ended is forgotten, the file does not grow, and no task runs for ever."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from engine.backlog import Count, Rejected
from engine.backlog.inbox_tables import Accepted, Delivery, Destination
from engine.backlog.pruning import SLICE, SPARE_PAGES, Keep
from engine.backlog.seen_ids import FORGOTTEN_AT_ONCE
from engine.backlog.sqlite import SqliteBacklog
from engine.daemon.connection import Limits
from engine.daemon.log import Log
from engine.daemon.server import Bind
from engine.daemon.settings import ServeSettings
from engine.daemon.upkeep import Upkeep
from engine.model import Finished, State, Target
from tests.backlog.words import DIVIDERS, words
from tests.cli.conftest import Clouds
from tests.daemon.conftest import LISTENER, Serve, event
from tests.daemon.test_inbox import seen_ids
from tests.daemon.test_operations import until

TARGET = Target("words", "account", "w")
MANY = 1 << 40
FOREVER = Keep(0.0, MANY, 0.0, MANY)
DAY_S = 86_400.0
MIB = 1 << 20


class Clock:
    """Seconds, under the test's control."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def backlog(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteBacklog]:
    async with SqliteBacklog(tmp_path / "backlog.db", DIVIDERS, clock=clock) as opened:
        yield opened


async def end(backlog: SqliteBacklog, clock: Clock, texts: Sequence[str], state: State = State.ACCEPTED) -> None:
    """Have jobs come and end."""
    await backlog.put([words(TARGET, text) for text in texts])
    (claim,) = await backlog.claim([(TARGET, len(texts))], clock.now)
    assert len(claim.jobs) == len(texts), "each can be claimed"
    await backlog.settle([Finished(job, state) for job in claim.jobs])


async def prune(backlog: SqliteBacklog, keep: Keep) -> int:
    """All slices; returns how many jobs were forgotten."""
    total = 0
    after: int | None = 0
    while after is not None:
        jobs, after = await backlog.prune(keep, after)
        assert jobs <= 1_000, "others want to write, too"
        total += jobs
    return total


async def standing(backlog: SqliteBacklog) -> dict[State, Count]:
    return (await backlog.tally())[TARGET]


def ask(path: Path, sql: str) -> Any:
    """By the same copy of SQLite: one of its own in the same process would take away the locks of a file that is open.
    https://www.sqlite.org/howtocorrupt.html#multiple_copies_of_sqlite_linked_into_the_same_application
    """
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return connection.execute(sql).get
    finally:
        connection.close()


async def test_what_ended_long_ago_is_forgotten(backlog: SqliteBacklog, clock: Clock) -> None:
    await end(backlog, clock, ["old a", "old b"])
    await end(backlog, clock, ["failed"], State.FAILED)
    clock.now += 10 * DAY_S
    await end(backlog, clock, ["new"])
    await backlog.put([words(TARGET, "waiting")])
    assert await prune(backlog, FOREVER) == 0
    assert await prune(backlog, Keep(clock.now - DAY_S, MANY, 0.0, MANY)) == 2
    left = {State.FAILED: Count(1, 1), State.ACCEPTED: Count(1, 1), State.WAITING: Count(1, 1)}
    assert await standing(backlog) == left
    put = await backlog.put([words(TARGET, "old a"), words(TARGET, "new")])
    assert [job.payload for job in put.waiting] == [b"old a"], "it is not known any more; the other one is"


async def test_what_ended_again_counts_from_then(backlog: SqliteBacklog, clock: Clock) -> None:
    await end(backlog, clock, ["a", "last"])
    clock.now += 10 * DAY_S
    await backlog._writer.do(lambda: backlog._tables.ask([words(TARGET, "a")]))
    (claim,) = await backlog.claim([(TARGET, 9)], clock.now + 1)
    await backlog.settle([Finished(job, State.ACCEPTED) for job in claim.jobs])
    assert await prune(backlog, Keep(clock.now - DAY_S, MANY, 0.0, MANY)) == 0, "the last job by its number stays"
    await end(backlog, clock, ["b"])
    assert await prune(backlog, Keep(clock.now - DAY_S, MANY, 0.0, MANY)) == 1


async def test_failures_are_kept_for_longer_and_leave_nothing_behind(
    backlog: SqliteBacklog, clock: Clock, tmp_path: Path
) -> None:
    await end(backlog, clock, ["x y", "z"], State.FAILED)
    await end(backlog, clock, ["last"])
    clock.now += 40 * DAY_S
    assert await prune(backlog, Keep(clock.now, MANY, clock.now - 50 * DAY_S, MANY)) == 0
    assert await prune(backlog, Keep(clock.now, MANY, clock.now - 30 * DAY_S, MANY)) == 2
    assert [failure async for failure in backlog.failures()] == []
    assert ask(tmp_path / "backlog.db", "SELECT count(*) FROM failed_row") == 0
    assert (await backlog.put([words(TARGET, "x y")])).waiting
    assert State.FAILED not in await standing(backlog)


async def test_no_more_are_kept_than_may_be(backlog: SqliteBacklog, clock: Clock) -> None:
    texts = [f"w{number}" for number in range(3 * SLICE)]
    await end(backlog, clock, texts)
    assert await prune(backlog, Keep(0.0, SLICE, 0.0, MANY)) == 2 * SLICE
    assert await standing(backlog) == {State.ACCEPTED: Count(SLICE, SLICE)}
    put = await backlog.put([words(TARGET, texts[0]), words(TARGET, texts[-1])])
    assert [job.payload for job in put.waiting] == [b"w0"], "the oldest go first"


async def test_new_jobs_are_claimed_though_all_before_them_are_gone(backlog: SqliteBacklog, clock: Clock) -> None:
    """The clock stands still, so that jobs are told apart by nothing but their numbers."""
    for number in range(5):
        await end(backlog, clock, [f"a{number}", f"b{number}"])
        await prune(backlog, Keep(clock.now + 1, 0, 0.0, MANY))
    assert (await standing(backlog))[State.ACCEPTED].jobs == 1


async def test_rejected_rows_do_not_pile_up(backlog: SqliteBacklog, tmp_path: Path) -> None:
    for source in ("serve", "other"):
        await backlog.put([], rejected=[Rejected(source, line, "why", "text") for line in range(20)])
    await prune(backlog, Keep(0.0, MANY, 0.0, 5))
    assert [(each.source, each.line) async for each in backlog.rejections()] == [
        (source, line) for source in ("other", "serve") for line in range(15, 20)
    ]


async def test_the_file_does_not_grow_and_gives_back_what_it_took(
    backlog: SqliteBacklog, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "backlog.db"
    sizes = []
    for day in range(6):
        await end(backlog, clock, [f"day{day}-{number}" for number in range(2_000)])
        clock.now += DAY_S
        await prune(backlog, Keep(clock.now - DAY_S / 2, MANY, 0.0, MANY))
        sizes.append(ask(path, "PRAGMA page_count"))
    assert sizes[-1] <= sizes[1] * 1.1, "what is forgotten makes room for what comes"
    large = "x" * 3_000
    await end(backlog, clock, [f"{number}{large}" for number in range(8_000)])
    assert ask(path, "PRAGMA page_count") > 4 * SPARE_PAGES
    await prune(backlog, Keep(0.0, 0, 0.0, MANY))
    slices = 1
    while await backlog.give_back():
        slices += 1
    assert slices > 10, "a little at a time"
    assert ask(path, "PRAGMA freelist_count") <= max(SPARE_PAGES, ask(path, "PRAGMA page_count") // 4)
    assert ask(path, "PRAGMA page_count") < 3 * SPARE_PAGES
    assert ask(path, "PRAGMA integrity_check") == "ok"


async def test_a_file_that_cannot_give_back_is_left_as_it_is(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "backlog.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode=WAL").fetchall()  # so that it is too late for auto_vacuum
    connection.close()
    async with SqliteBacklog(path, DIVIDERS, clock=clock) as backlog:
        await end(backlog, clock, [f"{number}{'x' * 3_000}" for number in range(4_000)])
        await prune(backlog, Keep(0.0, 0, 0.0, MANY))
        assert ask(path, "PRAGMA freelist_count") > SPARE_PAGES
        assert not await backlog.give_back(), "and nobody asks again and again"


async def test_ids_are_remembered_long_enough_and_then_forgotten(backlog: SqliteBacklog, tmp_path: Path) -> None:
    tables = backlog.inbox._tables
    tables.seen.remember_s = 100.0
    number = 3 * FORGOTTEN_AT_ONCE

    async def repeated(at: float, ids: Sequence[str]) -> int:
        to = Destination("push", ("task", "a"))
        delivery = Delivery("sender", [(each, [(to, each)]) for each in ids])
        (accepted,), _ = await backlog._writer.do(lambda: tables.accept([delivery], at, len(ids)))
        assert isinstance(accepted, Accepted)
        return accepted.repeated

    first = [f"first-{i}" for i in range(number)]
    assert await repeated(1_000.0, first) == 0
    assert await repeated(1_099.0, first) == number
    assert await repeated(1_150.0, ["second"]) == 0
    assert await repeated(1_199.0, first) == number, "for remember_s at least"
    for at in (1_250.0, 1_260.0, 1_270.0, 1_280.0, 1_290.0):
        await repeated(at, [f"at {at}"])
    assert ask(tmp_path / "backlog.db", "SELECT count(*) FROM seen") < number, "and not for ever"
    assert await repeated(1_295.0, ["second"]) == 1


async def test_ids_are_forgotten_though_nothing_comes_and_processes_do_not_last(tmp_path: Path, clock: Clock) -> None:
    kept = []
    for half_day in range(5):
        async with SqliteBacklog(tmp_path / "backlog.db", clock=clock) as backlog:
            await backlog.inbox.open(DAY_S, 1)
            if half_day == 0:
                ids = [str(number) for number in range(3 * FORGOTTEN_AT_ONCE)]
                await backlog.inbox.accept(Delivery("sender", [(each, ()) for each in ids]))
            await Upkeep(backlog, lambda: ServeSettings(Bind(), Limits(), ()), Log()).once()
            kept.append(await seen_ids(backlog))
        clock.now += DAY_S / 2
    assert min(kept[:-1]) >= len(ids)
    assert kept[-1] < 5, "nothing but when generations began"


class Circle:
    """Only the collector can free it, and its memory."""

    def __init__(self) -> None:
        self.itself = self
        self.kilobytes = bytes(2000)


def resident_bytes() -> int:
    """0 on a system that does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


async def test_what_has_ended_is_as_old_as_by_the_backlogs_clock(backlog: SqliteBacklog, clock: Clock) -> None:
    clock.now = time.time() + 10 * DAY_S  # as after the machine's clock was set back
    await end(backlog, clock, ["old"])
    clock.now += 5 * DAY_S
    await end(backlog, clock, ["new"])
    upkeep = Upkeep(backlog, lambda: ServeSettings(Bind(), Limits(), (), keep_ended_s=DAY_S), Log())
    await upkeep.once()
    assert (upkeep.forgotten, await standing(backlog)) == (1, {State.ACCEPTED: Count(1, 1)})


async def test_memory_of_a_burst_is_given_back(backlog: SqliteBacklog) -> None:
    upkeep = Upkeep(backlog, lambda: ServeSettings(Bind(), Limits(), ()), Log())
    await upkeep.once()
    gc.disable()
    try:
        burst = [Circle() for _ in range(20_000)]
        still = burst[::100]
        del burst
        held = resident_bytes()
        await upkeep.once()
        given_back = held - resident_bytes()
    finally:
        gc.enable()
    assert not held or given_back > 20 * MIB, f"with {len(still)} left"


def jobs_in(serve: Serve) -> int:
    return int(ask(serve.directory / "backlog.db", "SELECT count(*) FROM job"))


def test_a_daemon_forgets_what_it_has_done_and_nothing_else(serve: Serve, cloud: Clouds) -> None:
    serve.environ = serve.environ | {"SYNCMUX_RATE": "500"}
    settings = {"linger_s": 0.0, "keep_ended_s": 0.0, "upkeep_every_s": 0.02}
    serve.configure(LISTENER, serve.route(), serve.push(), serve.trigger("gw-forget"), **settings)
    acknowledged = set()
    for start in range(4):
        serve.start()
        for number in range(100):
            key = f"d{start}/{number}"
            assert serve.post(event(key, id=key)).status == 202
            acknowledged.add(key)
        serve.kill()
    serve.start()
    serve.until(lambda: set(cloud.keys) == acknowledged and len(cloud.directories) >= 4)
    assert serve.post(event("d0/0", id="d0/0")).json["repeated"] == 1, "ids are remembered for longer than jobs"
    serve.until(lambda: jobs_in(serve) <= 1)
    assert serve.end() == 0


def test_a_task_that_never_ends_comes_to_its_deadline(serve: Serve, cloud: Clouds) -> None:
    cloud.set(task_s=100_000.0)
    serve.configure(LISTENER, serve.route(), serve.trigger("gw-stuck"), linger_s=0.0, task_timeout_s=2.0)
    serve.start()
    assert serve.post(event("a/k")).status == 202
    serve.until(lambda: "gw-stuck|NFSx|/a" in cloud.directories)
    serve.kill()
    serve.start()
    failed = serve.says("failed")
    assert "did not end within 2 s" in failed["why"]
    cloud.set(task_s=0.0)
    assert serve.post(event("a/l")).status == 202
    serve.until(lambda: cloud.directories["gw-stuck|NFSx|/a"] == 2)
    assert serve.end() == 0, "what failed does not keep the directory from being done again"


def test_a_task_that_ended_while_nobody_asked_has_not_come_to_its_deadline(serve: Serve, cloud: Clouds) -> None:
    cloud.set(task_s=0.5)
    serve.configure(LISTENER, serve.route(), serve.trigger("gw-done"), linger_s=0.0, task_timeout_s=2.0)
    serve.start()
    assert serve.post(event("a/k")).status == 202
    serve.until(lambda: "gw-done|NFSx|/a" in cloud.directories)
    serve.kill()
    time.sleep(2.1)  # a weekend
    serve.start()
    found = until(serve, lambda found: found["rows"]["succeeded"] + found["rows"]["failed"] == 1)
    assert found["rows"]["succeeded"] == 1
    assert serve.end() == 0
