"""An emulator in its own process for the vendors' SDKs, and one in the test's own loop for everything else."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import orjson
import pytest
from aiohttp import ClientSession

from engine.emulator import AccessKey, Emulator, EmulatorProcess

from .control import Control
from .signed import SignedClient

FRESH_KEYS = 200
SPECIAL_KEYS = [
    {"access_key_id": "with-token", "secret": "token-secret", "security_token": "the/token+="},
    {"access_key_id": "disabled", "secret": "disabled-secret", "disabled": True},
    {"access_key_id": "expired", "secret": "expired-secret", "security_token": "old", "expires": 1},
]


@pytest.fixture(autouse=True, scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Huawei Cloud's SDK writes an id of its own into the home directory."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    keys: Path = tmp_path_factory.mktemp("emulator") / "keys.json"
    fresh = [{"access_key_id": f"tester-{n}", "secret": f"secret-{n}"} for n in range(FRESH_KEYS)]
    keys.write_bytes(orjson.dumps([*fresh, *SPECIAL_KEYS]))
    with EmulatorProcess(credentials=keys, faults={"task_s": 0.05}) as running:
        yield running


@pytest.fixture
def control(process: EmulatorProcess) -> Iterator[Control]:
    """What is set through it is undone after the test."""
    asked = Control(process.alibaba)
    yield asked
    asked.clear()


_numbers = itertools.count()


@pytest.fixture
def key() -> AccessKey:
    """A key of an account that no other test uses."""
    number = next(_numbers)
    assert number < FRESH_KEYS, "raise FRESH_KEYS"
    return AccessKey(f"tester-{number}", f"secret-{number}")


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    others = [AccessKey("other-ak", "other-sk", account="other")]
    async with Emulator(keys=others, faults={"task_s": 0.0}) as running:
        yield running


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[SignedClient]:
    async with ClientSession() as session:
        yield SignedClient(session, emulator.url)
