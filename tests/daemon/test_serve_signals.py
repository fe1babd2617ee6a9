"""Signals to `serve` before it serves: see tests/cli/signalled/sitecustomize.py for the places at which they come."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM, Signals

import orjson
import pytest

from tests.daemon.conftest import LISTENER, Serve

SIGNALLED = Path(__file__).parents[1] / "cli" / "signalled"
ONE, TWO = (SIGTERM,), (SIGINT, SIGTERM)
EARLY = [
    "import engine.cli.app",
    "import engine.cli.serve",
    "import engine.daemon.daemon",
    "call Daemon.__init__",
    "call Engine.__aenter__",
    "call SqliteBacklog.open",
    "call Inbox.open",
]


@pytest.fixture
def signalled(serve: Serve) -> Serve:
    serve.configure(LISTENER, serve.route(), serve.push())
    return serve


def run(
    serve: Serve, places: dict[str, Sequence[Signals]], *arguments: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Also what its log says, by name."""
    path = os.pathsep.join([str(SIGNALLED), serve.environ["PYTHONPATH"]])
    at = json.dumps({place: [int(number) for number in numbers] for place, numbers in places.items()})
    before, serve.environ = serve.environ, serve.environ | {"PYTHONPATH": path, "SIGNALS_AT": at}
    done = serve.run(*arguments)
    serve.environ = before
    return done, [orjson.loads(line)["event"] for line in done.stderr.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("place", EARLY)
def test_a_reload_that_is_asked_for_early_is_done_when_it_can_be(signalled: Serve, place: str) -> None:
    done, said = run(signalled, {place: (SIGHUP,), "return Daemon._go_by": ONE, "exit": (SIGHUP,)})
    assert (done.returncode, done.stdout) == (0, "")
    assert said == ["serving", "reloaded", "draining", "ended"]


@pytest.mark.parametrize("place", EARLY)
@pytest.mark.parametrize("numbers", [ONE, TWO])
def test_it_ends_well_before_it_serves(signalled: Serve, place: str, numbers: Sequence[Signals]) -> None:
    done, said = run(signalled, {place: numbers})
    assert (done.returncode, done.stdout) == (0, "")
    assert said in ([], ["serving", "draining", "ended"])


def test_a_check_that_was_interrupted_has_found_nothing_right(signalled: Serve) -> None:
    done, said = run(signalled, {"import engine.cli.serve": ONE, "call _check": ONE}, "--check")
    assert (done.returncode, done.stdout, said) == (5, "", [])


def test_who_hangs_up_ends_other_commands(signalled: Serve) -> None:
    command = [*signalled.command()[:-1], "status"]
    at = {"SIGNALS_AT": json.dumps({"import engine.cli.app": [int(SIGHUP)]}), "PYTHONPATH": str(SIGNALLED)}
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], env=signalled.environ | at, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == -SIGHUP
