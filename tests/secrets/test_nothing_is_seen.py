"""Every command and every operation, with marks for secrets, whatever happens: no mark is ever seen again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.clouds.sources import Run, Setting
from engine.model import AuthToken, Call, Fetched, Reply
from signers import SignedRequest
from tests.secrets.compare import hits, run_vendor
from tests.secrets.marks import BUCKET_KEYS, CDN_KEY, ENVIRONMENT, MARKS, SETS, search
from tests.secrets.situations import BUCKETS, SITUATIONS, Said, Situation, World, prepare, run_ours, written
from tests.secrets.watched import LOCALS, REPRS, TRACEBACKS

NEVER_SENT = {keys.secret for keys in SETS}  # they only sign


def assert_unseen(said: Said) -> None:
    for place, text in said.places.items():
        if place == LOCALS:
            continue  # whoever prints local variables sees what was sent
        for hit in search(text):
            parts = hit.mark.spellings[hit.spelling]
            at = min(found for part in parts if (found := text.find(part)) >= 0)
            pytest.fail(f"{hit.mark.field}, {hit.spelling}, in {place}: {text[max(0, at - 300) : at + 60]!r}")


@pytest.mark.parametrize("name", SITUATIONS)
def test_no_secret_is_seen(clouds: World, tmp_path: Path, name: str) -> None:
    situation = SITUATIONS[name]
    said = run_ours(tmp_path / "home", clouds, situation)
    assert_unseen(said)
    codes = [line for line in said.places["stderr"].decode().splitlines() if line.startswith("= ")]
    given = [line for line in said.places["stderr"].decode().splitlines() if line.startswith("$ ")]
    assert len(codes) == len(given) > 20
    assert said.places[REPRS], "nothing was looked at"
    if situation.mood in {"echo", "page", "cut"} and situation.sources == "fine":
        assert said.sent == set(MARKS) - NEVER_SENT, "there was nothing to leak"
        assert said.places[TRACEBACKS].count(b"Traceback") > 30
        assert b"***" in said.places["stderr"] + said.places[TRACEBACKS] or situation.mood == "cut"
    if not situation.mood:
        assert codes.count("= 0") >= 12, "little of it worked"


@pytest.mark.parametrize(
    "command",
    [["sync-task", "create", *BUCKETS, "--cdn-domain", "cdn.example"], ["push", "keys.csv"]],
    ids=["create", "push"],
)
def test_a_killed_process_leaves_no_secret(clouds: World, tmp_path: Path, command: list[str]) -> None:
    """Killed while the cloud has the request: what is written down is there as it was."""
    home = tmp_path / "home"
    environ = prepare(home, clouds, Situation("stall", reads=True))
    before = {path for path in home.rglob("*") if path.is_file()}
    clouds.stranger.stalled.clear()
    clouds.stranger.sent.clear()
    argv = [sys.executable, "-m", "tests.secrets.ours", *command, "--config", "syncmux.toml"]
    with (
        (home / "said").open("wb") as said,  # a pipe would fill
        subprocess.Popen(argv, cwd=home, env=environ, stdout=said, stderr=said) as process,
    ):
        try:
            assert clouds.stranger.stalled.wait(30), "nothing was sent"
            cmdline = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    files = written(home, before)
    kept = [".intents.db"] if "create" in command else ["", "-wal"]
    assert {"said", *(f".syncmux/backlog.db{each}" for each in kept)} <= files.keys()
    assert_unseen(Said({"cmdline": cmdline, **files}, frozenset()))
    expected = {*BUCKET_KEYS.values(), CDN_KEY} if "create" in command else {ENVIRONMENT.token}
    assert clouds.stranger.sent >= expected, "there was nothing to leak"


@pytest.mark.parametrize("sdk", ["aliyun core", "huaweicloud"])
def test_the_same_search_finds_what_the_vendors_sdks_show(clouds: World, tmp_path: Path, sdk: str) -> None:
    """By the same way, so it leads somewhere."""
    found = hits([run_vendor(tmp_path / "home", clouds, SITUATIONS["a refusal that repeats all"], sdk)])
    assert all(found[place] for place in (TRACEBACKS, REPRS, LOCALS))


def test_what_lives_for_a_moment_shows_nothing_either() -> None:
    """Requests, answers and tokens are gone before anybody looks, mostly."""
    secrets = " ".join(mark.value for mark in MARKS)
    headers = {"authorization": secrets}
    things = [
        SignedRequest("GET", f"http://127.0.0.1/credentials?token={secrets}", headers, secrets.encode()),
        Reply(200, headers, secrets.encode()),
        Call("CreateSyncTask", body=secrets.encode(), secrets=(secrets,)),
        Fetched(AuthToken(secrets)),
        Run((secrets,)),
        Setting({"SECRET": secrets}, argument=secrets),
    ]
    assert not search("".join(f"{thing!r} {thing}" for thing in things).encode())
