"""The emulator as a program: its one line, its ports, its end, its credentials file."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from aiohttp import ClientConnectionError, ClientSession

from engine.emulator import Emulator, EmulatorProcess
from engine.emulator.keys import load

from .control import Control
from .signed import SignedClient

COMMAND = [sys.executable, "-m", "engine.emulator"]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_one_line_and_a_clean_end(ending: signal.Signals) -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        urls = orjson.loads(process.stdout.readline())
        assert set(urls) == {"alibaba", "huawei", "iam"}
        Control(urls["alibaba"]).clear()
        os.kill(process.pid, ending)
        assert process.wait(timeout=10) == 0
        assert process.stdout.read() == b""
        assert process.stderr.read() == b""


def test_the_port_that_was_asked_for() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with EmulatorProcess(port=port) as running:
        assert running.alibaba == f"http://127.0.0.1:{port}"
        assert running.pid != os.getpid()
        taken = subprocess.run([*COMMAND, "--port", str(port)], capture_output=True, timeout=30, check=False)
        assert taken.returncode == 2
        assert b"in use" in taken.stderr
    assert running.status == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--faults", '{"trottle": 1}'], b"trottle"),
        (["--faults", "{"], b"--faults"),
        (["--credentials", "no-such-file.json"], b"no-such-file.json"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], named: bytes) -> None:
    ended = subprocess.run([*COMMAND, *arguments], capture_output=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert named in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_a_process_that_does_not_start_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="ended with status 2"), EmulatorProcess(credentials=tmp_path / "none"):
        pytest.fail("it started")
    assert "none" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (b"{}", "a list"),
        (b"[7]", "entry 1"),
        (b'[{"access_key_id":"a"}]', "secret"),
        (b'[{"access_key_id":"a","secret":"b"},{"access_key_id":"c","secret":5}]', "entry 2"),
        (b'[{"access_key_id":"a","secret":"b","cloud":"aws"}]', "cloud"),
        (b'[{"access_key_id":"a","secret":"b","sk":"c"}]', "sk"),
        (b"[", "keys.json"),
    ],
)
def test_a_wrong_credentials_file_is_explained(tmp_path: Path, document: bytes, named: str) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(document)
    with pytest.raises(ValueError, match=named):
        load(path)


async def test_a_key_of_one_cloud_is_unknown_to_the_other(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(orjson.dumps([{"access_key_id": "a", "secret": "s", "cloud": "alibaba"}]))
    async with Emulator(keys=load(path)) as emulator, ClientSession() as session:
        client = SignedClient(session, emulator.url).with_key("a", "s")
        assert (await client.trigger()).status == 200
        assert "ak not exist" in (await client.huawei("GET", "/v3/projects")).json["error_msg"]


async def test_it_ends_while_answers_are_held_back() -> None:
    async with ClientSession() as session:
        async with Emulator(faults={"delay_s": 60}) as emulator:
            client = SignedClient(session, emulator.url)
            waiting = asyncio.create_task(client.trigger())
            while not (await client.ledger())["triggers"]:
                pass
            # What was to be executed later dies with the clouds.
            emulator.faults.replace({"late_s": 60, "delay_s": 0})
            with pytest.raises(ClientConnectionError):
                await client.trigger()
        with pytest.raises(ClientConnectionError):
            await waiting
    (late,) = emulator._clouds._late
    assert late.cancelled()


async def test_hostile_bytes_do_not_stop_it(emulator: Emulator, client: SignedClient) -> None:
    for raw in (
        b"\x00\xff\x00\xff\r\n\r\n",
        b"POST /?Action=%FF%FE&x=%ZZ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST /v2//sync-tasks/%00/events HTTP/1.1\r\nHost: x\r\nX-A: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
        b"GET http://elsewhere/v3/projects HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab",
    ):
        reader, writer = await asyncio.open_connection(emulator.host, emulator.port)
        writer.write(raw)
        writer.write_eof()
        answer = await reader.read()
        assert b" 500 " not in answer.split(b"\r\n")[0], raw
        writer.close()
    assert (await client.trigger()).status == 200
