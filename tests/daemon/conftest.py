"""`syncmux serve` in its own process, the clouds emulated in another, and clients that speak HTTP by hand."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from engine.cli.demo import create_sync_task
from engine.config import accounts, load
from engine.daemon.sources import spool as spool_module
from engine.emulator import EmulatorProcess
from tests.cli.conftest import Clouds, environment
from tests.daemon.spools import Running

COMMAND = [sys.executable, "-m", "engine"]
LISTENER = '[[listeners]]\nname = "own"\nformat = "lines"\n'


@pytest.fixture(scope="session")
def emulator() -> Iterator[EmulatorProcess]:
    with EmulatorProcess(faults={"task_s": 0.05}) as running:
        yield running


@pytest.fixture(scope="session")
def environ(emulator: EmulatorProcess) -> dict[str, str]:
    return environment(emulator, "emulator-ak", "emulator-sk")


@pytest.fixture(scope="session")
def sync_task(environ: dict[str, str]) -> str:
    (account,) = accounts(load(None, environ), environ, only={"huawei"})
    return asyncio.run(create_sync_task(account))


@pytest.fixture
def cloud(emulator: EmulatorProcess) -> Iterator[Clouds]:
    """What is set through it is undone after the test; the ledger is the test's own."""
    clouds = Clouds(emulator.alibaba)
    clouds.forget()
    yield clouds
    clouds.clear()


@pytest.fixture
async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    monkeypatch.setattr(spool_module, "PUT_OFF_S", 0.0)
    directory = tmp_path / "spool"
    directory.mkdir()
    spool = Running(directory)
    yield spool
    await spool.end()


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Wire:
    """One connection, byte by byte."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._received = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> Answer:
        """The next one; raises ConnectionError if the other side ends without it."""
        while b"\r\n\r\n" not in self._received:
            self._more()
        head, _, rest = self._received.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(rest) < length:
            before = len(self._received)
            self._more()
            rest += self._received[before:]
        self._received = rest[length:]
        return Answer(int(status.split()[1]), headers, rest[:length])

    def closed(self) -> bool:
        """Wait for the other side to end the connection; False if it says anything more."""
        try:
            return not self._received and self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError("ended without an answer")
        self._received += data


def request(body: bytes, path: str = "/v1/events/own", headers: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: here\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def event(key: str, **fields: Any) -> bytes:
    return orjson.dumps({"bucket": "b", "key": key, **fields})


@dataclass
class Serve:
    """The command, in a directory of its own."""

    directory: Path
    environ: dict[str, str]
    sync_task: str
    port: int = 0
    process: subprocess.Popen[str] = field(init=False)

    def route(self, name: str = "photos", **settings: Any) -> str:
        lines = "".join(f"{key} = {orjson.dumps(value).decode()}\n" for key, value in settings.items())
        return f'[[routes]]\nname = "{name}"\nbucket = "b"\n{lines}'

    def push(self) -> str:
        return f'[routes.push]\nsync_task_id = "{self.sync_task}"\n'

    def trigger(self, gateway: str = "gw-serve", **settings: Any) -> str:
        lines = "".join(f"{key} = {orjson.dumps(value).decode()}\n" for key, value in settings.items())
        return f'[routes.trigger]\ngateway_id = "{gateway}"\nindex_id = "NFSx"\n{lines}'

    def configure(self, *parts: str, **serve: Any) -> None:
        settings = "".join(f"{key} = {orjson.dumps(value).decode()}\n" for key, value in serve.items())
        (self.directory / "serve.toml").write_text(f'[serve]\nbind = "127.0.0.1:0"\n{settings}' + "".join(parts))

    def command(self, *arguments: str) -> list[str]:
        return [*COMMAND, "--config", "serve.toml", "--backlog", "backlog.db", "serve", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=self.directory, env=self.environ, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip

    def start(self) -> None:
        if hasattr(self, "process"):
            self.close()
        self.process = subprocess.Popen(
            self.command(), cwd=self.directory, env=self.environ, stderr=subprocess.PIPE, text=True
        )
        self.port = int(self.says("serving")["bind"].rpartition(":")[2])

    def says(self, name: str) -> dict[str, Any]:
        """Wait for a line of the log."""
        assert self.process.stderr
        for line in self.process.stderr:
            said: dict[str, Any] = orjson.loads(line)
            if said["event"] == name:
                return said
        pytest.fail(f"it ended with {self.process.wait()} and never said {name!r}")

    def wire(self) -> Wire:
        return Wire(self.port)

    def post(self, *lines: bytes, path: str = "/v1/events/own", headers: str = "") -> Answer:
        with self.wire() as wire:
            wire.send(request(b"\n".join(lines), path, headers))
            return wire.answer()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, timeout_s: float = 20) -> int:
        """Drain; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()

    def until(self, holds: Callable[[], bool]) -> None:
        """Ask until it holds; asking takes a round trip to the emulator."""
        while not holds():
            assert self.process.poll() is None, "the daemon ended"


@pytest.fixture
def serve(tmp_path: Path, environ: dict[str, str], sync_task: str) -> Iterator[Serve]:
    daemon = Serve(tmp_path, environ, sync_task)
    yield daemon
    if hasattr(daemon, "process"):
        daemon.close()
