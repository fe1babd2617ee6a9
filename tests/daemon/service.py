"""The daemon as it is run for long, at an address that stays, and the load on it: each in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple
from urllib.request import urlopen

import orjson
import pytest

from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve
from tests.daemon.load import Acknowledged, read_ledger
from tests.daemon.messages import keys
from tests.daemon.prometheus import Family, parsed

LOOK_S = 0.5


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Sample(NamedTuple):
    """What one look at the process and its metrics shows."""

    at: float  # monotonic
    pid: int
    rss_bytes: int
    files: int
    coroutines: int
    blocks: int
    database_bytes: int
    inbox_rows: int
    unfinished_jobs: int


@dataclass
class Service(Serve):
    """Its log goes to `daemon.log`, so that it never waits for somebody to read it."""

    port: int = field(default_factory=free_port)

    def configure(self, *parts: str, **serve: Any) -> None:
        super().configure(*parts, **serve)
        file = self.directory / "serve.toml"
        file.write_text(file.read_text().replace('"127.0.0.1:0"', f'"127.0.0.1:{self.port}"', 1))

    def start(self) -> None:
        if hasattr(self, "process"):
            self.close()
        self.process = subprocess.Popen(
            self.command(), cwd=self.directory, env=self.environ, stderr=subprocess.PIPE, text=True
        )
        self._said: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._listening = Thread(target=self._listen, args=(self.process, self._said), daemon=True)
        self._listening.start()
        self.says("serving")

    def says(self, name: str) -> dict[str, Any]:
        while said := self._said.get(timeout=60):
            if said["event"] == name:
                return said
        pytest.fail(f"it ended with {self.process.wait()} and never said {name!r}")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._listening.join()
        assert self.process.stderr
        self.process.stderr.close()

    def metrics(self) -> dict[str, Family]:
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            return parsed(answer.read().decode())

    def sample(self) -> Sample:
        told = self.metrics()
        proc = Path(f"/proc/{self.process.pid}")
        jobs = told["syncmux_backlog_jobs"]
        files = [self.directory / f"backlog.db{suffix}" for suffix in ("", "-wal")]
        return Sample(
            time.monotonic(),
            self.process.pid,
            int((proc / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
            sum(1 for _ in (proc / "fd").iterdir()),
            int(told["syncmux_coroutines"].value()),
            int(told["syncmux_memory_blocks"].value()),
            sum([file.stat().st_size for file in files if file.exists()]),
            int(told["syncmux_inbox_rows"].value()),
            int(jobs.value(state="waiting") + jobs.value(state="started")),
        )

    def missing(self, wanted: set[str], clouds: Clouds, within_s: float) -> set[str]:
        """Wait until nothing is left to do; returns which of the keys were not pushed then."""
        until = time.monotonic() + within_s
        idle = 0
        while idle < 4 and time.monotonic() < until:  # what the metrics say of the backlog is a second old
            seen = self.sample()
            idle = 0 if seen.inbox_rows or seen.unfinished_jobs else idle + 1
            time.sleep(LOOK_S)
        return wanted - clouds.keys.keys()

    def _listen(self, process: subprocess.Popen[str], said: SimpleQueue[dict[str, Any] | None]) -> None:
        assert process.stderr
        with (self.directory / "daemon.log").open("a") as log:
            for line in process.stderr:
                log.write(line)
                log.flush()
                said.put(orjson.loads(line))
        said.put(None)


@dataclass
class LoadProcess:
    """`python -m tests.daemon.load`. What it acknowledges can be looked at when it has ended."""

    service: Service
    tag: str
    events: int
    options: dict[str, object]
    drop: bool = False
    process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> LoadProcess:
        given = {"port": self.service.port, "tag": self.tag, "events": self.events, "ledger": self._file}
        arguments = [f"--{name}={value}" for name, value in (given | self.options).items()] + ["--drop"] * self.drop
        command = [sys.executable, "-m", "tests.daemon.load", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self.service.environ)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()

    def summary(self, timeout_s: float) -> dict[str, Any]:
        """Wait for its end."""
        out, _ = self.process.communicate(timeout=timeout_s)
        assert self.process.returncode == 0
        told: dict[str, Any] = orjson.loads(out)
        return told

    @property
    def acknowledged(self) -> list[Acknowledged]:
        return read_ledger(self._file)

    @property
    def keys(self) -> set[str]:
        """That were acknowledged."""
        return {key for each in self.acknowledged for key in keys(self.tag, each.number, self.events)}

    @property
    def _file(self) -> Path:
        return self.service.directory / f"{self.tag}.acknowledged"
