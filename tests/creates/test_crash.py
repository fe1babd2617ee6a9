"""A real process, killed with a real SIGKILL between its intent and the answer."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from engine import Engine
from engine.changes import Changes
from engine.clouds.alibaba.changes import shares_added
from engine.clouds.alibaba.operations import DescribeExpressSyncShares
from engine.clouds.creation import Creation
from engine.creates import Creates
from tests.clouds.samples import SECRETS
from tests.creates.conftest import SCALED, SHARES, Clouds, group_creation, task_creation

KINDS: Mapping[str, tuple[str, Callable[[], Creation]]] = {
    "task": ("CreateSyncTask", task_creation),
    "group": ("CreateExpressSync", group_creation),
}
ADD = "AddSharesToExpressSync"
DEADLINE_S = 20.0


def killed_when(holds: Callable[[], bool], kind: str, clouds: Clouds, backlog: Path, *more: str) -> None:
    command = [sys.executable, "-m", "tests.creates.victim", kind, clouds.process.alibaba, str(backlog), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as victim:
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            assert victim.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
        victim.kill()


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_killed_process_created_is_found(clouds: Clouds, tmp_path: Path, kind: str) -> None:
    operation, creation = KINDS[kind]
    backlog = tmp_path / "backlog.db"
    clouds.set(operations={operation: {"delay": 1.0, "delay_s": 60.0}})  # executed, and not answered
    killed_when(lambda: bool(clouds.created(operation)), kind, clouds, backlog)
    clouds.clear()
    async with clouds.engine(backlog) as engine:
        creates = Creates(engine, SCALED)
        found = await creates.create(creation())
        assert (found.how, found.attempts, found.settled_at) == ("recovered", 1, 0.0)
        assert (await creates.create(creation())).id == found.id
    assert list(clouds.created(operation).values()) == [1]
    assert clouds.calls(operation) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_killed_process_did_not_create_is_created(clouds: Clouds, tmp_path: Path, kind: str) -> None:
    operation, creation = KINDS[kind]
    backlog = tmp_path / "backlog.db"
    clouds.set(operations={operation: {"reset_before": 1.0}})
    killed_when(lambda: bool(clouds.ledger()["answers"].get(operation)), kind, clouds, backlog)
    clouds.clear()
    async with clouds.engine(backlog) as engine:
        made = await Creates(engine, SCALED).create(creation())
        assert made.how == "created"
        assert made.attempts >= 2
        assert made.settled_at > 0, "the killed process's request may still come"
    assert list(clouds.created(operation).values()) == [1]


async def new_group(clouds: Clouds) -> str:
    async with clouds.engine() as engine:
        return (await engine.do(group_creation().operation)).express_sync_id


async def shares_of(engine: Engine, group: str) -> int:
    return len((await engine.do(DescribeExpressSyncShares([group]))).items)


@pytest.mark.parametrize("fault", [{"delay": 1.0, "delay_s": 60.0}, {"reset_before": 1.0}], ids=["done", "not done"])
async def test_shares_that_a_killed_process_added_are_added_once(
    clouds: Clouds, tmp_path: Path, fault: Mapping[str, float]
) -> None:
    backlog, group = tmp_path / "backlog.db", await new_group(clouds)
    clouds.set(operations={ADD: fault})
    killed_when(lambda: bool(clouds.ledger()["answers"].get(ADD)), "shares", clouds, backlog, group)
    clouds.clear()
    async with clouds.engine(backlog) as engine:
        again = await Changes(engine, SCALED).bring(shares_added(group, SHARES))
        assert again.how == ("already" if "delay" in fault else "done")
        assert await shares_of(engine, group) == 3
    assert list(clouds.created(ADD).values()) == [1]


async def test_shares_that_a_killed_process_added_late_are_waited_for(clouds: Clouds, tmp_path: Path) -> None:
    """Without a record of the lost request they would be asked for at once, and added a second time."""
    backlog, group = tmp_path / "backlog.db", await new_group(clouds)
    clouds.set(operations={ADD: {"late": 1.0, "late_s": 1.5}})
    killed_when(lambda: bool(clouds.calls(ADD)), "shares", clouds, backlog, group)
    clouds.clear()
    async with clouds.engine(backlog) as engine:
        assert not await shares_of(engine, group), "it was too late to test anything"
        again = await Changes(engine, replace(SCALED, unsure_s=3.0)).bring(shares_added(group, SHARES))
        assert again.how == "already"
        assert await shares_of(engine, group) == 3
    assert clouds.calls(ADD) == 1


async def test_no_secret_is_recorded(clouds: Clouds, tmp_path: Path) -> None:
    backlog = tmp_path / "backlog.db"
    clouds.set(operations={"CreateSyncTask": {"delay": 1.0, "delay_s": 60.0}})
    killed_when(lambda: bool(clouds.created("CreateSyncTask")), "task", clouds, backlog)  # the WAL is there still
    written = b"".join(file.read_bytes() for file in tmp_path.glob("backlog.db*"))
    assert b"from-0" in written
    assert not [secret for secret in SECRETS.values() if secret.encode() in written]
