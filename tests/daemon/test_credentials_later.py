"""Credentials that are not there yet, or not right yet, when the daemon starts."""

from __future__ import annotations

import signal
from pathlib import Path

import orjson
import pytest

from engine.emulator import EmulatorProcess
from tests.cli.conftest import Clouds
from tests.daemon.conftest import LISTENER, Serve, event
from tests.daemon.smq import SmqClient
from tests.daemon.test_operations import ask


@pytest.fixture
def keys(serve: Serve) -> Path:
    """Where the only account's credentials come from."""
    serve.environ = {name: value for name, value in serve.environ.items() if "CLOUD_" not in name}
    return serve.directory / "keys.json"


def write(keys: Path, secret: str) -> None:
    keys.touch(mode=0o600)
    keys.write_bytes(orjson.dumps({"access_key_id": "emulator-ak", "access_key_secret": secret}))


def account(emulator: EmulatorProcess, credentials: str, name: str = "shares") -> str:
    return (
        f'[accounts.{name}]\ncloud = "alibaba"\nregion = "cn-hangzhou"\nendpoint = "{emulator.alibaba}"\n'
        f'credentials = "{credentials}"\n'
    )


def warned(serve: Serve, word: str) -> bool:
    return any(word in each for each in ask(serve, "/readyz").json["warnings"])


@pytest.mark.parametrize("fetch", ["cat keys.json", "sh -c 'test -e keys.json || sleep 60; cat keys.json'"])
def test_a_command_that_brings_them_later(
    serve: Serve, cloud: Clouds, emulator: EmulatorProcess, keys: Path, fetch: str
) -> None:
    serve.configure(LISTENER, serve.route(), serve.trigger(), account(emulator, f"command:{fetch}"), linger_s=0.0)
    serve.start()
    assert serve.post(event("d/1")).status == 202
    if "sleep" not in fetch:
        serve.until(lambda: warned(serve, "cat failed with status 1"))
    assert serve.end() == 0, "and what was taken in waits"
    serve.start()
    write(keys, "emulator-sk")
    if "sleep" in fetch:
        assert serve.end() == 0
        serve.start()
    serve.signal(signal.SIGHUP)
    serve.until(lambda: len(cloud.directories) == 1)
    assert serve.end() == 0


def test_a_queue_without_them_is_no_matter_of_others(serve: Serve, cloud: Clouds, emulator: EmulatorProcess) -> None:
    queue = SmqClient(emulator.alibaba, "later")
    assert queue.create(visibility_s=1).status == 201
    pulled = '[[queues]]\nname = "oss"\nqueue = "later"\naccount = "puller"\n'
    puller = account(emulator, "command:cat keys.json", "puller")
    serve.configure(LISTENER, serve.route(), serve.push(), pulled, puller, linger_s=0.0)
    serve.start()
    serve.until(lambda: warned(serve, "source oss is in trouble: ") and warned(serve, "cat failed with status 1"))
    assert serve.post(event("k")).status == 202
    serve.until(lambda: cloud.keys == {"k": 1})
    assert serve.end() == 0


def test_once_corrected_and_reloaded_the_old_ones_are_not_used_again(
    serve: Serve, cloud: Clouds, emulator: EmulatorProcess, keys: Path
) -> None:
    """A cloud locks a key that insists."""
    write(keys, "wrong")
    serve.configure(LISTENER, serve.route(), serve.trigger(), account(emulator, "file:keys.json"), linger_s=0.0)
    serve.start()
    serve.post(event("d/1"))
    serve.until(lambda: warned(serve, "SignatureDoesNotMatch"))
    write(keys, "emulator-sk")
    serve.signal(signal.SIGHUP)
    serve.until(lambda: len(cloud.directories) == 1)
    assert sum(cloud.ledger()["refused"].values()) == 1
    assert serve.end() == 0
