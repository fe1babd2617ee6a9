"""What every backlog must do, run on each of them."""

from __future__ import annotations

from collections.abc import Callable

from engine.backlog import Backlog, Count, Put, Rejected, Source
from engine.backlog.sqlite import SqliteBacklog
from engine.model import Again, Finished, Split, Started, State
from tests.backlog.conftest import A, B, Clock, claim, counts, jobs, payloads


async def test_jobs_come_out_in_the_order_they_went_in(backlog: Backlog, clock: Clock) -> None:
    assert await backlog.put(jobs(A, 3, 1, 2)) == Put(jobs(A, 3, 1, 2), [], [])
    assert payloads(await claim(backlog, A, 10, clock())) == [b"payload 3", b"payload 1", b"payload 2"]


async def test_targets_are_apart(backlog: Backlog, clock: Clock) -> None:
    await backlog.put([*jobs(A, 1), *jobs(B, 2)])
    first, second = await backlog.claim([(B, 5), (A, 5)], clock())
    assert payloads(first.jobs) == [b"payload 2"]
    assert payloads(second.jobs) == [b"payload 1"]


async def test_jobs_of_targets_by_turns_are_known_and_counted_at_their_own(backlog: Backlog) -> None:
    await backlog.put([*jobs(A, 1), *jobs(B, 12, 13)])
    by_turns = [job for pair in zip(jobs(A, 1, 2, 3), jobs(B, 11, 12, 13), strict=True) for job in pair]
    put = await backlog.put([*by_turns, *jobs(A, 3)])
    assert put == Put([*jobs(A, 2, 3), *jobs(B, 11)], [*jobs(A, 1, 3), *jobs(B, 12, 13)], [])
    assert await backlog.tally() == {A: {State.WAITING: Count(3, 3)}, B: {State.WAITING: Count(3, 3)}}


async def test_no_job_is_given_twice(backlog: Backlog, clock: Clock) -> None:
    await backlog.put(jobs(A, *range(5)))
    assert len(await claim(backlog, A, 3, clock())) == 3
    assert len(await claim(backlog, A, 3, clock())) == 2
    assert await claim(backlog, A, 3, clock()) == []


async def test_what_was_claimed_and_left_is_given_again_after_a_release(backlog: Backlog, clock: Clock) -> None:
    await backlog.put(jobs(A, *range(3)))
    first, _ = await claim(backlog, A, 2, clock())
    await backlog.settle([Finished(first, State.ACCEPTED)])
    await backlog.release()
    assert payloads(await claim(backlog, A, 9, clock())) == [b"payload 1", b"payload 2"]


async def test_known_work_is_not_accepted_again(backlog: Backlog, clock: Clock) -> None:
    await backlog.put(jobs(A, 1, 2))
    assert await backlog.put(jobs(A, 2, 3, 1)) == Put(jobs(A, 3), jobs(A, 2, 1), [])
    (job,) = [job for job in await claim(backlog, A, 9, clock()) if job.payload == b"payload 1"]
    await backlog.settle([Finished(job, State.ACCEPTED)])
    assert await backlog.put(jobs(A, 1)) == Put([], [], jobs(A, 1))


async def test_a_claim_tells_when_the_next_job_is_due(backlog: Backlog, clock: Clock) -> None:
    await backlog.put(jobs(A, 1, 2))
    (some,) = await backlog.claim([(A, 1)], clock())
    assert some.next_due == clock()
    (rest,) = await backlog.claim([(A, 9)], clock())
    assert rest.next_due is None
    await backlog.settle([Again(rest.jobs[0], clock() + 30, "busy", counted=True)])
    (none,) = await backlog.claim([(A, 9)], clock())
    assert none.jobs == []
    assert none.next_due == clock() + 30


async def test_a_job_to_be_done_again_comes_when_it_is_due(backlog: Backlog, clock: Clock) -> None:
    await backlog.put(jobs(A, 1))
    (job,) = await claim(backlog, A, 1, clock())
    await backlog.settle([Again(job, clock() + 30, "slow down", counted=True)])
    assert await claim(backlog, A, 1, clock() + 29) == []
    (again,) = await claim(backlog, A, 1, clock() + 30)
    assert again.id == job.id
    assert again.attempts == 1


async def test_a_job_due_at_once_is_not_overtaken_by_the_mark(backlog: Backlog, clock: Clock) -> None:
    """Again, with a due time in the past, while later jobs were claimed already."""
    await backlog.put(jobs(A, 1, 2))
    first, _ = await claim(backlog, A, 2, clock())
    await backlog.settle([Again(first, 0.0, "busy", counted=False)])
    (again,) = await claim(backlog, A, 2, clock() + 1)
    assert again.id == first.id
    assert again.attempts == 0


async def test_a_clock_that_goes_back_loses_nothing(backlog: Backlog, clock: Clock) -> None:
    await backlog.put(jobs(A, 1))
    await claim(backlog, A, 1, clock())
    clock.now -= 500
    await backlog.put(jobs(A, 2))
    assert payloads(await claim(backlog, A, 1, 1000.0)) == [b"payload 2"]


async def test_started_jobs_are_found_with_their_tasks(backlog: Backlog, clock: Clock) -> None:
    await backlog.put(jobs(A, 1, 2))
    job, _ = await claim(backlog, A, 2, clock())
    await backlog.settle([Started(job, "t-1", 1234.5)])
    (found,) = await backlog.started(A)
    assert (found.task, found.started_at, found.payload) == ("t-1", 1234.5, b"payload 1")
    await backlog.settle([Finished(found, State.SUCCEEDED)])
    assert await backlog.started(A) == []


async def test_counts_follow_every_change(backlog: Backlog, clock: Clock) -> None:
    await backlog.put(jobs(A, 1, 2, 3, rows=10))
    assert await counts(backlog) == {State.WAITING: Count(3, 30)}
    one, two, three = await claim(backlog, A, 3, clock())
    await backlog.settle(
        [Started(one, "t", 1.0), Finished(two, State.FAILED, "no", "Bad"), Again(three, 1.0, "", counted=True)]
    )
    assert await counts(backlog) == {
        State.WAITING: Count(1, 10),
        State.STARTED: Count(1, 10),
        State.FAILED: Count(1, 10),
    }


async def test_a_divided_job_is_replaced_by_its_parts(backlog: Backlog, clock: Clock) -> None:
    await backlog.put(jobs(A, 1, rows=4))
    (job,) = await claim(backlog, A, 1, clock())
    await backlog.settle([Split(job, tuple(jobs(A, 11, 12, rows=2)))])
    assert payloads(await claim(backlog, A, 9, clock())) == [b"payload 11", b"payload 12"]
    tally = await counts(backlog)
    assert tally[State.WAITING] == Count(2, 4)
    assert (await backlog.put(jobs(A, 1, rows=4))).waiting == [], "the whole is still known"


async def test_failures_are_listed_with_their_reasons(backlog: Backlog, clock: Clock) -> None:
    await backlog.put([*jobs(A, *range(1200)), *jobs(B, 1)])
    failed = await claim(backlog, A, 1100, clock())
    await backlog.settle([Finished(job, State.FAILED, "bad key", "OMS.1") for job in failed])
    listed = [failure async for failure in backlog.failures()]
    assert [failure.job.id for failure in listed] == [job.id for job in failed]
    assert {(failure.why, failure.code, failure.job.target) for failure in listed} == {("bad key", "OMS.1", A)}
    assert listed[7].job.payload == b"payload 7"


async def test_failed_jobs_can_be_tried_again(backlog: Backlog, clock: Clock) -> None:
    await backlog.put(jobs(A, 1, rows=10))
    (job,) = await claim(backlog, A, 1, clock())
    await backlog.settle([Finished(job, State.FAILED, "no")])
    assert await backlog.retry_failed([("other", "account")]) == Count(0, 0)
    assert await backlog.retry_failed([("cloud", "account")]) == Count(1, 10)
    (again,) = await claim(backlog, A, 1, clock() + 1)
    assert (again.payload, again.attempts, again.task) == (b"payload 1", 0, "")


async def test_rejections_are_kept_with_their_places(backlog: Backlog) -> None:
    rejected = [Rejected("m.csv", line, "path is empty", "x,") for line in range(1, 1200)]
    await backlog.put([], source="m", progress=Source("c", 1199, 1199, 0), rejected=rejected)
    assert [row async for row in backlog.rejections()] == rejected


async def test_progress_is_remembered_by_source(backlog: Backlog) -> None:
    assert await backlog.progress("m") is None
    await backlog.put(jobs(A, 1), source="m", progress=Source("cursor 1", 10, 1, 2))
    await backlog.put(jobs(A, 2), source="m", progress=Source("cursor 2", 20, 1, 2))
    assert await backlog.progress("m") == Source("cursor 2", 20, 1, 2)


async def test_forgetting_makes_finished_work_new_and_leaves_the_rest(backlog: Backlog, clock: Clock) -> None:
    await backlog.put(jobs(A, 1, 2), source="m", progress=Source("c", 2, 0, 0))
    job, _ = await claim(backlog, A, 2, clock())
    await backlog.settle([Finished(job, State.SUCCEEDED)])
    await backlog.forget("m", ["cloud"])
    assert await backlog.progress("m") is None
    assert await backlog.put(jobs(A, 1, 2)) == Put(jobs(A, 1), jobs(A, 2), [])


async def test_small_things_are_remembered(backlog: Backlog) -> None:
    assert await backlog.recall("rate") is None
    await backlog.remember("rate", "50")
    await backlog.remember("rate", "60")
    assert await backlog.recall("rate") == "60"


async def test_everything_survives_a_reopening(reopen: Callable[[], SqliteBacklog], clock: Clock) -> None:
    async with reopen() as before:
        await before.put(jobs(A, 1, 2, 3), source="m", progress=Source("c", 3, 0, 0))
        one, two, _ = await claim(before, A, 3, clock())
        await before.settle([Finished(one, State.ACCEPTED), Started(two, "t-2", 5.0)])
    async with reopen() as after:
        assert await after.progress("m") == Source("c", 3, 0, 0)
        assert [job.task for job in await after.started(A)] == ["t-2"]
        assert payloads(await claim(after, A, 9, clock())) == [b"payload 3"], "claimed, not settled: waiting again"
        put = await after.put(jobs(A, 1, 2, 3))
        assert (put.waiting, put.done) == ([], jobs(A, 1))
        assert [(job.payload, job.task) for job in put.live] == [(b"payload 2", "t-2"), (b"payload 3", "")]


async def test_forgetting_keeps_what_failed(backlog: Backlog, clock: Clock) -> None:
    """It may be of another source, which is not going to be read again."""
    await backlog.put(jobs(A, 1))
    (job,) = await claim(backlog, A, 1, clock())
    await backlog.settle([Finished(job, State.FAILED, "no")])
    await backlog.forget("m", ["cloud"])
    assert [failure.job.payload async for failure in backlog.failures()] == [b"payload 1"]
