from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine import Account, Credentials
from engine.cli.demo import create_sync_task
from engine.client import Client
from engine.clouds.huawei.operations import StopSyncTask
from engine.emulator import EmulatorProcess
from engine.transport import Transport
from tests.emulator.control import Control

SECOND = {"access_key_id": "second-ak", "secret": "second-sk", "account": "second"}


class Clouds(Control):
    """Both clouds, emulated in a process of their own, and accounts at them."""

    def __init__(self, process: EmulatorProcess) -> None:
        super().__init__(process.alibaba)
        self.process = process
        self.gateways = self.account("gateways", "alibaba")
        self.buckets = self.account("buckets", "huawei")

    def account(
        self, name: str, cloud: str, key: str = "emulator", secret: str | None = None, **changes: Any
    ) -> Account:
        endpoints = {"sgw": self.process.alibaba} if cloud == "alibaba" else {
            "oms": self.process.huawei, "iam": self.process.iam
        }  # fmt: skip
        credentials = Credentials(f"{key}-ak", secret or f"{key}-sk")
        region = "cn-shanghai" if cloud == "alibaba" else "cn-north-4"
        return Account(name, cloud, region, credentials, endpoints, **changes)

    async def sync_task(self, account: Account | None = None) -> str:
        """A running sync task."""
        return await create_sync_task(account or self.buckets)

    async def stop_sync_task(self, task: str) -> None:
        async with Transport() as transport:
            client = Client(transport, [self.buckets])
            await client.prepare(self.buckets.name)
            stop = StopSyncTask(task)
            await client.insist(self.buckets.name, stop.call(client.account(self.buckets.name)), stop.read)


@pytest.fixture
def clouds(tmp_path: Path) -> Iterator[Clouds]:
    keys = tmp_path / "keys.json"
    keys.write_bytes(orjson.dumps([SECOND]))
    with EmulatorProcess(credentials=keys, faults={"task_s": 0.05}) as process:
        yield Clouds(process)
