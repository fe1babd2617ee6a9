"""Progress where nobody watches, where somebody does, and where a program reads."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from typing import Any

import pytest

from engine.cli.output import Output
from engine.cli.progress import Lines, shown
from engine.report import Lane, Rows, Snapshot

from .conftest import COMMAND, Clouds, Syncmux

SNAPSHOT = Snapshot(
    10.0,
    Rows(earlier=100, read=400, succeeded=50, failed=1),
    complete=True,
    lanes=[Lane("one/Start", "c", "Start", True, 120, throttled=2, failed=3, in_flight=7, trouble="cannot connect")],
    tasks=4,
)
BEFORE = Snapshot(8.0, Rows(), complete=False, lanes=[Lane("one/Start", "c", "Start", True, 20)])


def test_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(Output()).show(SNAPSHOT, BEFORE)
    shown_, err = capsys.readouterr()
    assert not shown_
    assert err.splitlines() == [
        "151/500 one/Start 50.0/s, 7 in flight, 4 tasks running, 5 retries, 2 throttled, 1 failed",
        "  one/Start: cannot connect",
    ]


def test_why_a_lane_gets_nowhere_is_told_from_its_first_failures_on(syncmux: Syncmux) -> None:
    """Nobody listens. Ten failures in a row, after which the cloud is known to be in trouble, take a minute."""
    manifest = syncmux.file("directories.csv", "gateway_id,index_id,path\ngw-1,NFSa,/a\n")
    syncmux.environ = syncmux.environ | {"SYNCMUX_ALIBABA_ENDPOINT": "http://127.0.0.1:1"}
    process = syncmux.start("trigger", manifest)
    assert process.stderr
    before = line = ""
    while "cannot connect" not in line:
        before, line = line, process.stderr.readline()
        assert line, "it ended without saying why"
    assert re.fullmatch(r"  alibaba/TriggerGatewayRemoteSync: cannot connect to 127.0.0.1:1: .+; trying again\n", line)
    assert re.fullmatch(r"0/1 alibaba/TriggerGatewayRemoteSync [\d.]+/s, \d retries\n", before)


def test_lines_come_by_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    """Driven by hand: three ticks give three lines, the first of them preceded by what was done earlier."""

    async def ticks() -> None:
        told = 0

        def snapshot() -> Snapshot:
            nonlocal told
            told += 1
            if told == 5:
                over.set()
            return SNAPSHOT

        over = asyncio.Event()
        async with shown(Output(), snapshot, every_s=0.001):
            await over.wait()

    import asyncio

    asyncio.run(ticks())
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "resuming: 100 of 500 done earlier"
    assert len([line for line in lines if line.startswith("151/500")]) >= 3


def test_events(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> None:
    manifest = syncmux.file("keys.txt", "".join(f"k{i}\n" for i in range(600)))
    done = syncmux("push", manifest, "--sync-task", sync_task, "--rate", "15", "--json")
    assert done.code == 0
    assert done.err == ""
    progress: list[dict[str, Any]] = [event for event in done.events if event["event"] == "progress"]
    assert progress
    assert 0 < progress[0]["done"] < 600
    (lane,) = [lane for lane in progress[0]["lanes"] if lane["operation"] == "CreateSyncEvents"]
    assert 5 < lane["calls_per_s"] < 16


def test_a_bar_on_a_terminal(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> None:
    manifest = syncmux.file("keys.txt", "".join(f"k{i}\n" for i in range(200)))
    ours, theirs = pty.openpty()
    environ = syncmux.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    command = [*COMMAND, "push", manifest, "--sync-task", sync_task, "--rate", "20"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, cwd=syncmux.directory, env=environ, text=True
    ) as process:
        os.close(theirs)
        drawn = b""
        while piece := _read(ours):
            drawn += piece
        out, _ = process.communicate(timeout=20)
    os.close(ours)
    assert process.returncode == 0
    assert "━".encode() in drawn
    assert b"/200" in drawn
    assert b"\x1b[" not in out.encode()
    assert "200 accepted" in out


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how a terminal says that the other end is gone
        return b""
