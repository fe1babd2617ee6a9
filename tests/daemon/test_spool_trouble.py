"""What cannot be taken out of a spool is left lying and told of; nothing else waits for it, nothing is taken twice."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import rmtree

import orjson
import pytest

from engine.daemon.sources import spool as spool_module
from tests.daemon.spools import LONG, Running, drop, report


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


def deep(levels: int) -> object:
    """Not too deep for what writes JSON."""
    nested: list[object] = []
    for _ in range(levels):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    "odd",
    [
        {"file": []},
        {"file": {}},
        {"file": [[1], 2]},
        {"file": [None, 2]},
        {"file": 5},
        *({"rows": rows} for rows in ("x", -1, 2**64 - 1)),
        *({"rejections": [each]} for each in (5, {}, {"line": "x", "reason": "r", "text": "t"}, deep(200))),
        {"cursor": []},
    ],
)
async def test_a_hidden_report_that_cannot_be_ours_counts_for_nothing(tmp_path: Path, odd: dict[str, object]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a\n")
    ours = {"manifest": "a.txt", "file": [path.stat().st_ino, path.stat().st_mtime_ns], "began_at": 1.0}
    (tmp_path / ".a.txt.report.json").write_bytes(orjson.dumps(ours | odd))
    running = Running(tmp_path)
    await running.until(lambda: running.said("manifest_taken"))
    await running.end()
    assert running.intake.keys == ["a"]
    assert report(tmp_path / "done" / "a.txt")["rows"] == 1


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
