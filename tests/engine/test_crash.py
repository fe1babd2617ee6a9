"""A real process, killed with a real SIGKILL at any moment: nothing is lost, and little is sent twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.engine.conftest import Clouds
from tests.engine.victim import CONCURRENCY, RATE


async def push_under_fire(clouds: Clouds, folder: Path, keys: int, kills: int) -> None:
    """Push a manifest by a process that is killed `kills` times, and look at what the cloud was asked for."""
    task = await clouds.sync_task()
    manifest = folder / "keys.txt"
    manifest.write_text("".join(f"photos/{i}.jpg\n" for i in range(keys)))
    command = [sys.executable, "-m", "tests.engine.victim", clouds.process.huawei, clouds.process.iam]
    command += [str(manifest), task, str(folder / "backlog.db")]
    chance = Random(kills)
    whole_s = keys / 10 / RATE
    killed = 0
    while True:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
            assert victim.stdout is not None
            assert victim.stdout.readline() == "open\n"
            if killed == kills:
                assert victim.stdout.readline() == "done\n"
                break
            try:
                victim.wait(timeout=chance.uniform(0.0, 1.4 * whole_s / kills))
            except subprocess.TimeoutExpired:
                victim.kill()
                killed += 1
            else:
                pytest.fail(f"all was done after {killed} kills: nothing was tested")
    events = clouds.ledger()["events"]
    assert set(events) == {f"{task}|photos/{i}.jpg" for i in range(keys)}
    twice = sum(times - 1 for times in events.values())
    print(f"{keys:,} keys, {killed} kills: {twice} sent twice, at most {10 * CONCURRENCY * kills}")
    assert twice <= 10 * CONCURRENCY * kills


async def test_killed_at_random_moments(clouds: Clouds, tmp_path: Path) -> None:
    await push_under_fire(clouds, tmp_path, keys=20_000, kills=4)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_killed_at_twenty_random_moments(clouds: Clouds, tmp_path: Path) -> None:
    await push_under_fire(clouds, tmp_path, keys=100_000, kills=20)
