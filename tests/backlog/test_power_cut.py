"""What was acknowledged is there after the power failed at any write or sync; what was not is there whole or not at
all."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.backlog import Count
from engine.backlog.sqlite import SqliteBacklog
from engine.model import State
from tests.backlog.power_cut import BATCH, TARGET, batch
from tests.backlog.words import DIVIDERS


def acknowledged(path: Path, cut_at: int) -> list[str]:
    command = [sys.executable, "-m", "tests.backlog.power_cut", str(path), str(cut_at)]
    worked = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    said = worked.stdout.splitlines()
    assert worked.returncode == (0 if said[-1:] == ["closed"] else -signal.SIGKILL)
    return said


async def look(path: Path, said: list[str]) -> None:
    puts, settled, again = (sum(line.startswith(word) for line in said) for word in ("put", "settled", "again"))
    async with SqliteBacklog(path, DIVIDERS) as backlog:
        tally = (await backlog.tally()).get(TARGET, {})
        counted = {state: tally.get(state, Count()).jobs for state in State}
        failed = [failure.job.rows async for failure in backlog.failures()]
        there = 0
        while (put := await backlog.put(batch(there))).live or put.done:
            there += 1
        progress = await backlog.progress("m")
    lessened = failed.count(1)  # failed jobs of two rows, of which one was put again
    whole = (sum(counted.values()) - counted[State.DIVIDED] - lessened) / BATCH
    assert puts <= there <= puts + 1
    assert whole == there, "no half batch, and the counts agree with the jobs"
    assert (progress.rows if progress else 0) == there * BATCH, "jobs and how far was read go together"
    for state in (State.STARTED, State.ACCEPTED, State.FAILED, State.DIVIDED):
        assert settled <= counted[state] <= settled + 1
    assert len({counted[state] for state in (State.STARTED, State.ACCEPTED, State.FAILED, State.DIVIDED)}) == 1
    assert again <= lessened <= again + 1
    assert (len(failed), sum(failed)) == (counted[State.FAILED], tally.get(State.FAILED, Count()).rows)


@pytest.mark.timeout(300)
async def test_at_every_write(tmp_path: Path, subtests: pytest.Subtests) -> None:
    said: list[str] = []
    cut_at = 0
    while said[-1:] != ["closed"]:
        cut_at += 1
        path = tmp_path / f"{cut_at}.db"
        said = acknowledged(path, cut_at)
        with subtests.test(cut_at=cut_at, said=said):
            await look(path, said)
    assert cut_at > 20, "the power was cut at too few places to mean anything"
