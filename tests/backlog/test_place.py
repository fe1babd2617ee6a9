"""Where a backlog cannot be is told before it is tried."""

from __future__ import annotations

import os
from collections.abc import Iterator
from errno import EIO
from pathlib import Path

import pytest

from engine.backlog.place import obstacle
from engine.backlog.sqlite import SqliteBacklog
from engine.errors import BacklogError

NOBODY = 65534


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Root may write anywhere."""
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(NOBODY)
    yield
    if privileged:
        os.seteuid(0)


def test_what_may_not_be_written_is_named(unprivileged: None) -> None:
    assert obstacle(Path("/nowhere/deep/backlog.db")) == "nothing may be made in /"
    assert obstacle(Path("/etc/passwd")) == "/etc/passwd may not be read and written"


def test_directories_that_are_not_there_are_made_later(tmp_path: Path) -> None:
    assert obstacle(tmp_path / "new" / "backlog.db") == ""
    assert list(tmp_path.iterdir()) == []


def test_a_backlog_that_is_there_is_fine(tmp_path: Path) -> None:
    (tmp_path / "backlog.db").touch()
    assert obstacle(tmp_path / "backlog.db") == ""


async def test_one_that_was_used_is_fine_whether_it_was_closed_or_not(tmp_path: Path) -> None:
    place = tmp_path / "backlog.db"
    async with SqliteBacklog(place):
        killed = tmp_path / "killed.db"
        killed.write_bytes(place.read_bytes())
    assert (obstacle(place), obstacle(killed)) == ("", "")


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    place = tmp_path / "backlog.db"
    for content in (b"bucket,key\n", b"SQLite", bytes(4096)):
        place.write_bytes(content)
        assert obstacle(place) == f"{place} is no backlog, but some other file"
    (tmp_path / "backlog.db-journal").touch()
    assert obstacle(place) == "", "SQLite makes it whole again"


def test_what_is_no_regular_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert obstacle(tmp_path / "pipe") == f"{tmp_path / 'pipe'} is no file"
    assert obstacle(Path("/dev/null")) == "/dev/null is no file"


def test_a_file_system_that_does_not_answer_may_do_so_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(EIO, "Input/output error")

    place = tmp_path / "backlog.db"
    place.write_bytes(b"SQLite format 3\0")
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(BacklogError, match="cannot be used: Input/output error"):
        obstacle(place)
