"""What a clock that was ahead has put down does not keep the work waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import apsw
import pytest

from engine.backlog import times_ahead
from engine.backlog.inbox_tables import Delivery
from engine.backlog.sqlite import SqliteBacklog
from engine.model import Again, Finished, Started, State
from engine.retry import LONGEST_DELAY_S
from tests.backlog.conftest import A, B, Clock, claim, counts, jobs, payloads

HOURS_S = 7200.0


async def test_a_wall_clock_that_is_set_back_keeps_no_job_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SqliteBacklog(tmp_path / "backlog.db") as backlog:
        await backlog.put(jobs(A, 1))
        (first,) = await claim(backlog, A, 9, backlog.clock())
        wall = time.time
        monkeypatch.setattr("time.time", lambda: wall() - HOURS_S)
        await backlog.put(jobs(A, 2))
        assert payloads(await claim(backlog, A, 9, backlog.clock())) == [b"payload 2"]
        again = backlog.clock() + 0.05
        await backlog.settle([Again(first, again, "busy", counted=True)])
        assert await claim(backlog, A, 9, again - 0.01) == []
        assert payloads(await claim(backlog, A, 9, again)) == [b"payload 1"]


async def test_the_next_process_takes_up_what_one_with_a_clock_ahead_has_left(
    reopen: Callable[[], SqliteBacklog], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times_ahead, "SLICE", 2)
    async with reopen() as backlog:
        clock.now += HOURS_S
        await backlog.put([*jobs(A, *range(5)), *jobs(B, 5, 6)])
        first, second = await claim(backlog, B, 2, clock())
        await backlog.settle([Started(first, "task", clock()), Again(second, clock() + 9, "busy", counted=True)])
        before = [await counts(backlog, target) for target in (A, B)]
        clock.now -= HOURS_S
    async with reopen() as backlog:
        assert [payloads(await claim(backlog, target, 9, clock())) for target in (A, B)] == [
            [b"payload 0", b"payload 1", b"payload 2", b"payload 3", b"payload 4"],
            [b"payload 6"],
        ]
        assert [job.started_at for job in await backlog.started(B)] == [clock() + HOURS_S], "the clock may be behind"
        assert [await counts(backlog, target) for target in (A, B)] == before


async def test_what_failed_later_than_now_failed_now(reopen: Callable[[], SqliteBacklog], clock: Clock) -> None:
    """Or it would be the latest failure for hours, and stay for longer than it should."""
    async with reopen() as backlog:
        clock.now += HOURS_S
        await backlog.put(jobs(A, 1))
        (job,) = await claim(backlog, A, 1, clock())
        await backlog.settle([Finished(job, State.FAILED, "no")])
        clock.now -= HOURS_S
    async with reopen() as backlog:
        assert [failure.at async for failure in backlog.failures()] == [clock()]


async def test_no_transaction_is_large(
    reopen: Callable[[], SqliteBacklog], clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with reopen() as backlog:
        clock.now += HOURS_S
        await backlog.put([*jobs(A, *range(5)), *jobs(B, *range(5, 10))])
        await backlog.settle([Finished(job, State.FAILED, "no") for job in await claim(backlog, A, 5, clock())])
        clock.now -= HOURS_S
    monkeypatch.setattr(times_ahead, "SLICE", 2)
    connection = apsw.Connection(str(tmp_path / "backlog.db"))
    changes = [0]

    def committed() -> bool:
        changes.append(connection.total_changes())
        return False

    connection.set_commit_hook(committed)
    times_ahead.bring_back(connection, clock())
    connection.close()
    assert [after - before for before, after in pairwise(changes) if after > before] == [2, 2, 1] * 2


async def test_what_was_put_off_stays_so(reopen: Callable[[], SqliteBacklog], clock: Clock) -> None:
    async with reopen() as backlog:
        await backlog.put(jobs(A, 1, 2))
        first, second = await claim(backlog, A, 2, clock())
        later = clock() + LONGEST_DELAY_S
        await backlog.settle([Again(first, later, "", counted=True), Started(second, "task", clock() - 5)])
    async with reopen() as backlog:
        assert await claim(backlog, A, 9, later - 1) == []
        assert payloads(await claim(backlog, A, 9, later)) == [b"payload 1"]
        assert [job.started_at for job in await backlog.started(A)] == [clock() - 5]


async def test_whoever_only_looks_changes_nothing(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "backlog.db"
    async with SqliteBacklog(path, clock=clock) as backlog:
        await backlog.put(jobs(A, 1))
        oldest = (await backlog.overview()).oldest
    clock.now -= HOURS_S
    async with SqliteBacklog(path, read_only=True, clock=clock) as reader:
        assert (await reader.overview()).oldest == oldest


async def test_ids_of_later_than_now_are_forgotten_in_their_time(
    reopen: Callable[[], SqliteBacklog], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a machine whose clock is years ahead until somebody sets it."""
    monkeypatch.setattr(times_ahead, "SLICE", 2)

    async def repeated(backlog: SqliteBacklog, number: int) -> bool:
        return bool((await backlog.inbox.accept(Delivery("s", [(f"{number}", ())]))).repeated)

    async with reopen() as backlog:
        await backlog.inbox.open(HOURS_S, 9)
        assert not await repeated(backlog, 1)
        clock.now += 9000 * HOURS_S
        assert not any([await repeated(backlog, number) for number in (2, 3, 4)])
        clock.now -= 9000 * HOURS_S
    async with reopen() as backlog:
        await backlog.inbox.open(HOURS_S, 9)
        assert all([await repeated(backlog, number) for number in (2, 3, 4)])
        for _ in range(3):
            clock.now += HOURS_S
            await backlog.inbox.forget_ids()
        assert not any([await repeated(backlog, number) for number in (1, 2, 3, 4)])
