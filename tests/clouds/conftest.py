"""Both clouds, emulated in another process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine import Account, Credentials, Engine
from engine.emulator import EmulatorProcess
from tests.emulator.control import Control


class Clouds(Control):
    """The emulated clouds, and accounts at them."""

    def __init__(self, process: EmulatorProcess) -> None:
        super().__init__(process.alibaba)
        key = Credentials("emulator-ak", "emulator-sk")
        self.gateways = Account("gateways", "alibaba", "cn-shanghai", key, {"sgw": process.alibaba})
        self.buckets = Account("buckets", "huawei", "cn-north-4", key, {"oms": process.huawei, "iam": process.iam})

    def engine(self) -> Engine:
        return Engine([self.gateways, self.buckets], ":memory:")

    def calls(self, operation: str) -> int:
        count: int = self.ledger()["calls"].get(operation, 0)
        return count


@pytest.fixture
def clouds() -> Iterator[Clouds]:
    with EmulatorProcess(faults={"task_s": 0.02}) as process:
        yield Clouds(process)
