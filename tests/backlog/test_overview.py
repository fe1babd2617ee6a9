"""One look at the backlog."""

from __future__ import annotations

from engine.backlog.overview import LATEST
from engine.backlog.sqlite import SqliteBacklog
from engine.model import Again, Finished, Job, State, Target

NEAR, FAR = Target("cloud", "main", "near"), Target("cloud", "main", "far")


def job(number: int, target: Target = NEAR) -> Job:
    return Job(number.to_bytes(16), target, b"what it does")


async def test_nothing() -> None:
    async with SqliteBacklog(":memory:") as backlog:
        assert await backlog.overview() == ({}, None, [])


async def test_the_job_that_has_been_due_longest() -> None:
    now = 1000.0
    async with SqliteBacklog(":memory:", clock=lambda: now) as backlog:
        await backlog.put([job(1)])
        now = 1010.0
        await backlog.put([job(2), job(3, FAR)])
        oldest = (await backlog.overview()).oldest
        assert oldest
        assert (oldest.job.key, oldest.job.target, oldest.job.payload, oldest.since) == (
            job(1).key, NEAR, b"what it does", 1000.0,
        )  # fmt: skip
        ((first, second), (far,)) = [claim.jobs for claim in await backlog.claim([(NEAR, 2), (FAR, 1)], now)]
        await backlog.settle([Again(first, 1500.0, "busy", counted=True), Finished(second, State.SUCCEEDED)])
        oldest = (await backlog.overview()).oldest
        assert oldest
        assert (oldest.job.key, oldest.since) == (far.key, 1010.0)
        await backlog.settle([Finished(far, State.FAILED, "no")])
        oldest = (await backlog.overview()).oldest
        assert oldest
        assert (oldest.job.key, oldest.job.attempts, oldest.since, oldest.why) == (first.key, 1, 1500.0, "busy")


async def test_the_latest_failures() -> None:
    now = 1000.0
    async with SqliteBacklog(":memory:", clock=lambda: now) as backlog:
        await backlog.put([job(number) for number in range(LATEST + 5)])
        (claim,) = await backlog.claim([(NEAR, 100)], now)
        for each in claim.jobs:
            now += 1
            await backlog.settle([Finished(each, State.FAILED, "no", "Code")])
        found = await backlog.overview()
        assert [each.job.key for each in found.failures] == [each.key for each in reversed(claim.jobs)][:LATEST]
        assert found.failures[0].at == now
        assert found.tally[NEAR][State.FAILED].jobs == LATEST + 5
