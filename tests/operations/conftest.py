"""Both clouds emulated in another process, and for each test an account there that no other test uses."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import orjson
import pytest

from engine import Account, Credentials, Engine
from engine.emulator import AccessKey, EmulatorProcess

from .here import Here

FRESH_KEYS = 400
_numbers = itertools.count()


@pytest.fixture(autouse=True, scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Huawei Cloud's SDK writes an id of its own into the home directory."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    keys: Path = tmp_path_factory.mktemp("operations") / "keys.json"
    fresh = [{"access_key_id": f"caller-{n}", "secret": f"never-to-be-seen-{n}"} for n in range(FRESH_KEYS)]
    keys.write_bytes(orjson.dumps(fresh))
    with EmulatorProcess(credentials=keys, faults={"task_s": 0.02}) as running:
        yield running


@pytest.fixture
async def here(process: EmulatorProcess, tmp_path: Path) -> AsyncIterator[Here]:
    number = next(_numbers)
    assert number < FRESH_KEYS, "raise FRESH_KEYS"
    key = AccessKey(f"caller-{number}", f"never-to-be-seen-{number}")
    signing = Credentials(key.access_key_id, key.secret)
    accounts = [
        Account("gateways", "alibaba", "cn-shanghai", signing, {"sgw": process.alibaba}),
        Account("buckets", "huawei", "cn-north-4", signing, {"oms": process.huawei, "iam": process.iam}),
    ]
    async with Engine(accounts, ":memory:") as engine:
        yield Here(process, key, engine, tmp_path)
