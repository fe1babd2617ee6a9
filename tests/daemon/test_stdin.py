"""Events on standard input: durable before more is read."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Collection, Iterator, Sequence
from typing import IO

import pytest

from engine.backlog.inbox import Inbox
from engine.daemon.intake import Intake, Taken
from engine.daemon.log import Log
from engine.daemon.sources.standard_input import StandardInput
from engine.notifications import ObjectEvent
from engine.routes import Routes
from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve, event


class Piped:
    """The daemon, at the other end of a pipe."""

    def __init__(self, serve: Serve, *arguments: str) -> None:
        self._serve = serve
        serve.process = subprocess.Popen(
            serve.command("--stdin", *arguments), cwd=serve.directory, env=serve.environ, stdin=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert serve.process.stdin
        self.input: IO[str] = serve.process.stdin
        serve.says("serving")

    def write(self, *lines: bytes) -> None:
        self.input.write("".join(line.decode() + "\n" for line in lines))
        self.input.flush()


@pytest.fixture
def configured(serve: Serve) -> Serve:
    serve.configure(serve.route(), serve.push(), linger_s=0.0)
    return serve


def test_lines_come_through_as_they_are_written_and_the_end_ends_nothing(configured: Serve, cloud: Clouds) -> None:
    piped = Piped(configured)
    piped.write(event("a+b"))
    configured.until(lambda: cloud.keys == {"a+b": 1})
    piped.write(b"nonsense", b"", event("c", id="1"), event("c", id="1"), b'{"bucket":"b"}')
    rejected = [configured.says("line_rejected")["line"] for _ in range(2)]
    assert rejected == [2, 6]
    configured.until(lambda: set(cloud.keys) == {"a+b", "c"})
    piped.input.write(event("unended").decode())
    piped.input.close()
    ended = configured.says("input_ended")
    assert (ended["lines"], ended["rejected"]) == (7, 2)
    configured.until(lambda: "unended" in cloud.keys)
    assert configured.process.poll() is None
    assert configured.end() == 0


def test_the_end_of_input_drains_if_asked(configured: Serve, cloud: Clouds) -> None:
    piped = Piped(configured, "--until-end")
    piped.write(*[event(f"k{number}") for number in range(1_000)])
    piped.input.close()
    assert configured.process.wait(30) == 0
    configured.process.stderr.close()  # type: ignore[union-attr]
    configured.configure(configured.route(), configured.push(), linger_s=0.0)
    configured.start()
    configured.until(lambda: len(cloud.keys) == 1_000)
    assert configured.end() == 0


def test_an_end_that_never_comes_is_refused(configured: Serve) -> None:
    for more in ((), ("--check",)):
        refused = configured.run("--until-end", *more)
        assert refused.returncode == 2
        assert "--until-end needs --stdin" in refused.stderr


def test_a_line_that_never_ends_keeps_none_waiting(configured: Serve, cloud: Clouds) -> None:
    piped = Piped(configured)
    piped.input.write("x" * (3 << 20) + "\n" + event("after").decode() + "\n")
    piped.input.flush()
    assert configured.says("line_rejected")["why"] == "the line is too long"
    configured.until(lambda: cloud.keys == {"after": 1})
    piped.input.close()
    assert configured.end() == 0


class Slow(Intake):
    """Takes nothing until it is let."""

    def __init__(self) -> None:
        super().__init__(Inbox.__new__(Inbox), Routes([]))
        self.asked: asyncio.Queue[list[str]] = asyncio.Queue()
        self.committed = asyncio.Semaphore(0)
        self.told: list[str] = []  # in the order in which it happened

    async def take(self, sender: str, events: Sequence[ObjectEvent], scope: Collection[str] | None = None) -> Taken:
        self.asked.put_nowait([event.key for event in events])
        await self.committed.acquire()
        self.told.append("committed")
        return Taken(len(events), 0, 0, len(events), len(events))


def read_from(descriptor: int, told: list[str]) -> Iterator[bytes]:
    while True:
        told.append("reads")
        if not (data := os.read(descriptor, 65_536)):
            return
        yield data


async def test_nothing_more_is_read_before_the_last_is_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    receiving, sending = os.pipe()
    intake, ended = Slow(), asyncio.Event()
    content = read_from(receiving, intake.told)
    monkeypatch.setattr("engine.daemon.sources.standard_input.pieces", lambda path: content)
    source = asyncio.create_task(StandardInput(Log(), ended=ended.set).run(intake))
    os.write(sending, event("first") + b"\n")
    assert await intake.asked.get() == ["first"]
    os.write(sending, event("second") + b"\n")
    os.close(sending)
    intake.committed.release()
    assert await intake.asked.get() == ["second"]
    assert not ended.is_set()
    intake.committed.release()
    await source
    assert ended.is_set()
    assert intake.told == ["reads", "committed", "reads", "committed", "reads"]
    os.close(receiving)
