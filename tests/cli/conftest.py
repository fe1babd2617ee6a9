"""The real command in its own process, against the emulator in another."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.cli.demo import create_sync_task
from engine.config import accounts, load
from engine.emulator import EmulatorProcess
from tests.emulator.control import Control

KEY_ID, SECRET = "AKIDforTheTests", "neverToBeSeen0123456789"
COMMAND = [sys.executable, "-m", "engine"]
TIMEOUT_S = 60.0
# Where a machine at a cloud would ask for credentials: nobody is there, whatever machine the tests run on.
NO_METADATA = {f"SYNCMUX_{cloud}_METADATA_ENDPOINT": "http://127.0.0.1:1" for cloud in ("ALIBABA", "HUAWEI")}


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    keys: Path = tmp_path_factory.mktemp("cli") / "keys.json"
    keys.write_bytes(orjson.dumps([{"access_key_id": KEY_ID, "secret": SECRET}]))
    with EmulatorProcess(credentials=keys, faults={"task_s": 0.1}) as running:
        yield running


def environment(emulator: EmulatorProcess, key_id: str, secret: str) -> dict[str, str]:
    """What the command needs to work with the emulated clouds, and nothing of whoever runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "ALIBABA_CLOUD_ACCESS_KEY_ID": key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": secret,
        "HUAWEICLOUD_SDK_AK": key_id,
        "HUAWEICLOUD_SDK_SK": secret,
        "SYNCMUX_ALIBABA_REGION": "cn-hangzhou",
        "SYNCMUX_ALIBABA_ENDPOINT": emulator.alibaba,
        "SYNCMUX_HUAWEI_REGION": "cn-north-4",
        "SYNCMUX_HUAWEI_ENDPOINT": emulator.huawei,
        "SYNCMUX_HUAWEI_IAM_ENDPOINT": emulator.iam,
        **NO_METADATA,
    }


@pytest.fixture(scope="session")
def environ(emulator: EmulatorProcess) -> dict[str, str]:
    return environment(emulator, KEY_ID, SECRET)


@pytest.fixture(scope="session")
def sync_task(environ: dict[str, str]) -> str:
    (account,) = accounts(load(None, environ), environ, only={"huawei"})
    return asyncio.run(create_sync_task(account))


class Clouds(Control):
    """Both clouds' own account of what took effect, and what they are to do wrong."""

    def forget(self) -> None:
        self._ask("DELETE", "ledger")

    @property
    def keys(self) -> dict[str, int]:
        """How often each object key was pushed."""
        return {name.partition("|")[2]: number for name, number in self.ledger()["events"].items()}

    @property
    def directories(self) -> dict[str, int]:
        triggers: dict[str, int] = self.ledger()["triggers"]
        return triggers

    def calls(self, operation: str) -> int:
        return int(self.ledger()["calls"].get(operation, 0))


@pytest.fixture
def cloud(emulator: EmulatorProcess) -> Iterator[Clouds]:
    """What is set through it is undone after the test; the ledger is the test's own."""
    clouds = Clouds(emulator.alibaba)
    clouds.forget()
    yield clouds
    clouds.clear()


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.out.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        (found,) = [event for event in self.events if event["event"] == "summary"]
        return found


@dataclass
class Syncmux:
    """Runs the command in a directory of its own."""

    directory: Path
    environ: dict[str, str]
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def __call__(self, *arguments: str, stdin: bytes = b"", environ: dict[str, str] | None = None) -> Result:
        done = subprocess.run(
            [*COMMAND, *arguments], input=stdin, capture_output=True, cwd=self.directory, check=False,
            env=self.environ if environ is None else environ, timeout=TIMEOUT_S,
        )  # fmt: skip
        result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert SECRET not in result.out + result.err
        assert "Traceback" not in result.err, result.err
        return result

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.directory,
            env=self.environ, text=True,
        )  # fmt: skip
        self.running.append(process)
        return process

    def file(self, name: str, content: str | bytes) -> str:
        (self.directory / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name


@pytest.fixture
def syncmux(tmp_path: Path, environ: dict[str, str]) -> Iterator[Syncmux]:
    command = Syncmux(tmp_path, environ)
    yield command
    for process in command.running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Ask until it holds; asking takes a round trip to the emulator."""
    while not holds():
        assert process.poll() is None, "the command ended too early"
