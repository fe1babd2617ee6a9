"""The log is copied into the database beside the commits, and does not grow without end."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import apsw
import pytest

from engine.backlog import checkpointer
from engine.backlog.sqlite import SqliteBacklog
from engine.model import Job, Target

TARGET = Target("cloud", "account", "gw-1")
PAGE_BYTES = 4096


def jobs(start: int, number: int) -> list[Job]:
    """Jobs that take about a page each."""
    return [Job(i.to_bytes(16, "big"), TARGET, bytes(3000)) for i in range(start, start + number)]


@pytest.fixture(autouse=True)
def small_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpointer, "COPY_PAGES", 40)
    monkeypatch.setattr(checkpointer, "MOST_PAGES", 160)
    monkeypatch.setattr(checkpointer, "LEFT_PAGES", 40, raising=False)


async def test_the_log_is_copied_while_nobody_writes(tmp_path: Path) -> None:
    path = tmp_path / "backlog.db"
    async with SqliteBacklog(path) as backlog:
        await backlog.put(jobs(0, 100))
        assert await asyncio.to_thread(grows, path, 50 * PAGE_BYTES)
        assert (tmp_path / "backlog.db-wal").stat().st_size > 0


async def test_under_steady_load_the_log_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpointer, "WAIT_S", 10.0, raising=False)  # however slow this machine is
    async with SqliteBacklog(tmp_path / "backlog.db") as backlog:
        for start in range(0, 3000, 10):
            await backlog.put(jobs(start, 10))
        assert (tmp_path / "backlog.db-wal").stat().st_size < 600 * PAGE_BYTES  # of about 5,000 that were written
    assert rows(tmp_path) == 3000


async def test_what_somebody_reads_is_copied_later(tmp_path: Path) -> None:
    """Nor does whoever looks at the backlog keep the work from going on."""
    async with SqliteBacklog(tmp_path / "backlog.db") as backlog:
        await backlog.put(jobs(0, 100))
        reader = apsw.Connection(str(tmp_path / "backlog.db"), flags=apsw.SQLITE_OPEN_READONLY)
        with reader:
            before = reader.execute("SELECT count(*) FROM job").fetchone()
            for start in range(100, 1000, 10):
                await backlog.put(jobs(start, 10))
            assert reader.execute("SELECT count(*) FROM job").fetchone() == before == (100,)
        reader.close()
        for start in range(1000, 1200, 10):
            await backlog.put(jobs(start, 10))
    assert rows(tmp_path) == 1200


async def test_no_commit_copies_all_that_a_reader_has_held_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "backlog.db"
    async with SqliteBacklog(path) as backlog:
        await backlog.put(jobs(0, 100))
        reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        with reader:
            reader.execute("SELECT count(*) FROM job").fetchone()
            for start in range(100, 1000, 10):
                await backlog.put(jobs(start, 10))
        reader.close()
        assert backlog._checkpointer
        with monkeypatch.context() as patched:
            patched.setattr(backlog._checkpointer._due, "set", lambda: None)  # so that the thread does nothing
            before = path.stat().st_size
            await backlog.put(jobs(1000, 10))
            assert path.stat().st_size - before <= checkpointer.LEFT_PAGES * PAGE_BYTES
        for start in range(1010, 3000, 10):
            await backlog.put(jobs(start, 10))
        assert await asyncio.to_thread(grows, path, 2000 * PAGE_BYTES)
        assert (tmp_path / "backlog.db-wal").stat().st_size < 2000 * PAGE_BYTES  # of about 4,000 that were written
    assert rows(tmp_path) == 3000


def grows(path: Path, size_bytes: int) -> bool:
    """Whether a file comes to that size within half a minute."""
    until = time.monotonic() + 30
    while path.stat().st_size < size_bytes and time.monotonic() < until:
        time.sleep(0.01)
    return path.stat().st_size >= size_bytes


def rows(directory: Path) -> int:
    found = apsw.Connection(str(directory / "backlog.db"))
    assert found.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    counted = [number for (number,) in found.execute("SELECT count(*) FROM job")]
    found.close()
    return int(counted[0])
