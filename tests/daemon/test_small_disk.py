"""A backlog on a volume that it fills by itself: nothing is taken in while there is just room for the work to go on."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

from engine.backlog.inbox import Inbox
from engine.backlog.inbox_tables import Accepted, Delivery, Move
from engine.backlog.pruning import SPARE_PAGES
from engine.backlog.reserve import MOST_BYTES, Reserve, log_pages
from engine.backlog.sqlite import SqliteBacklog
from engine.daemon.connection import Limits
from engine.daemon.health import obstacles
from engine.daemon.log import Log
from engine.daemon.monitor import Monitor
from engine.daemon.server import Bind
from engine.daemon.settings import ServeSettings
from engine.daemon.upkeep import Upkeep
from engine.errors import NoSpaceError
from engine.model import Finished, State
from tests.backlog.words import DIVIDERS
from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve
from tests.daemon.test_full_disk import events
from tests.daemon.test_inbox import DAY_S, HERE, TARGET, delivery, job, seen_ids, want
from tests.daemon.test_renewal import running, take, until

MIB = 1 << 20


class Volume:
    """What the system says of a volume that holds nothing but one backlog."""

    def __init__(self, directory: Path, size_bytes: int) -> None:
        self._directory = directory
        self.size_bytes = size_bytes
        self.others_bytes = 0

    @property
    def free_bytes(self) -> int:
        used = sum([each.stat().st_size for each in self._directory.glob("backlog.db*")])
        return self.size_bytes - self.others_bytes - used

    def statvfs(self, path: object) -> os.statvfs_result:
        blocks, free = self.size_bytes // 4096, max(0, self.free_bytes // 4096)
        return os.statvfs_result((4096, 4096, blocks, free, free, 0, 0, 0, 0, 255))


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volume:
    volume = Volume(tmp_path, 10 * MIB)
    monkeypatch.setattr("os.statvfs", volume.statvfs)
    return volume


def pages(unused: int) -> Callable[[str], Any]:
    """A database that has so many of no use."""
    connection = apsw.Connection(":memory:")
    answers = {"PRAGMA freelist_count": unused, "PRAGMA page_size": 4096}
    return lambda sql: connection.execute("SELECT ?", (answers[sql],))


async def fill_up(inbox: Inbox, name: str) -> int:
    """Rows that could be taken in."""
    for number in range(1000):
        try:
            await inbox.accept(delivery(*(f"{name}-{number}-{row}-" + "k" * 500 for row in range(20))))
        except NoSpaceError:
            return 20 * number
    raise AssertionError("it is never full")


async def work_off(backlog: SqliteBacklog, volume: Volume) -> int:
    """Do all that waits, ten rows a job, as the mover and the engine do; returns what was free at the least."""
    least = volume.free_bytes
    while True:
        (found,) = await backlog.inbox.due([want(HERE)])
        if not found:
            return least
        jobs = [job(f"{found[-1][0]}-{number}") for number in range(len(found) // 10)]
        await backlog.inbox.move([Move(HERE, found[-1][0], len(found), jobs, [])])
        (claimed,) = await backlog.claim([(TARGET, 100)], backlog.clock())
        await backlog.settle([Finished(each, State.ACCEPTED) for each in claimed.jobs])
        least = min(least, volume.free_bytes)


def upkeep_of(backlog: SqliteBacklog) -> Upkeep:
    return Upkeep(backlog, lambda: ServeSettings(Bind(), Limits(), ()), Log(io.StringIO()))


async def make_room(backlog: SqliteBacklog) -> None:
    """As the monitor does."""
    async with asyncio.timeout(20):
        while backlog.low_space:
            await upkeep_of(backlog).make_room()
            await backlog.find_files()


async def test_the_work_makes_room_again(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "backlog.db"
    async with SqliteBacklog(path, DIVIDERS) as backlog:
        await backlog.inbox.open(DAY_S, 1_000_000)
        assert await fill_up(backlog.inbox, "first") > 3_000
        assert "little space is left" in backlog.low_space
        assert volume.free_bytes > MIB // 4
    async with SqliteBacklog(path, DIVIDERS) as backlog:  # a restart changes nothing about it
        await backlog.inbox.open(DAY_S, 1_000_000)
        assert await fill_up(backlog.inbox, "second") <= 1_000  # what the log took
        assert await work_off(backlog, volume) > 0
        assert await fill_up(backlog.inbox, "third") > 3_000
        assert await work_off(backlog, volume) > 0
        await backlog.find_files()
        assert not backlog.low_space


async def test_what_is_refused_undoes_nothing_of_others(tmp_path: Path, volume: Volume) -> None:
    async with SqliteBacklog(tmp_path / "backlog.db", DIVIDERS) as backlog:
        await backlog.inbox.open(DAY_S, 1_000)
        volume.others_bytes = 9 * MIB + MIB // 2
        writing, over = threading.Event(), threading.Event()

        def write() -> None:
            writing.set()
            over.wait(20)

        first = asyncio.create_task(backlog._writer.do(write))
        await asyncio.to_thread(writing.wait, 20)
        both = [asyncio.create_task(each) for each in (backlog.inbox.accept(delivery("a")), backlog.put([job()]))]
        async with asyncio.timeout(20):
            await until(lambda: backlog._writer._queue.qsize() == len(both))
        over.set()
        await first
        refused, put = await asyncio.gather(*both, return_exceptions=True)
        assert isinstance(refused, NoSpaceError)
        assert not isinstance(put, BaseException)
        assert not backlog.no_space, "it can be written"


async def test_work_goes_on_while_senders_wait(serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.daemon.monitor.LOOK_EVERY_S", 0.01)
    volume = Volume(serve.directory, 10 * MIB)
    monkeypatch.setattr("os.statvfs", volume.statvfs)
    async with running(serve, monkeypatch, linger_s=60.0) as daemon, asyncio.timeout(20):
        await take(daemon, "first")
        volume.others_bytes = 9 * MIB + MIB // 2
        with pytest.raises(NoSpaceError, match="little space is left"):
            await take(daemon, "second")
        await until(lambda: "no_space" in events(daemon))
        assert any("little space" in each for each in obstacles(Monitor(daemon).observe()))
        daemon.mover.linger_s = 0.0
        daemon.inbox.changed.set()
        await until(lambda: cloud.keys.keys() == {"first"})
        volume.others_bytes = 0
        await until(lambda: "space_again" in events(daemon))
        await take(daemon, "second")
        await until(lambda: cloud.keys.keys() == {"first", "second"})
        assert [each for each in events(daemon) if "space" in each] == ["no_space", "space_again"]


async def test_what_the_file_does_not_use_is_given_back_at_once(
    serve: Serve, cloud: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.daemon.monitor.LOOK_EVERY_S", 0.01)
    volume = Volume(serve.directory, 40 * MIB)
    monkeypatch.setattr("os.statvfs", volume.statvfs)
    async with running(serve, monkeypatch, linger_s=0.0) as daemon, asyncio.timeout(20):
        await take(daemon, "first")
        backlog = daemon.engine.backlog
        await backlog.remember("used", "." * 12 * MIB)
        await backlog.remember("unused", "." * 3_900_000)
        await backlog.remember("unused", "")
        unused = await backlog._writer.do(lambda: backlog._tables._sql("PRAGMA freelist_count").get)
        assert 900 < unused < SPARE_PAGES, "which the upkeep leaves where they are"
        for number in range(40):  # until the log is as short as it gets
            await backlog.remember("log", str(number) * 100_000)
        volume.others_bytes += volume.free_bytes - MIB * 3 // 2
        with pytest.raises(NoSpaceError, match=r"3 MiB; 4 MiB are kept .* again at 5 MiB"):
            await take(daemon, "second")
        await until(lambda: not backlog.low_space)
        await take(daemon, "second")
        await until(lambda: cloud.keys.keys() == {"first", "second"})


async def test_what_the_work_can_use_is_not_given_back(tmp_path: Path, volume: Volume) -> None:
    """It counts as free where it is, and others on the volume might take it."""
    async with SqliteBacklog(tmp_path / "backlog.db", DIVIDERS) as backlog:
        await backlog.remember("unused", "." * 400_000)
        await backlog.remember("unused", "")
        volume.others_bytes = volume.free_bytes - MIB // 4
        await backlog.find_files()
        assert backlog.low_space
        assert not await backlog.give_back()
        unused = await backlog._writer.do(lambda: backlog._tables._sql("PRAGMA freelist_count").get)
        assert 90 < unused < 128, "half of the reserve"


async def test_a_log_that_is_longer_than_it_need_be_is_cut_while_nobody_writes(tmp_path: Path, volume: Volume) -> None:
    async with SqliteBacklog(tmp_path / "backlog.db", DIVIDERS) as backlog:
        await backlog.remember("much", "." * 3 * MIB)
        volume.others_bytes = volume.free_bytes - MIB // 2
        await backlog.find_files()
        assert backlog.low_space
        await make_room(backlog)
        assert volume.free_bytes > 2 * MIB


async def test_ids_that_filled_the_disk_are_forgotten(
    tmp_path: Path, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.daemon.upkeep.PAUSE_S", 0.0)
    now = [1e9]
    volume.others_bytes = 6 * MIB
    async with SqliteBacklog(tmp_path / "backlog.db", DIVIDERS, clock=lambda: now[0]) as backlog:
        await backlog.inbox.open(DAY_S, 1)
        upkeep = upkeep_of(backlog)
        number = 0
        while not backlog.low_space:
            ids = [f"{number} {each}" for each in range(500)]
            with suppress(NoSpaceError):
                await backlog.inbox.accept(Delivery("s", [(each, ()) for each in ids]))
            number += 1
        for _ in range(2):
            assert await seen_ids(backlog) > 50_000
            now[0] += DAY_S
            await upkeep.once()
        await make_room(backlog)
        assert await backlog.inbox.accept(delivery("a")) == Accepted(0, 1, 1)
        assert await seen_ids(backlog) < 5


def test_more_must_be_free_to_begin_again_than_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = Volume(tmp_path, 100 * MIB)
    monkeypatch.setattr("os.statvfs", volume.statvfs)
    found = []
    reserve = Reserve(tmp_path, pages(0))
    for free_mib in (11, 9, 11, 13, 11):
        volume.others_bytes = (100 - free_mib) * MIB
        reserve.look()
        found.append(bool(reserve.touched))
    assert found == [False, True, True, False, False]
    reserve = Reserve(tmp_path, pages(3000))
    for free_mib, touched in ((6, False), (4, True)):
        volume.others_bytes = (100 - free_mib) * MIB
        reserve.look()
        assert bool(reserve.touched) == touched, "unused pages are room as well, but not for the log"


def test_of_a_large_volume_no_more_is_kept_than_the_work_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = Volume(tmp_path, 1 << 40)
    monkeypatch.setattr("os.statvfs", volume.statvfs)

    reserve = Reserve(tmp_path, pages(0))
    for free_bytes in (MOST_BYTES, MOST_BYTES - 1):
        volume.others_bytes = (1 << 40) - free_bytes
        reserve.look()
        assert bool(reserve.touched) == (free_bytes < MOST_BYTES)


def test_where_nobody_says_how_large_a_volume_is_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = Volume(tmp_path, 0)
    monkeypatch.setattr("os.statvfs", volume.statvfs)
    reserve = Reserve(tmp_path, pages(0))
    reserve.look()
    assert not reserve.touched
    assert log_pages(tmp_path) == MOST_BYTES // 2 // 4096, "as of a large one"
