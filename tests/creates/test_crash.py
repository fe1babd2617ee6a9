"""A real process, killed with a real SIGKILL between its intent and the answer."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from engine.clouds.creation import Creation
from engine.creates import Creates
from tests.clouds.samples import SECRETS
from tests.creates.conftest import SCALED, Clouds, group_creation, task_creation

KINDS: Mapping[str, tuple[str, Callable[[], Creation]]] = {
    "task": ("CreateSyncTask", task_creation),
    "group": ("CreateExpressSync", group_creation),
}
DEADLINE_S = 20.0


def killed_when(holds: Callable[[], bool], kind: str, clouds: Clouds, backlog: Path) -> None:
    command = [sys.executable, "-m", "tests.creates.victim", kind, clouds.process.alibaba, str(backlog)]
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


async def test_no_secret_is_recorded(clouds: Clouds, tmp_path: Path) -> None:
    backlog = tmp_path / "backlog.db"
    clouds.set(operations={"CreateSyncTask": {"delay": 1.0, "delay_s": 60.0}})
    killed_when(lambda: bool(clouds.created("CreateSyncTask")), "task", clouds, backlog)  # the WAL is there still
    written = b"".join(file.read_bytes() for file in tmp_path.glob("backlog.db*"))
    assert b"from-0" in written
    assert not [secret for secret in SECRETS.values() if secret.encode() in written]
