"""A log that cannot be written is no reason to leave work undone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path
from select import PIPE_BUF

import orjson
import pytest

from engine.daemon.log import Log, _line
from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve, event


@contextmanager
def full() -> Iterator[int]:
    end = os.open("/dev/full", os.O_WRONLY)
    yield end
    os.close(end)


@contextmanager
def unread() -> Iterator[int]:
    """The end of a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("log", [full, unread])
def test_without_a_log_all_is_taken_in_and_the_end_is_a_good_one(
    serve: Serve, cloud: Clouds, log: Callable[[], AbstractContextManager[int]]
) -> None:
    serve.configure(serve.route(), serve.push())
    with log() as stderr:
        done = subprocess.run(
            serve.command("--stdin", "--until-end"), input=b"nonsense\n" + event("good") + b"\n", stderr=stderr,
            cwd=serve.directory, env=serve.environ, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0
    serve.start()  # which does what was taken in
    serve.until(lambda: cloud.keys == {"good": 1})
    assert serve.end() == 0


@pytest.fixture
def place() -> Iterator[Callable[[int], int]]:
    """Gives standard error another file while a test lasts."""
    before = os.dup(2)
    yield lambda fd: os.dup2(fd, 2)
    os.dup2(before, 2)
    os.close(before)


def test_a_line_that_was_torn_spoils_no_other(
    tmp_path: Path, place: Callable[[int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = tmp_path / "log", os.write
    with path.open("wb") as file:
        place(file.fileno())
        log = Log()
        with monkeypatch.context() as filling:
            filling.setattr(os, "write", lambda fd, data: write(fd, data[:10]))
            log.event("torn")
        log.event("whole")
        log.event("next")
    torn, *whole = path.read_bytes().splitlines()
    assert len(torn) == 10
    lost, *others = [orjson.loads(line) for line in whole]
    assert (lost["event"], lost["lines"]) == ("lines_lost", 1)
    assert [each["event"] for each in others] == ["whole", "next"]


def test_a_line_that_is_lost_after_the_count_is_counted_once(
    tmp_path: Path, place: Callable[[int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = tmp_path / "log", os.write
    with path.open("wb") as file:
        place(file.fileno())
        log = Log()
        room = 0

        def fill(fd: int, data: bytes) -> int:
            """Up to the beginning of the second line."""
            nonlocal room
            taken = write(fd, data[:room])
            room -= taken
            return taken

        with monkeypatch.context() as filling:
            filling.setattr(os, "write", fill)
            log.event("lost")
            room = len(_line("lines_lost", {"lines": 1})) + 10
            log.event("torn")
        log.event("whole")
    lines = path.read_bytes().splitlines()
    del lines[1]  # what was torn
    told = [orjson.loads(line) for line in lines]
    assert [(each["event"], each.get("lines")) for each in told] == [
        ("lines_lost", 1), ("lines_lost", 1), ("whole", None)
    ]  # fmt: skip


@pytest.mark.timeout(20)
def test_a_reader_that_sleeps_keeps_nobody_waiting(place: Callable[[int], int]) -> None:
    reader, writer = os.pipe()
    place(writer)
    os.close(writer)
    log = Log()
    for number in range(3_000):
        log.event("told", number=number, long="x" * (9_000 if number % 7 == 0 else 10))
    with open(reader, "rb", buffering=0) as pipe:  # noqa: PTH123 - no path
        before = pipe.read(1 << 20)
        log.event("last")
        rest = before.rpartition(b"\n")[2] + pipe.read(1 << 20)
    told = [orjson.loads(line)["number"] for line in before.split(b"\n")[:-1]]
    assert told == list(range(len(told))), "one after the other, as long as there was room"
    _torn, *lines = rest.splitlines()
    lost, last = [orjson.loads(line) for line in lines]
    assert (lost["event"], last["event"]) == ("lines_lost", "last")
    assert len(told) + lost["lines"] == 3_000


def test_a_line_comes_with_the_count_where_there_is_room_for_one_write(place: Callable[[int], int]) -> None:
    """A pipe of one page is full from one write until that is read."""
    reader, writer = os.pipe()
    assert fcntl(writer, F_SETPIPE_SZ, PIPE_BUF) == PIPE_BUF
    place(writer)
    os.close(writer)
    log = Log()
    told = []
    with open(reader, "rb", buffering=0) as pipe:  # noqa: PTH123 - no path
        for name in ("first", "second", "third"):
            log.event(name)
            log.event("lost")
            told += [orjson.loads(line) for line in pipe.read(PIPE_BUF).splitlines()]
    assert [(each["event"], each.get("lines")) for each in told] == [
        ("first", None), ("lines_lost", 1), ("second", None), ("lines_lost", 1), ("third", None)
    ]  # fmt: skip


def test_no_other_file_becomes_standard_error(place: Callable[[int], int]) -> None:
    os.close(2)
    Log().event("lost")
    assert os.path.samestat(os.fstat(2), Path(os.devnull).stat())
