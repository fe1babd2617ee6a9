"""A spool is one process's, also when its directory is made anew."""

from __future__ import annotations

import io
import os
from contextlib import AbstractContextManager
from errno import EACCES, EMFILE, ENOMEM, ENOSPC, EROFS
from pathlib import Path
from typing import Any

import pytest

from engine.backlog.owner import Owner
from engine.daemon.log import Log
from engine.daemon.sources.spool import Spool, SpoolSettings
from engine.daemon.unix_socket import UnixSocket
from engine.errors import BacklogError, ConfigError, ListenError
from tests.daemon.spools import Running, drop


def held(directory: Path) -> AbstractContextManager[None]:
    return Spool(SpoolSettings("in", directory), Log(io.StringIO())).held()


async def test_a_directory_that_is_made_anew_is_no_less_ours(running: Running) -> None:
    drop(running.directory, "a.txt", "a\n")
    await running.emptied("a")
    running.directory.rename(running.directory.with_name("elsewhere"))
    running.directory.mkdir()
    drop(running.directory, "b.txt", "b\n")
    await running.emptied("a", "b")
    with pytest.raises(BacklogError, match=f"in use by process {os.getpid()}"):
        Owner(running.directory / ".spool")


async def test_a_directory_that_is_made_anew_for_another_process_is_left_to_it(running: Running) -> None:
    drop(running.directory, "a.txt", "a\n")
    await running.emptied("a")
    other = running.directory.with_name("other")
    other.mkdir()
    drop(other, "b.txt", "b\n")
    owner = Owner(other / ".spool")
    running.directory.rename(running.directory.with_name("elsewhere"))
    other.rename(running.directory)
    await running.troubled("spools.in.directory: ")
    assert "in use by process" in running.source.trouble
    assert running.intake.keys == ["a"]
    owner.release()
    await running.well()
    await running.emptied("a", "b")
    assert len(running.said("spool_failed")) <= 2, "each reason once"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (EACCES, ConfigError),
        (EROFS, ConfigError),
        (EMFILE, BacklogError),
        (ENOMEM, BacklogError),
        (ENOSPC, BacklogError),
    ],
)
def test_a_lock_that_cannot_be_made_needs_a_person_unless_that_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    opened = os.open

    def refuse(path: Any, *how: Any, **where: Any) -> int:
        if str(path).endswith(".lock"):
            raise OSError(code, os.strerror(code), path)
        return opened(path, *how, **where)

    monkeypatch.setattr(os, "open", refuse)
    why = rf"spools\.in\.directory: .*/\.spool\.lock cannot be used: {os.strerror(code)}"
    with pytest.raises(error, match=why), held(tmp_path):
        pass
    with pytest.raises(ListenError if error is BacklogError else error, match=os.strerror(code)):
        UnixSocket(str(tmp_path / "s"), 1)


def test_a_lock_that_leads_elsewhere_needs_a_person(tmp_path: Path) -> None:
    (tmp_path / ".spool.lock").symlink_to("elsewhere")
    with pytest.raises(ConfigError, match="symbolic links"), held(tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()
