"""Both clouds in a process of their own, with many tenants: one has room for five sync tasks only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import Account, Credentials, Engine
from engine.clouds.alibaba.creation import ExpressSyncCreation
from engine.clouds.huawei.creation import SyncTaskCreation
from engine.emulator import EmulatorProcess
from engine.intents import Patience
from tests.clouds.samples import BUCKETS, SECRETS
from tests.emulator.control import Control

TENANTS = 500
# A hundredth of the real ones: what the clouds do 20 s late is done 0.2 s late here.
SCALED = Patience(unsure_s=0.3, settle_s=1.0, look_s=0.02, most_s=0.1, give_up_s=20.0, attempts=20)
SHARES = {"gw-1": ["a", "b"], "gw-2": ["c"]}


def task_creation(number: int = 0, description: str | None = None) -> SyncTaskCreation:
    buckets = {**BUCKETS, "src_bucket": f"from-{number}"}
    return SyncTaskCreation(oms.CreateSyncTask(**buckets, **SECRETS, description=description))


def group_creation(number: int = 0) -> ExpressSyncCreation:
    """An account may have ten groups in a region."""
    return ExpressSyncCreation(sgw.CreateExpressSync(f"group-{number}", f"cn-region{number // 10}", f"bucket-{number}"))


class Clouds(Control):
    def __init__(self, process: EmulatorProcess) -> None:
        super().__init__(process.alibaba)
        self.process = process

    def account(self, cloud: str, tenant: str = "emulator") -> Account:
        endpoints = (
            {"sgw": self.process.alibaba}
            if cloud == "alibaba"
            else {"oms": self.process.huawei, "iam": self.process.iam}
        )
        region = "cn-shanghai" if cloud == "alibaba" else "cn-north-4"
        name = f"{cloud}-{tenant}"
        return Account(name, cloud, region, Credentials(f"{tenant}-ak", f"{tenant}-sk"), endpoints)

    def engine(self, backlog: str | Path = ":memory:", tenants: int = 0) -> Engine:
        more = [self.account("huawei", f"tenant{n}") for n in range(tenants)]
        return Engine([self.account("alibaba"), self.account("huawei"), *more], backlog)

    def created(self, operation: str) -> dict[str, int]:
        """How often each thing was created, by the cloud's own count."""
        creates: dict[str, int] = self.ledger()["creates"]
        return {name.partition("|")[2]: times for name, times in creates.items() if name.startswith(f"{operation}|")}

    def calls(self, operation: str) -> int:
        return int(self.ledger()["calls"].get(operation, 0))


@pytest.fixture
def clouds(tmp_path: Path) -> Iterator[Clouds]:
    keys = tmp_path / "keys.json"
    tenants = [f"tenant{n}" for n in range(TENANTS)]
    keys.write_bytes(
        orjson.dumps([{"access_key_id": f"{name}-ak", "secret": f"{name}-sk", "account": name} for name in tenants])
    )
    with EmulatorProcess(credentials=keys, faults={"task_s": 0.05}) as process:
        yield Clouds(process)
