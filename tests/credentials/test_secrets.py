"""Markers in every field that holds a credential: none is ever seen again, whatever fails and whoever repeats it."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import subprocess
import sys
import traceback
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import orjson
import pytest

from engine import Engine, Push, Trigger
from engine.client import Client
from engine.clouds.replies import json_object
from engine.credentials import mask
from engine.errors import CallError, SyncmuxError
from engine.model import Account, AuthToken, Call
from engine.transport import Transport
from signers import Credentials
from tests.clouds.recorder import Recorder, Seen, recording

from .conftest import Emulated

KEY_ID, SECRET, TOKEN, PASSWORD = (f"MARKER/{name}+=&{name}" for name in ("id", "secret", "token", "password"))
MARKERS = (KEY_ID, SECRET, TOKEN, PASSWORD)
KEYS = Credentials(KEY_ID, SECRET, TOKEN)


def spellings(marker: str) -> set[str]:
    once = quote(marker, safe="")
    encoded = {b64encode(marker.encode()).decode(), b64encode(once.encode()).decode()}
    return {marker, quote(marker), once, quote(once), quote(once, safe=""), orjson.dumps(marker).decode()} | encoded


HIDDEN = {spelling for marker in MARKERS for spelling in spellings(marker)} | {"MARKER"}


def unseen(*texts: str | bytes) -> None:
    for text in texts:
        seen = text.decode("latin-1") if isinstance(text, bytes) else text
        assert not [spelling for spelling in HIDDEN if spelling in seen], seen[:2000]


@pytest.mark.parametrize("text", sorted(HIDDEN - {"MARKER"}))
def test_every_spelling_can_be_found(text: str) -> None:
    """Else `unseen` would prove nothing."""
    with pytest.raises(AssertionError):
        unseen(f"something {text} something")


@pytest.mark.parametrize("value", [KEY_ID, SECRET, TOKEN])
def test_every_spelling_is_masked(value: str) -> None:
    for spelling in (value, quote(value), quote(value, safe=""), quote(quote(value, safe=""), safe="")):
        assert mask(f"a {spelling} b", KEYS) == "a *** b"
    assert mask(f"a {b64encode(value.encode()).decode()} b", KEYS) == "a *** b"
    assert mask("a MARKER/t+= b", AuthToken("MARKER/t+=")) == "a *** b"


def repeating(kind: str, status: int) -> Any:
    """A server that repeats all that it was sent, as it came and encoded, as an error of either cloud or as a page."""

    def answer(seen: Seen) -> tuple[int, str, bytes]:
        sent = [*seen.headers.values(), *seen.params.values(), seen.body.decode()]
        sent += [value for _, value in parse_qsl(seen.body.decode())]
        sent += re.findall(r"(?:Access|Credential)=([^,]+)", seen.headers.get("authorization", ""))
        said = " ".join([*sent, *map(quote, sent), *(quote(quote(value, safe="")) for value in sent)])
        code = max(sent, key=lambda value: value.startswith("MARKER"))  # the first one
        if kind == "page":  # what is shown of it ends in the middle of the first secret
            return status, "text/html", f"<html>{'x' * 100}{code}{said}".encode()
        names = {"Code": code, "Message": said, "error_code": code, "error_msg": said, "RequestId": code}
        body = orjson.dumps(names)
        return status, "application/json", body.replace(b"/", b"\\/") if kind == "escaped" else body

    return answer


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with recording() as running:
        yield running


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """All that anybody logs."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


def account(cloud: str, url: str, credentials: Credentials | AuthToken, **settings: str) -> Account:
    endpoints = {"sgw": url} if cloud == "alibaba" else {"oms": url, "iam": url}
    settings = settings if cloud == "alibaba" else {"project_id": "p"}
    return Account("mine", cloud, "cn-north-4", credentials, endpoints, settings)


@pytest.mark.parametrize(
    ("cloud", "credentials", "settings"),
    [
        ("alibaba", KEYS, {}),
        ("alibaba", KEYS, {"signature": "rpc"}),
        ("huawei", KEYS, {}),
        ("huawei", AuthToken(TOKEN), {}),
    ],
    ids=["acs3", "rpc", "sdk-hmac", "token"],
)
@pytest.mark.parametrize(
    ("kind", "status"), [("error", 400), ("escaped", 401), ("error", 200), ("page", 200), ("page", 403)]
)
async def test_a_server_that_repeats_everything(
    recorder: Recorder,
    everything: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    cloud: str,
    credentials: Credentials | AuthToken,
    settings: dict[str, str],
    kind: str,
    status: int,
) -> None:
    recorder.answer = repeating(kind, status)
    asyncio.get_running_loop().set_debug(True)
    mine = account(cloud, recorder.url, credentials, **settings)
    call = Call("DescribeTasks") if cloud == "alibaba" else Call("ShowSyncTask", "GET", "/v2/p/sync-tasks/t")
    async with Transport() as transport:
        client = Client(transport, [mine])
        with pytest.raises(CallError) as failed:
            await client.call("mine", call, json_object)
    assert recorder.seen, "nothing was sent"
    error = failed.value
    said = ["".join(traceback.format_exception(error)), repr(error), repr(vars(error)), str(error)]
    caller = client.callers["mine"]
    said += [repr(mine), repr(vars(caller)), repr(vars(caller.credentials))]
    unseen(*said, everything.text, *capfd.readouterr())


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_a_backlog_holds_none(recorder: Recorder, tmp_path: Path, cloud: str) -> None:
    recorder.answer = repeating("error", 400)
    rows = [Trigger("gw-1", "NFSa", "/a")] if cloud == "alibaba" else [Push("a", "task")]
    async with Engine([account(cloud, recorder.url, KEYS)], tmp_path / "backlog.db") as engine:
        (outcome,) = [outcome async for outcome in engine.run(rows)]
        files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert (outcome.state, "***" in outcome.why) == ("failed", True)
    assert "backlog.db-wal" in files
    unseen(repr(outcome), *files.values(), *(path.read_bytes() for path in tmp_path.iterdir()))


@pytest.mark.parametrize("answer", ["[] MARKER", '{"credential": {"access": "MARKER', '{"ak": "MARKER x", "sk": "s"}'])
async def test_sources_that_say_too_much(
    emulated: Emulated, everything: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], answer: str
) -> None:
    asyncio.get_running_loop().set_debug(True)
    emulated.file("keys", answer)
    emulated.file("ini", f"[x\n{answer}\n")
    program = emulated.file("print", f"#!/bin/sh\necho '{answer}'\necho MARKER >&2\nexit $1\n", 0o700)
    said = []
    for spec in ("file:~/keys", "file:~/ini", f"command:{program} 0", f"command:{program} 1 {quote(SECRET)}"):
        with pytest.raises(SyncmuxError) as refused:
            async with Engine([emulated.account("huawei", spec)], ":memory:"):
                pytest.fail("it was entered")
        said.append("".join(traceback.format_exception(refused.value)))
    unseen(*said, everything.text, *capfd.readouterr())


async def test_a_password_is_sent_to_iam_and_seen_nowhere_else(
    emulated: Emulated, recorder: Recorder, everything: pytest.LogCaptureFixture
) -> None:
    recorder.answer = repeating("error", 403)
    mine = emulated.account(
        "huawei",
        "password",
        SYNCMUX_HUAWEI_IAM_ENDPOINT=recorder.url,
        HW_USER_NAME="me",
        HW_USER_PASSWORD=PASSWORD,
        HW_DOMAIN_NAME="company",
    )
    with pytest.raises(SyncmuxError) as refused:
        async with Engine([mine], ":memory:"):
            pytest.fail("it was entered")
    assert PASSWORD in recorder.seen[0].body.decode()
    unseen(repr(mine), "".join(traceback.format_exception(refused.value)), everything.text)


COMMANDS = [
    ["push", "keys.txt", "--sync-task", "t"],
    ["push", "keys.txt", "--sync-task", "t", "--json"],
    ["push", "keys.txt", "--sync-task", "t", "--dry-run"],
    ["trigger", "directories.csv", "--json", "--dry-run"],
    ["trigger", "directories.csv"],
    ["trigger", "directories.csv", "--json", "--config", "rpc.toml"],
    ["status", "--json"],
]


def test_the_command_line_shows_none(emulated: Emulated, recorder: Recorder, tmp_path: Path) -> None:
    """Against a server that repeats everything, with what an environment, a file and a command would give."""
    recorder.answer = repeating("error", 400)
    (tmp_path / "keys.txt").write_text("a\nb\n")
    (tmp_path / "directories.csv").write_text("gateway_id,index_id,path\ngw-1,NFSa,/\n")
    keys = emulated.file("keys", {"AccessKeyId": KEY_ID, "AccessKeySecret": SECRET, "SecurityToken": TOKEN})
    (tmp_path / "rpc.toml").write_text(
        f'[accounts.mine]\ncloud = "alibaba"\nregion = "cn-shanghai"\nsignature = "rpc"\n'
        f'endpoint = "{recorder.url}"\ncredentials = "file:{keys}"\n'
    )
    environ = {
        **{name: url if url != emulated.url else recorder.url for name, url in emulated.environ.items()},
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONASYNCIODEBUG": "1",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY_ID,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET,
        "ALIBABA_CLOUD_SECURITY_TOKEN": TOKEN,
        "HUAWEICLOUD_SDK_AK": KEY_ID,
        "HUAWEICLOUD_SDK_SK": SECRET,
        "HUAWEICLOUD_SDK_SECURITY_TOKEN": TOKEN,
        "HUAWEICLOUD_SDK_PROJECT_ID": "p",
    }
    for arguments in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", "engine", *arguments], cwd=tmp_path, env=environ, capture_output=True, check=False
        )
        assert done.stdout, (arguments, done.stderr)
        unseen(done.stdout, done.stderr)
    files = [path for path in (tmp_path / ".syncmux").rglob("*") if path.is_file()]
    assert files
    unseen(*(path.read_bytes() for path in files))


def test_reprs_show_the_beginning_of_an_id_at_most() -> None:
    mine = account("huawei", "http://127.0.0.1", KEYS)
    unseen(repr(mine), repr(AuthToken(TOKEN)), repr(replace(mine, credentials=AuthToken(TOKEN))))
    assert repr(KEYS) == "<Credentials MARK...>"
    assert repr(Credentials("short", "s")) == "<Credentials ...>"
