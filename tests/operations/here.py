"""Where a test stands: an account at both emulated clouds, what the library sees there, and what took effect."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import Engine
from engine.clouds.operation import Operation
from engine.emulator import AccessKey, EmulatorProcess
from tests.cli.conftest import Syncmux
from tests.clouds.samples import BUCKETS, SECRETS
from tests.emulator.control import Control

Answer = TypeVar("Answer")
DEADLINE_S = 10.0


class Here:
    def __init__(self, process: EmulatorProcess, key: AccessKey, engine: Engine, directory: Path) -> None:
        self.process = process
        self.key = key
        self.gateway = f"gw-{key.account}"
        self._engine = engine
        self._directory = directory
        self._control = Control(process.alibaba)

    async def see(self, operation: Operation[Answer]) -> Answer:
        """What the library makes of an operation: for what comes before the one under test, and after."""
        return await self._engine.do(operation)

    def ledger(self) -> dict[str, Any]:
        return self._control.ledger()

    def answered(self, operation: str) -> int:
        """How often the clouds have done an operation and said so."""
        codes = self.ledger()["answers"].get(operation, {})
        return sum(number for code, number in codes.items() if code in {"200", "201"})

    @property
    def syncmux(self) -> Syncmux:
        """The command. What else it must be told follows from the one endpoint on this machine."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        key_id, secret = self.key.access_key_id, self.key.secret
        told = {
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "ALIBABA_CLOUD_ACCESS_KEY_ID": key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": secret,
            "HUAWEICLOUD_SDK_AK": key_id,
            "HUAWEICLOUD_SDK_SK": secret,
            "SYNCMUX_ALIBABA_ENDPOINT": self.process.alibaba,
            "SYNCMUX_HUAWEI_ENDPOINT": self.process.huawei,
            "SYNCMUX_HUAWEI_REGION": "cn-north-4",
            **{f"SYNCMUX_{name.upper()}": value for name, value in SECRETS.items()},
        }
        return Syncmux(self._directory, kept | told)

    def run(self, *words: str, stdin: bytes = b"") -> list[dict[str, Any]]:
        """What the command tells programs. It must succeed, and show nobody's secrets."""
        done = self.syncmux(*words, "--json", stdin=stdin)
        assert done.code == 0, done.err
        assert not [secret for secret in (self.key.secret, *SECRETS.values()) if secret in done.out + done.err]
        return done.events

    async def group(self, name: str = "group", prefix: str = "a/", *, shares: Sequence[str] = ()) -> str:
        """A new express sync group, with shares of this gateway in it."""
        created = await self.see(sgw.CreateExpressSync(name, "cn-hangzhou", "bucket-1", prefix))
        if shares:
            added = await self.see(sgw.AddSharesToExpressSync(created.express_sync_id, {self.gateway: shares}))
            await self.follow(created.express_sync_id, added.task_id)
        return created.express_sync_id

    async def shares(self, group: str) -> set[str | None]:
        return {share.share_name for share in (await self.see(sgw.DescribeExpressSyncShares([group]))).items}

    async def follow(self, target: str, task_id: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not (await self.see(sgw.DescribeTasks(target, task_id))).items[0].done:
            assert time.monotonic() < deadline

    async def sync_task(self, *, description: str | None = None, stopped: bool = False) -> str:
        created = await self.see(oms.CreateSyncTask(**BUCKETS, **SECRETS, description=description))
        if stopped:
            await self.see(oms.StopSyncTask(created.sync_task_id))
        return created.sync_task_id

    async def status(self, sync_task_id: str) -> str | None:
        return (await self.see(oms.ShowSyncTask(sync_task_id, now_ms()))).status

    async def project_id(self) -> str:
        (project,) = await self.see(oms.KeystoneListProjects("cn-north-4"))
        return project.id


def now_ms() -> int:
    return int(time.time() * 1000)
