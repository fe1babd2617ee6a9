from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine import Account, Credentials
from engine.client import Client
from engine.emulator import EmulatorProcess
from engine.model import Call
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
        account = account or self.buckets
        body = {"src_region": "r", "src_bucket": "b", "dst_region": "cn-north-4", "dst_bucket": "x"}
        body |= {"src_ak": "a", "src_sk": "s", "dst_ak": "d", "dst_sk": "e"}
        async with Transport() as transport:
            client = Client(transport, [account])
            await client.prepare(account.name)
            path = f"/v2/{client.account(account.name).settings['project_id']}/sync-tasks"
            call = Call("CreateSyncTask", "POST", path, body=orjson.dumps(body))
            task: str = await client.insist(account.name, call, lambda reply: orjson.loads(reply.body)["sync_task_id"])
            return task

    async def stop_sync_task(self, task: str) -> None:
        async with Transport() as transport:
            client = Client(transport, [self.buckets])
            await client.prepare(self.buckets.name)
            path = f"/v2/{client.account(self.buckets.name).settings['project_id']}/sync-tasks/{task}/stop"
            await client.insist(self.buckets.name, Call("StopSyncTask", "POST", path), lambda reply: None)


@pytest.fixture
def clouds(tmp_path: Path) -> Iterator[Clouds]:
    keys = tmp_path / "keys.json"
    keys.write_bytes(orjson.dumps([SECOND]))
    with EmulatorProcess(credentials=keys, faults={"task_s": 0.05}) as process:
        yield Clouds(process)
