"""Both clouds in a process of their own, and what an account needs to find its credentials there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from engine.cli.demo import create_sync_task
from engine.config import accounts, load
from engine.emulator import EmulatorProcess
from engine.model import Account
from tests.emulator.control import Control

KEY = {"access_key_id": "known-key-id", "secret": "known-secret", "account": "emulator"}


class Emulated(Control):
    """The emulated clouds, and a home directory to look for credentials in."""

    def __init__(self, process: EmulatorProcess, home: Path) -> None:
        super().__init__(process.alibaba)
        self.url = process.alibaba
        self.home = home
        self.environ = {
            "HOME": str(home),
            **{
                f"SYNCMUX_{name}_ENDPOINT": process.alibaba
                for name in ("ALIBABA", "ALIBABA_STS", "ALIBABA_METADATA", "HUAWEI", "HUAWEI_IAM", "HUAWEI_METADATA")
            },
            "SYNCMUX_ALIBABA_REGION": "cn-shanghai",
            "SYNCMUX_HUAWEI_REGION": "cn-north-4",
        }

    def file(self, name: str, content: str | object, mode: int = 0o600) -> Path:
        """A file in the home directory; what is no text is written as JSON."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else orjson.dumps(content))
        path.chmod(mode)
        return path

    def account(self, cloud: str, credentials: str = "", **environ: str) -> Account:
        """The account that the environment describes."""
        described = self.environ | environ
        if credentials:
            described[f"SYNCMUX_{cloud.upper()}_CREDENTIALS"] = credentials
        (account,) = accounts(load(None, described), described, only={cloud})
        return account

    def forget(self) -> None:
        self._ask("DELETE", "ledger")

    def calls(self, operation: str) -> int:
        """How many came, answered or not."""
        return sum(self.ledger()["answers"].get(operation, {}).values())


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    keys = tmp_path_factory.mktemp("credentials") / "keys.json"
    keys.write_bytes(orjson.dumps([KEY]))
    with EmulatorProcess(credentials=keys, faults={"task_s": 0.02}) as running:
        yield running


@pytest.fixture(scope="session")
def sync_task(process: EmulatorProcess, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A sync task of the account that everybody here belongs to."""
    emulated = Emulated(process, tmp_path_factory.mktemp("home"))
    return asyncio.run(create_sync_task(emulated.account("huawei", "metadata")))


@pytest.fixture
def emulated(process: EmulatorProcess, tmp_path: Path) -> Iterator[Emulated]:
    """What is set through it is undone after the test; the ledger is the test's own."""
    home = tmp_path / "home"
    home.mkdir()
    clouds = Emulated(process, home)
    clouds.forget()
    yield clouds
    clouds.clear()
