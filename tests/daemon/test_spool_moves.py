"""What happens while a manifest is moved away loses nothing, and has nothing taken twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.daemon.sources import spooled as spooled_module
from engine.daemon.sources.spooled import Spooled, recover
from engine.daemon.sources.whole_file import write_whole
from engine.rows import Cursor
from tests.daemon.spools import LONG, Running, drop, lying, report


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


async def test_one_that_is_rewritten_in_its_place_is_taken_again_whatever_its_size(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rewrite() -> None:
        (running.directory / "m.txt").write_text("new\n")
        os.utime(running.directory / "m.txt", ns=(1, 1))  # another one, however coarse its clock is

    generations(running, monkeypatch, rewrite)
    drop(running.directory, "m.txt", "old\n")
    await running.emptied("old", "new")
    await running.until(lambda: running.said("manifest_taken"))
    assert {path.name for path in (running.directory / "done").iterdir()} == {"m.txt", "m.txt.report.json"}
    assert report(running.directory / "done" / "m.txt")["rows"] == 1


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


@pytest.mark.parametrize("links", [True, False])
async def test_one_that_comes_as_another_is_put_back_is_not_lost(
    running: Running, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    """Where there are no links it is looked for before."""
    directory, rename, link, failed = running.directory, Path.rename, os.link, False
    wanted = directory / "a.txt"

    def fail(path: Path, target: Path) -> Path:
        nonlocal failed
        if target == directory / "done" / "a.txt" and not failed:
            failed = True
            if not links:
                drop(directory, "a.txt", "new\n")
            raise PermissionError(1, "Operation not permitted", str(path))
        if target == wanted and path.name.endswith(".moving") and links:
            drop(directory, "a.txt", "new\n")
        return rename(path, target)

    def come_first(path: Path, target: Path) -> None:
        if not links:
            raise PermissionError(1, "Operation not permitted", str(path))
        drop(directory, "a.txt", "new\n")
        link(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    monkeypatch.setattr(os, "link", come_first)
    drop(directory, "a.txt", "old\n")
    await running.until(lambda: len(running.said("manifest_taken")) == 2)
    await running.emptied("old", "new")
    found = [path for path in (directory / "done").iterdir() if not path.name.endswith(".json")]
    assert {path.read_text() for path in found} == {"old\n", "new\n"}


async def test_what_is_put_back_keeps_its_name_also_where_there_are_no_links(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, done = Path.rename, running.directory / "done"
    failed = False

    def fail(path: Path, target: Path) -> Path:
        nonlocal failed
        if target == done / "a.txt" and not failed:
            failed = True
            raise PermissionError(1, "Operation not permitted", str(path))
        return rename(path, target)

    def refuse(path: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "rename", fail)
    monkeypatch.setattr(os, "link", refuse)
    drop(running.directory, "a.txt", "old\n")
    await running.emptied("old")
    await running.until(lambda: running.said("manifest_taken"))
    assert failed
    assert {path.name for path in done.iterdir()} == {"a.txt", "a.txt.report.json"}


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
    for opened in Path("/dev/fd").iterdir():
        with suppress(OSError):
            yield os.fstat(int(opened.name))


def test_one_that_was_being_taken_back_by_a_second_name_is_there_once(tmp_path: Path) -> None:
    drop(tmp_path, "m.txt", "old\n")
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "m.txt.report.json").write_text("{}")
    os.link(tmp_path / "m.txt", tmp_path / "done" / ".m.txt.moving")
    assert recover(tmp_path) == []
    assert lying(tmp_path) == {"m.txt"}
    assert list((tmp_path / "done").iterdir()) == []
