"""What cannot be taken out of a spool is left lying and told of; nothing else waits for it, nothing is taken twice."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from errno import EACCES, EMFILE, ENOSPC, EROFS
from hashlib import blake2b
from pathlib import Path
from shutil import rmtree
from typing import Any

import orjson
import pytest

from engine.backlog.inbox import Inbox
from engine.backlog.owner import Owner
from engine.daemon.intake import Intake, Taken
from engine.daemon.log import Log
from engine.daemon.sources import spool as spool_module
from engine.daemon.sources import spooled as spooled_module
from engine.daemon.sources.spool import Spool, SpoolSettings
from engine.daemon.sources.spooled import Spooled
from engine.daemon.sources.whole_file import write_whole
from engine.daemon.unix_socket import UnixSocket
from engine.errors import BacklogError, ConfigError, ListenError
from engine.notifications import ObjectEvent
from engine.routes import Routes
from engine.rows import Cursor
from tests.daemon.test_spool import drop, lying, report

LONG = "x" * 240 + ".txt"  # a report's name would be too long beside it


class Taking(Intake):
    """Takes everything, and remembers it."""

    def __init__(self) -> None:
        super().__init__(Inbox.__new__(Inbox), Routes([]))
        self.keys: list[str] = []

    async def take(self, sender: str, events: Sequence[ObjectEvent], scope: Collection[str] | None = None) -> Taken:
        self.keys += [event.key for event in events]
        return Taken(len(events), 0, 0, len(events), len(events))


def held(directory: Path) -> AbstractContextManager[None]:
    return Spool(SpoolSettings("in", directory), Log(io.StringIO())).held()


class Running:
    """A spool of its own that is watched."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.intake = Taking()
        self._log = io.StringIO()
        self.source = Spool(SpoolSettings("in", directory, "b", 0.001), Log(self._log))
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        with self.source.held():
            await self.source.run(self.intake)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                assert not self._task.done()
                await asyncio.to_thread(os.sched_yield)

    async def emptied(self, *keys: str) -> None:
        """Wait until all that lay there is gone, and these keys were taken, each once."""
        await self.until(
            lambda: (
                len(self.intake.keys) >= len(keys)  # what is put back is nowhere for a moment
                and not lying(self.directory)
                and not any(self.directory.glob("*/.*.moving"))
            )
        )
        assert self.intake.keys == list(keys)

    async def troubled(self, why: str) -> None:
        await self.until(lambda: why in self.source.trouble)

    async def well(self) -> None:
        await self.until(lambda: not self.source.trouble)

    def said(self, name: str) -> list[dict[str, Any]]:
        told = [orjson.loads(line) for line in self._log.getvalue().splitlines()]
        return [each for each in told if each["event"] == name]

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.wait((self._task,))


@pytest.fixture
async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    monkeypatch.setattr(spool_module, "PUT_OFF_S", 0.0)
    directory = tmp_path / "spool"
    directory.mkdir()
    spool = Running(directory)
    yield spool
    await spool.end()


@pytest.mark.parametrize("name", [LONG, "y" * 251 + ".txt", "é" * 125 + ".txt"])
async def test_a_long_name_goes_where_others_go(running: Running, name: str) -> None:
    (running.directory / name).write_text("long\n")
    drop(running.directory, "b.txt", "short\n")
    await running.emptied("long", "short")
    (moved,) = [path for path in (running.directory / "done").glob("*.txt") if path.name != "b.txt"]
    assert moved.read_text() == "long\n"
    assert report(moved)["manifest"] == name
    (running.directory / name).write_text("again\n")
    await running.emptied("long", "short", "again")
    assert len(list((running.directory / "done").glob("*.txt"))) == 3


async def test_a_name_that_is_no_text(running: Running) -> None:
    name = os.fsdecode(b"caf\xe9.csv")
    for number, content in enumerate(("key\nk\n", "nonsense,more\n1,2\n"), 1):
        drop(running.directory, name, content)
        await running.until(lambda number=number: len(running.said("manifest_taken")) == number)  # type: ignore[misc]
    assert running.intake.keys == ["k"]
    good, bad = running.said("manifest_taken")
    assert good["file"].endswith("/done/caf\\xe9.csv")
    assert bad["file"].endswith("/failed/caf\\xe9.csv")
    assert "caf\\xe9.csv" in bad["error"]


@pytest.mark.parametrize("folder", ["done", "failed"])
async def test_folders_are_made_where_they_are_missing(running: Running, folder: str) -> None:
    drop(running.directory, "a.txt", "a\n")
    await running.emptied("a")
    await running.until(lambda: running.said("manifest_taken"))
    rmtree(running.directory / folder)
    drop(running.directory, "b.csv", "key\nb\n" if folder == "done" else "key,op\nb,\nc,no\n")
    await running.emptied("a", "b")
    assert (running.directory / folder / "b.csv").exists()
    assert running.source.trouble == ""


async def test_one_that_nothing_can_be_written_beside_keeps_no_other_waiting(running: Running) -> None:
    (running.directory / ".a.txt.report.json").mkdir()
    drop(running.directory, "a.txt", "a\n")
    await running.troubled("manifests left lying: 1, such as a.txt: Is a directory")
    drop(running.directory, "b.txt", "b\n")
    await running.until((running.directory / "done" / "b.txt").exists)
    assert running.intake.keys == ["b"], "or it would be taken again and again"
    assert [each["file"] for each in running.said("manifest_left")] == ["a.txt"], "once"
    (running.directory / ".a.txt.report.json").rmdir()
    await running.well()
    await running.emptied("b", "a")


async def test_what_cannot_be_moved_away_is_not_taken_again(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[Path] = []

    def refuse(path: Path, target: Path) -> Path:
        refused.append(path)
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        (running.directory / "a.txt").write_text("a\n")
        await running.until(lambda: len(refused) == 3)
        await running.troubled("a.txt: Permission denied")
    await running.well()
    await running.emptied("a")


async def test_nothing_is_taken_that_could_not_be_moved_away(running: Running) -> None:
    await running.until((running.directory / "failed").exists)
    (running.directory / "done").rmdir()
    (running.directory / "done").symlink_to("nowhere")
    drop(running.directory, "b.txt", "b\n")
    await running.troubled("b.txt: File exists")
    assert running.intake.keys == []
    (running.directory / "done").unlink()
    await running.emptied("b")


async def test_one_that_is_put_off_waits_its_time(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "PUT_OFF_S", 3600.0)
    (running.directory / ".a.txt.report.json").mkdir()
    drop(running.directory, "a.txt", "a\n")
    await running.troubled("a.txt")
    (running.directory / ".a.txt.report.json").rmdir()
    drop(running.directory, "b.txt", "b\n")
    await running.until(lambda: running.intake.keys)
    assert running.intake.keys == ["b"]
    assert "a.txt" in running.source.trouble
    (running.directory / "a.txt").unlink()
    await running.well()


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
    [(EACCES, ConfigError), (EROFS, ConfigError), (EMFILE, BacklogError), (ENOSPC, BacklogError)],
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


def generations(running: Running, monkeypatch: pytest.MonkeyPatch, write: Callable[[], object]) -> None:
    """Have something written where a manifest is, once its report tells that it was taken."""

    def write_report(path: Path, document: object, **how: Any) -> None:
        write_whole(path, document, **how)
        if path == running.directory / "done" / "m.txt.report.json" and running.intake.keys == ["old"]:
            write()

    monkeypatch.setattr(spooled_module, "write_whole", write_report)


async def test_one_that_comes_in_the_place_of_one_that_is_done_is_taken_too(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations(running, monkeypatch, lambda: drop(running.directory, "m.txt", "new\n"))
    drop(running.directory, "m.txt", "old\n")
    await running.emptied("old", "new")
    await running.until(lambda: running.said("manifest_taken"))
    done = running.directory / "done"
    (told,) = done.glob("*m.txt.report.json")
    moved = told.with_name(told.name.removesuffix(".report.json"))
    assert (moved.read_text(), report(moved)["rows"]) == ("new\n", 1)
    assert {path.name for path in done.iterdir()} == {moved.name, told.name}, "no other one is said to be there"


async def test_what_is_added_to_one_that_is_done_is_taken_and_nothing_else_of_it(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add() -> None:
        with (running.directory / "m.txt").open("a") as file:
            file.write("more\n")

    generations(running, monkeypatch, add)
    drop(running.directory, "m.txt", "old\n")
    await running.emptied("old", "more")


@pytest.mark.parametrize("how", ["another", "more"])
def test_what_is_not_as_it_was_read_is_left_where_it_is(tmp_path: Path, how: str) -> None:
    drop(tmp_path, "m.txt", "old\n")
    spooled = Spooled(tmp_path / "m.txt")
    if how == "another":
        drop(tmp_path, "m.txt", "new\n")
    else:
        with (tmp_path / "m.txt").open("a") as file:
            file.write("more\n")
    assert spooled.finish() is None
    assert (tmp_path / "m.txt").exists()
    assert list((tmp_path / "done").iterdir()) == []


class Crash(BaseException):
    """The process is gone."""


def crash(monkeypatch: pytest.MonkeyPatch, path: Path, renames: int, before: Callable[[], object]) -> None:
    """End in the middle of moving one away, of which all was taken."""
    rename, done = Path.rename, 0
    spooled = Spooled(path)
    content = path.read_bytes()
    spooled.report.rows = spooled.report.taken = content.count(b"\n")
    spooled.report.cursor = Cursor(len(content), 1, 1, blake2b(content, digest_size=16).hexdigest()).to_json()
    spooled.save()

    def crashing(path: Path, target: Path) -> Path:
        nonlocal done
        if not done:
            before()
        moved = rename(path, target)
        if (done := done + 1) == renames:
            raise Crash
        return moved

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crashing)
        with pytest.raises(Crash):
            spooled.finish()


@pytest.mark.parametrize("renames", [1, 2])
async def test_a_crash_while_one_is_moved_away_loses_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    directory = tmp_path / "spool"
    directory.mkdir()
    drop(directory, "m.txt", "old\n")
    (tmp_path / "new").write_text("new\n")
    crash(monkeypatch, directory / "m.txt", renames, lambda: (tmp_path / "new").replace(directory / "m.txt"))
    running = Running(directory)
    await running.until(lambda: running.said("manifest_taken"))
    await running.end()
    assert running.intake.keys == ["new"]
    names = [path.name for path in (directory / "done").iterdir()]
    (moved,) = [name for name in names if not name.endswith(".report.json")]
    # As it was put back already, of the one whose place it took the report remains.
    assert set(names) - {moved, f"{moved}.report.json"} == ({"m.txt.report.json"} if renames == 2 else set())
    assert not list(directory.glob(".*.json"))


@pytest.mark.parametrize("name", ["m.txt", LONG])
@pytest.mark.parametrize("again", [False, True])
async def test_after_a_crash_while_one_is_moved_away_it_is_not_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, again: bool
) -> None:
    directory = tmp_path / "spool"
    directory.mkdir()
    if again:
        (directory / "done").mkdir()
        (directory / "done" / name).touch()
    (directory / name).write_text("old\n")
    crash(monkeypatch, directory / name, 1, lambda: None)
    running = Running(directory)
    await running.until(lambda: running.said("manifest_taken"))
    await running.end()
    assert running.intake.keys == []
    (told,) = (directory / "done").glob("*.report.json")
    assert orjson.loads(told.read_bytes())["taken"] == 1
    assert not list(directory.glob(".*.json")), "nothing else would remove it"


async def test_what_cannot_be_put_back_after_a_crash_is_told_of_and_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, rename = tmp_path / "spool", Path.rename
    directory.mkdir()
    drop(directory, "m.txt", "old\n")
    crash(monkeypatch, directory / "m.txt", 1, lambda: None)
    before = sorted(path.name for path in directory.rglob("*"))

    def refuse(path: Path, target: Path) -> Path:
        if path.name.endswith(".moving") and "m.txt" in path.name:
            raise PermissionError(1, "Operation not permitted", str(path))
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        running = Running(directory)
        await running.until(lambda: running.said("manifest_left"))
        assert set(before) <= {path.name for path in directory.rglob("*")}, "also what tells of it"
        drop(directory, "b.txt", "b\n")
        await running.until(lambda: running.said("manifest_taken"))
        await running.end()
    (left,) = running.said("manifest_left")
    assert (left["file"], running.intake.keys) == (".m.txt.moving", ["b"])
    running = Running(directory)
    await running.until(lambda: running.said("manifest_taken"))
    await running.end()
    assert running.intake.keys == []


@pytest.mark.parametrize("what", ["rename", "unlink"])
@pytest.mark.parametrize("another", [False, True])
async def test_what_fails_when_one_is_half_moved_away_is_tried_again(
    running: Running, monkeypatch: pytest.MonkeyPatch, what: str, *, another: bool
) -> None:
    """Whether another one came in its place meanwhile or not."""
    original: Callable[..., Any] = getattr(Path, what)
    directory, failures = running.directory, 0

    def fail(path: Path, *to: Path, **how: Any) -> Any:
        nonlocal failures
        wanted = to == (directory / "done" / "a.txt",) if to else path == directory / ".a.txt.report.json"
        if wanted and failures < 3:
            failures += 1
            if another and failures == 1:
                drop(directory, "a.txt", "new\n")
            raise PermissionError(1, "Operation not permitted", str(path))
        return original(path, *to, **how)

    def left() -> set[str]:
        return {path.name for path in directory.rglob(".*")} - {".spool.lock"}

    with monkeypatch.context() as patched:
        patched.setattr(Path, what, fail)
        drop(directory, "a.txt", "old\n")
        wanted = 1 + another
        await running.until(lambda: len(running.said("manifest_taken")) == wanted)
    await running.emptied(*["old", "new"][:wanted])
    assert failures
    assert left() == set()
    found = [path for path in (directory / "done").iterdir() if not path.name.endswith(".json")]
    assert {path.read_text() for path in found} == {"old\n", "new\n"} if another else {"old\n"}
    assert [report(path)["taken"] for path in found] == [1] * wanted
    assert len(list((directory / "done").iterdir())) == 2 * wanted


@pytest.mark.parametrize("what", ["time", "inode"])
async def test_what_changes_with_a_rename_makes_it_no_other(
    running: Running, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """As on a file system that numbers its inodes by what is in memory, or knows no times but its own."""
    rename = Path.rename

    def renumber(path: Path, target: Path) -> Path:
        opened = any(os.path.samestat(path.stat(), found) for found in _open_files())
        if what == "inode" and not opened:
            kept = path.stat()
            (path.parent / ".copy.tmp").write_bytes(path.read_bytes())
            os.utime(path.parent / ".copy.tmp", ns=(kept.st_atime_ns, kept.st_mtime_ns))
            (path.parent / ".copy.tmp").replace(target)
            path.unlink()
        else:
            rename(path, target)
        if what == "time":
            os.utime(target, ns=(1, 1))
        return target

    drop(running.directory, "a.txt", "a\n")
    monkeypatch.setattr(Path, "rename", renumber)
    await running.until(lambda: running.said("manifest_taken") or len(running.intake.keys) > 1)
    await running.emptied("a")
    assert (running.directory / "done" / "a.txt").exists()


def _open_files() -> Iterator[os.stat_result]:
    for opened in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            yield os.fstat(int(opened.name))
