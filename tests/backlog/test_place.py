"""Where a backlog cannot be is told before it is tried."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.backlog.place import obstacle

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
