"""A spool directory: manifests are taken whole, whatever happens on the way, and what is wrong with them is told."""

from __future__ import annotations

import asyncio
import gzip
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import orjson
import pytest

from engine.daemon.log import Log
from engine.daemon.sources.spool import Spool, SpoolSettings
from engine.daemon.sources.spooled import Spooled, make_folder
from engine.daemon.sources.whole_file import share
from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve
from tests.daemon.spools import drop, lying, report
from tests.daemon.test_operations import status
from tests.daemon.test_serve import KEYS
from tests.daemon.test_stdin import Slow


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    directory = tmp_path / "spool"
    directory.mkdir()
    return directory


def spooling(serve: Serve, *more: str, table: str = 'bucket = "b"\n', **settings: object) -> None:
    own = f'[[spools]]\nname = "in"\ndirectory = "spool"\npoll_s = 0.05\n{table}'
    serve.configure(own, serve.route(), serve.push(), *more, **settings)


ELSEWHERE = 12_345  # a group that nobody is in


@pytest.fixture
def careful() -> Iterator[None]:
    """As systemd starts it: what is made is for the daemon alone, unless it says otherwise."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_who_may_read_a_manifest_may_read_its_report(spool: Path, careful: None, mode: int) -> None:
    spool.chmod(0o2770)
    drop(spool, "keys.txt", "a")
    group = ELSEWHERE if os.geteuid() == 0 else os.getegid()
    os.chown(spool / "keys.txt", -1, group)
    (spool / "keys.txt").chmod(mode)
    spooled = Spooled(spool / "keys.txt")
    assert next(spool.glob(".*.json")).stat().st_mode & 0o777 == 0o600, "how far it was taken is nobody's business"
    spooled.report.error = "it cannot be read"
    moved = spooled.finish()
    assert moved
    told = moved.with_name("keys.txt.report.json").stat()
    assert (stat.S_IMODE(told.st_mode), told.st_gid) == (mode, group)
    for folder in ("done", "failed"):
        made = (spool / folder).stat()
        assert (stat.S_IMODE(made.st_mode), made.st_gid) == (0o770, spool.stat().st_gid)


def test_a_folder_that_is_there_stays_as_it_is(spool: Path) -> None:
    (spool / "done").mkdir(mode=0o700)
    make_folder(spool / "done")
    assert stat.S_IMODE((spool / "done").stat().st_mode) == 0o700


@pytest.mark.parametrize(("theirs", "ours"), [(0o640, 0o600), (0o2664, 0o644), (0o604, 0o644)])
def test_where_the_group_cannot_be_given_ours_gets_no_more_than_everybody(theirs: int, ours: int) -> None:
    like = os.stat_result((theirs, 0, 0, 1, 0, ELSEWHERE, 0, 0, 0, 0))
    privileged = os.geteuid() == 0
    with TemporaryFile() as file:
        if privileged:
            os.fchown(file.fileno(), 65534, -1)
            os.seteuid(65534)
        try:
            share(file.fileno(), like, 0o777)
        finally:
            if privileged:
                os.seteuid(0)
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == ours


def test_every_format_that_the_commands_read(serve: Serve, cloud: Clouds, spool: Path) -> None:
    spooling(serve, linger_s=0.0)
    serve.start()
    plain = [key for key in KEYS if "\n" not in key]
    drop(spool, "a.txt", "\n".join(plain))
    drop(spool, "b.csv.gz", gzip.compress(b'key,bucket,op\n"in,csv",b,created\ngone,b,removed\nother,c,created\n'))
    drop(spool, "c.jsonl", '{"key":"in/json","bucket":"b","id":"1"}\n{"key":"in/json2","id":"1"}\n')
    for _ in range(3):
        serve.says("manifest_taken")
    serve.until(lambda: len(cloud.keys) >= len(plain) + 2)
    assert cloud.keys == dict.fromkeys([*plain, "in,csv", "in/json"], 1)
    assert lying(spool) == set()
    assert report(spool / "done" / "a.txt")["taken"] == len(plain)
    read = report(spool / "done" / "b.csv.gz")
    assert (read["rows"], read["taken"], read["unrouted"]) == (3, 2, 1)
    assert report(spool / "done" / "c.jsonl")["repeated"] == 1
    assert serve.end() == 0


def test_what_is_wrong_is_reported_and_the_rest_is_done(serve: Serve, cloud: Clouds, spool: Path) -> None:
    spooling(serve, table="", linger_s=0.0, no_route="reject")
    serve.start()
    drop(
        spool, "bad.csv", "bucket,key,op\nb,good,created\nb,,created\nb,moved,renamed\nelsewhere,key,created\nb,also\n"
    )
    drop(spool, "no-manifest.csv", "nonsense\n1\n")
    drop(spool, "none.jsonl", "")
    for _ in range(3):
        serve.says("manifest_taken")
    serve.until(lambda: cloud.keys == {"good": 1})
    found = report(spool / "failed" / "bad.csv")
    assert (found["rows"], found["taken"], found["rejected"]) == (5, 1, 4)
    reasons = {each["line"]: each["reason"] for each in found["rejections"]}
    assert sorted(reasons) == [3, 4, 5, 6]
    assert "key is empty" in reasons[3]
    assert "renamed" in reasons[4]
    assert reasons[5] == "it fits no route"
    assert "unknown column" in report(spool / "failed" / "no-manifest.csv")["error"]
    assert report(spool / "done" / "none.jsonl")["rows"] == 0
    assert serve.end() == 0


def test_names_that_are_not_looked_at(serve: Serve, cloud: Clouds, spool: Path) -> None:
    spooling(serve, linger_s=0.0)
    for name in (".hidden.txt", "a.txt.tmp", "a.txt.part", "a.txt~"):
        (spool / name).write_text(f"from {name}")
    outside = spool.parent / "outside.txt"
    outside.write_text("from outside")
    (spool / "link.txt").symlink_to(outside)
    os.mkfifo(spool / "pipe.txt")
    serve.start()
    drop(spool, "z.txt", "wanted")
    assert serve.says("manifest_taken")["file"].endswith("done/z.txt")
    serve.until(lambda: cloud.keys == {"wanted": 1})
    assert len(lying(spool)) == 5
    assert serve.end() == 0


def test_the_same_name_again(serve: Serve, cloud: Clouds, spool: Path) -> None:
    spooling(serve, linger_s=0.0)
    serve.start()
    for times in (1, 2):
        drop(spool, "daily.txt", "k")
        serve.says("manifest_taken")
        serve.until(lambda times=times: cloud.keys == {"k": times})  # type: ignore[misc]
    assert len([path for path in (spool / "done").iterdir() if path.name.endswith("daily.txt")]) == 2
    assert serve.end() == 0


async def test_rows_that_are_added_meanwhile_are_taken_too(spool: Path) -> None:
    intake = Slow()
    drop(spool, "m.txt", "first\n")
    source = Spool(SpoolSettings("in", spool, "b", 0.01), Log())
    with source.held():
        running = asyncio.create_task(source.run(intake))
        assert await intake.asked.get() == ["first"]
        with (spool / "m.txt").open("a") as file:
            file.write("second\n")
        intake.committed.release()
        assert await intake.asked.get() == ["second"], "and not the first one again"
        assert lying(spool) >= {"m.txt"}
        intake.committed.release()
        while "m.txt" in lying(spool):
            await asyncio.to_thread(os.sched_yield)
        assert report(spool / "done" / "m.txt")["rows"] == 2
        running.cancel()
        await asyncio.wait((running,))


def hidden(spool: Path) -> dict[str, Any]:
    """The report on what is being taken; empty if nothing is."""
    for path in spool.glob(".*.report.json"):
        with suppress(FileNotFoundError):
            found: dict[str, Any] = orjson.loads(path.read_bytes())
            return found
    return {}


def test_a_crash_anywhere_loses_nothing(serve: Serve, cloud: Clouds, spool: Path) -> None:
    serve.environ = serve.environ | {"SYNCMUX_RATE": "1000"}
    spooling(serve, linger_s=0.05)
    names = ["m1.jsonl", "m2.jsonl"]
    for name in names:
        keys = [f"{name}/{number}" for number in range(8_000)]
        drop(spool, name, b"\n".join(orjson.dumps({"key": key, "id": key}) for key in keys))
    killed_in = []
    for _ in range(4):
        before = hidden(spool).get("rows", 0)
        serve.start()
        serve.until(lambda before=before: hidden(spool).get("rows", 0) > before or not lying(spool))  # type: ignore[misc]
        serve.kill()
        killed_in.append(hidden(spool).get("rows", 0))
    assert any(killed_in), "it was never killed in the middle"
    serve.start()
    serve.until(lambda: len(cloud.keys) == 16_000 and lying(spool) == set())
    assert serve.end() == 0
    for name in names:
        found = report(spool / "done" / name)
        assert (found["rows"], found["taken"] + found["repeated"]) == (8_000, 8_000)


def stuck(serve: Serve, **settings: Any) -> None:
    """Directories wait for the whole linger, so that the inbox fills up and stays full."""
    serve.environ = serve.environ | {"SYNCMUX_RATE": "1000"}
    own = '[[spools]]\nname = "in"\ndirectory = "spool"\npoll_s = 0.05\nbucket = "b"\n'
    serve.configure(own, serve.route(), serve.trigger("gw-spool"), **settings)
    serve.start()


def test_a_cursor_is_kept_while_a_manifest_is_taken(serve: Serve, cloud: Clouds, spool: Path) -> None:
    keys = [f"d{number}/k" for number in range(4_000)]
    drop(spool, "large.jsonl", b"\n".join(orjson.dumps({"key": key, "id": key}) for key in keys))
    stuck(serve, linger_s=60.0, max_waiting=2_500)
    serve.says("source_waits")
    serve.kill()
    left = hidden(spool)
    assert left["rows"] == 2_000
    assert orjson.loads(left["cursor"])["rows"] == 2_000
    stuck(serve, linger_s=0.0)
    done = serve.says("manifest_taken")
    assert (done["rows"], done["taken"]) == (4_000, 4_000)
    assert report(spool / "done" / "large.jsonl")["repeated"] == 0, "it went on where it had stopped"


@pytest.mark.parametrize("how", ["renamed", "written over"])
def test_another_manifest_under_the_name_of_one_half_taken(serve: Serve, cloud: Clouds, spool: Path, how: str) -> None:
    drop(spool, "m.txt", "\n".join(f"d{number}/k" for number in range(4_000)))
    stuck(serve, linger_s=60.0, max_waiting=2_500)
    serve.says("source_waits")
    serve.kill()
    other = "\n".join([f"d{number}/other" for number in range(1_500)] + ["new/k"])
    if how == "renamed":
        drop(spool, "m.txt", other)
    else:
        (spool / "m.txt").write_text(other)
    stuck(serve, linger_s=0.0)
    assert serve.says("manifest_taken")["rows"] == 1_501, "the report is about this one"
    serve.until(lambda: "gw-spool|NFSx|/new" in cloud.directories)


def test_two_daemons_do_not_share_a_spool(serve: Serve, cloud: Clouds, spool: Path) -> None:
    spooling(serve, linger_s=0.0)
    serve.start()
    drop(spool, "a.txt", "k")
    serve.says("manifest_taken")
    command = ["other.db" if part == "backlog.db" else part for part in serve.command()]
    refused = subprocess.run(
        command, cwd=serve.directory, env=serve.environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 1, "it passes by itself"
    assert "serving" not in refused.stderr, "who was told so might send something"
    assert "spools.in.directory" in refused.stderr
    assert f"process {serve.process.pid}" in refused.stderr
    serve.kill()
    serve.start()
    drop(spool, "b.txt", "l")
    assert serve.says("manifest_taken"), "the lock falls with its owner"
    assert serve.end() == 0


def test_a_directory_that_is_gone_is_told_of_until_it_is_back(serve: Serve, spool: Path) -> None:
    spooling(serve, linger_s=0.0)
    serve.start()
    assert status(serve)["sources"] == {"in": ""}
    spool.rename(spool.with_name("elsewhere"))
    said = serve.says("spool_failed")
    assert status(serve)["sources"] == {"in": said["error"]}
    assert "No such file" in said["error"]
    spool.with_name("elsewhere").rename(spool)
    serve.until(lambda: status(serve)["sources"] == {"in": ""} and status(serve)["warnings"] == [])
    assert serve.end() == 0


def test_what_there_is_no_room_for_is_told_of(serve: Serve, cloud: Clouds, spool: Path) -> None:
    drop(spool, "large.txt", "\n".join(f"d{number}/k" for number in range(4_000)))
    stuck(serve, linger_s=60.0, max_waiting=2_500)
    why = serve.says("source_waits")["why"]
    assert status(serve)["sources"] == {"in": why}


def test_settings_that_cannot_be_meant_are_named(serve: Serve, spool: Path) -> None:
    again = '[[spools]]\nname = "{}"\ndirectory = "./spool"\n'
    spooling(serve, again.format("in"))
    assert "another source" in serve.run("--check").stderr
    spooling(serve, again.format("two"))
    assert "spools.two.directory is that of spools.in" in serve.run("--check").stderr
    spooling(serve, table='directories = "x"\n')
    assert "spools.in.directories is not a setting" in serve.run("--check").stderr
    spooling(serve, table='bucket = "a\\nb"\n')
    assert "spools.in.bucket is 'a\\nb', not the name of a bucket" in serve.run("--check").stderr
    spool.rmdir()
    spooling(serve)
    assert "is no directory" in serve.run("--check").stderr
