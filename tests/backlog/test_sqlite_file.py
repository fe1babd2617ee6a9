"""The file under the backlog: whose it is, who may read it, and what happens when it is not well."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from errno import ENOSPC
from pathlib import Path

import apsw
import pytest

from engine.backlog.sqlite import SqliteBacklog
from engine.errors import BacklogError, NoSpaceError, UnusableBacklogError
from engine.model import Job, Target

A = Target("cloud", "account", "a")
JOB = Job(b"k" * 16, A, b"payload")


async def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "backlog.db"
    async with SqliteBacklog(path) as backlog:
        await backlog.put([JOB])
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_second_process_is_told_who_owns_it(tmp_path: Path) -> None:
    path = tmp_path / "backlog.db"
    script = (
        "import asyncio, sys\nfrom engine.backlog.sqlite import SqliteBacklog\n"
        "async def main():\n    async with SqliteBacklog(sys.argv[1]):\n        print('open', flush=True)\n"
        "        sys.stdin.read()\nasyncio.run(main())"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"open\n"
        with pytest.raises(BacklogError, match=f"in use by process {owner.pid}"):
            SqliteBacklog(path).open()
        async with SqliteBacklog(path, read_only=True) as reader:
            assert await reader.tally() == {}
        owner.kill()
    async with SqliteBacklog(path):
        pass  # its lock fell with it


async def test_what_is_not_a_backlog_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "backlog.db"
    path.write_bytes(b"precious " * 1000)
    with pytest.raises(UnusableBacklogError, match=f"the backlog {path} is damaged, or something else"):
        SqliteBacklog(path).open()
    assert path.read_bytes() == b"precious " * 1000


@pytest.mark.parametrize(("version", "age"), [(1, "an older"), (99, "a newer")])
async def test_a_backlog_of_another_version_is_refused(tmp_path: Path, version: int, age: str) -> None:
    path = tmp_path / "backlog.db"
    async with SqliteBacklog(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={version}")
    connection.close()
    for read_only in (False, True):
        with pytest.raises(UnusableBacklogError, match=f"the backlog {path} was written by {age} syncmux"):
            SqliteBacklog(path, read_only=read_only).open()


async def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "customers.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (name)")
    connection.close()
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(UnusableBacklogError, match="is no backlog"):
            SqliteBacklog(path, read_only=read_only).open()
    assert path.read_bytes() == before


async def test_one_of_which_a_part_is_missing_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "backlog.db"
    async with SqliteBacklog(path) as backlog:
        await backlog.put([JOB])
    whole = path.read_bytes()
    for size in range(512, len(whole) - 4096, 4096):
        path.write_bytes(whole[:size])
        for read_only in (True, False):
            with pytest.raises(UnusableBacklogError, match=f"the backlog {path} is damaged"):
                SqliteBacklog(path, read_only=read_only).open()
        assert path.read_bytes() == whole[:size]


async def test_a_table_that_is_missing_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "backlog.db"
    async with SqliteBacklog(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE asked_again")
    connection.close()
    with pytest.raises(UnusableBacklogError, match="no such table: asked_again"):
        SqliteBacklog(path).open()


async def test_damage_that_is_met_later_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "backlog.db"
    async with SqliteBacklog(path) as backlog:
        await backlog.put([JOB])
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name='job'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    async with SqliteBacklog(path) as backlog:
        with pytest.raises(UnusableBacklogError, match=f"the backlog {path} is damaged"):
            await backlog.put([JOB])
        with pytest.raises(UnusableBacklogError, match="has failed"):
            await backlog.tally()


async def test_whoever_waits_is_told_when_nothing_can_be_read_again(tmp_path: Path) -> None:
    """After a transaction that came to nothing, what is in memory is read anew."""
    path = tmp_path / "backlog.db"
    async with SqliteBacklog(path) as backlog:
        await backlog.put([JOB])

        def fail() -> None:
            backlog._tables._sql("DROP TABLE target")
            backlog._tables._sql("COMMIT")  # so that no rollback brings it back: as damage would have it
            raise apsw.IOError("disk I/O error")

        async with asyncio.timeout(5):
            with pytest.raises(BacklogError, match="no such table: target"):
                await backlog._writer.do(fail)
            with pytest.raises(BacklogError, match="has failed"):
                await backlog.tally()


async def test_one_in_which_nothing_was_done_yet_looks_new(tmp_path: Path) -> None:
    path = tmp_path / "backlog.db"
    path.touch()
    async with SqliteBacklog(path, read_only=True) as backlog:
        assert await backlog.tally() == {}
    assert path.read_bytes() == b""


async def test_a_missing_backlog_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(BacklogError, match="cannot open"):
        SqliteBacklog(tmp_path / "none.db", read_only=True).open()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0 and sys.platform == "darwin", reason="root writes anywhere")
async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BacklogError, match="file"):
        SqliteBacklog(tmp_path / "file" / "backlog.db").open()


async def test_a_full_disk_stops_the_backlog_and_keeps_what_it_has(tmp_path: Path) -> None:
    async with SqliteBacklog(tmp_path / "backlog.db") as backlog:
        await backlog.put([JOB])
        connection = backlog._tables._sql.__self__  # type: ignore[attr-defined]
        await backlog._writer.do(lambda: connection.pragma("max_page_count", connection.pragma("page_count")))
        many = [Job(f"{i:016}".encode(), A, bytes(2000)) for i in range(500)]
        with pytest.raises(BacklogError, match="no space is left"):
            await backlog.put(many)
        tally = await backlog.tally()
        assert sum(count.jobs for count in tally[A].values()) == 1


async def test_a_disk_that_is_full_from_the_start_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its symptoms, as they were seen on one that was."""
    index = apsw.IOError("disk I/O error")
    index.extendedresult = apsw.SQLITE_IOERR_SHMSIZE  # type: ignore[attr-defined]
    for failure in (OSError(ENOSPC, "No space left on device"), apsw.FullError("database or disk is full"), index):

        def fail(*_: object, failure: Exception = failure) -> None:
            raise failure

        with monkeypatch.context() as patched:
            patched.setattr(SqliteBacklog, "_connect", fail)
            with pytest.raises(NoSpaceError, match=rf"no space is left on the disk of the backlog {tmp_path}"):
                SqliteBacklog(tmp_path / "backlog.db").open()

    def full(*_: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        async with SqliteBacklog(tmp_path / "backlog.db"):  # whose name could not be written
            with pytest.raises(BacklogError, match="is in use by process"):
                SqliteBacklog(tmp_path / "backlog.db").open()


async def test_nothing_runs_after_the_file_has_failed(tmp_path: Path) -> None:
    async with SqliteBacklog(tmp_path / "backlog.db") as backlog:

        def fail() -> None:
            raise apsw.IOError("disk I/O error")

        with pytest.raises(BacklogError, match="disk I/O error"):
            await backlog._writer.do(fail)
        with pytest.raises(BacklogError, match="has failed"):
            await backlog.put([JOB])


@pytest.mark.parametrize(
    ("failure", "worse", "told"),
    [
        (apsw.FullError("full"), apsw.IOError("disk I/O error"), BacklogError),
        (apsw.FullError("full"), apsw.FullError("full"), BacklogError),
        (apsw.CorruptError("malformed"), apsw.IOError("disk I/O error"), UnusableBacklogError),
        (apsw.IOError("disk I/O error"), apsw.CorruptError("malformed"), UnusableBacklogError),
    ],
)
async def test_nothing_runs_after_what_is_kept_in_memory_may_be_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: apsw.Error, worse: apsw.Error, told: type[BacklogError]
) -> None:
    """It was made by work that came to nothing, and could not be taken anew from the file."""
    async with SqliteBacklog(tmp_path / "backlog.db") as backlog:

        def fail() -> None:
            backlog._tables.insert([JOB])
            raise failure

        def load() -> None:
            raise worse

        with monkeypatch.context() as patched:
            patched.setattr(backlog._tables, "load", load)
            with pytest.raises(told) as caught:
                await backlog._writer.do(fail)
            assert type(caught.value) is told
        with pytest.raises(told, match="has failed"):
            await backlog.put([JOB])


async def test_a_name_that_leads_to_the_file_is_as_good_as_its_own(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "backlog.db"
    link.symlink_to("disk/backlog.db")
    async with SqliteBacklog(link) as backlog:
        await backlog.find_files()
        assert backlog.gone == ""
        link.unlink()
        link.symlink_to("disk/other.db")
        await backlog.find_files()
        assert f"{link}, which holds the backlog, was deleted or replaced" in backlog.gone
