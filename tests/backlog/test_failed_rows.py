"""A row that is put again does not stand as failed any more, whatever rows it stood with and stands with now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.backlog import Backlog, Count, Put
from engine.backlog.sqlite import SqliteBacklog
from engine.model import Finished, Job, Split, State
from tests.backlog.conftest import Clock, W, claim, counts
from tests.backlog.words import DIVIDERS, Words, words

LATER = 1e12
JOBS = ["a", "b", "c", "d", "a b", "c d", "b c", "a b c", "b c d", "a b c d", "d c b a"]


async def put(backlog: Backlog, *texts: str) -> Put:
    return await backlog.put([words(W, text) for text in texts])


async def end(backlog: Backlog, state: State, why: str = "") -> list[str]:
    """Have every waiting job end like that."""
    ended = await claim(backlog, W, 99, LATER)
    await backlog.settle([Finished(job, state, why) for job in ended])
    return texts(ended)


async def failed(backlog: Backlog, *, newest_first: bool = False) -> list[str]:
    listed = [failure.job async for failure in backlog.failures(newest_first=newest_first)]
    assert sum(job.rows for job in listed) == (await counts(backlog, W)).get(State.FAILED, Count()).rows
    assert all(job.rows == len(job.payload.split()) for job in listed)
    return texts(listed)


def texts(listed: list[Job]) -> list[str]:
    return [job.payload.decode() for job in listed]


async def test_rows_put_again_in_other_jobs_are_not_failed_any_more(backlog: Backlog) -> None:
    await put(backlog, "a b c d e f g h i j")
    await end(backlog, State.FAILED)
    assert await put(backlog, "i b", "f") == Put([words(W, "i b"), words(W, "f")], [], [])
    assert await failed(backlog) == ["a c d e g h j"]
    assert await end(backlog, State.ACCEPTED) == ["i b", "f"]
    assert await counts(backlog, W) == {State.FAILED: Count(1, 7), State.ACCEPTED: Count(2, 3)}


async def test_a_job_none_of_whose_rows_is_left_has_not_failed(backlog: Backlog) -> None:
    await put(backlog, "a b", "c d")
    await end(backlog, State.FAILED)
    await put(backlog, "d a c", "b e")
    assert await failed(backlog) == []
    assert await backlog.retry_failed([("words", "account")]) == Count(0, 0)
    assert await end(backlog, State.ACCEPTED) == ["d a c", "b e"]
    assert (await put(backlog, "a b", "c d")).waiting == [], "all of it is done"


async def test_what_fails_again_fails_once(backlog: Backlog) -> None:
    await put(backlog, "a b c")
    await end(backlog, State.FAILED)
    await put(backlog, "c d")
    await end(backlog, State.FAILED)
    assert await failed(backlog) == ["a b", "c d"]


async def test_what_failed_in_two_jobs_fails_in_the_later(backlog: Backlog) -> None:
    """Both were in the backlog before either of them failed."""
    await put(backlog, "a b", "b c")
    first, second = await claim(backlog, W, 2, LATER)
    await backlog.settle([Finished(first, State.FAILED)])
    await backlog.settle([Finished(second, State.FAILED)])
    assert await failed(backlog) == ["a", "b c"]


async def test_a_failed_job_put_again_waits_whole(backlog: Backlog) -> None:
    await put(backlog, "a b c")
    await end(backlog, State.FAILED)
    assert await put(backlog, "a b c") == Put([words(W, "a b c")], [], [])
    assert await failed(backlog) == []
    assert await end(backlog, State.ACCEPTED) == ["a b c"]
    assert await counts(backlog, W) == {State.ACCEPTED: Count(1, 3)}


async def test_of_a_known_job_only_the_failed_rows_wait_again(backlog: Backlog) -> None:
    """It was divided, and one part has failed; or some of its rows were done in another job."""
    await put(backlog, "a b c d")
    (job,) = await claim(backlog, W, 1, LATER)
    await backlog.settle([Split(job, (words(W, "a b"), words(W, "c d")))])
    one, other = await claim(backlog, W, 2, LATER)
    await backlog.settle([Finished(one, State.ACCEPTED), Finished(other, State.FAILED)])
    assert await put(backlog, "a b c d") == Put([words(W, "c d")], [], [words(W, "a b")])
    assert await end(backlog, State.FAILED) == ["c d"]
    await put(backlog, "d")
    await end(backlog, State.ACCEPTED)
    assert await put(backlog, "c d") == Put([words(W, "c")], [], [words(W, "d")])
    assert await failed(backlog) == []


async def test_rows_of_a_divided_job_stand_as_their_parts_do(backlog: Backlog) -> None:
    await put(backlog, "a b c d")
    (job,) = await claim(backlog, W, 1, LATER)
    await backlog.settle([Split(job, (words(W, "a b"), words(W, "c d")))])
    assert await put(backlog, "a b c d") == Put([], [words(W, "a b c d")], [])
    (one,) = await claim(backlog, W, 1, LATER)
    await backlog.settle([Finished(one, State.ACCEPTED)])
    assert await put(backlog, "a b c d") == Put([], [words(W, "c d")], [words(W, "a b")])
    await end(backlog, State.ACCEPTED)
    assert await put(backlog, "a b c d") == Put([], [], [words(W, "a b c d")])


async def test_rows_that_another_job_has_taken_over_stand_as_it_does(backlog: Backlog) -> None:
    await put(backlog, "a b c")
    await end(backlog, State.FAILED)
    assert await put(backlog, "c d") == Put([words(W, "c d")], [], [])
    assert await put(backlog, "a b c") == Put([words(W, "a b")], [words(W, "c")], [])
    await end(backlog, State.ACCEPTED)
    assert await put(backlog, "a b c") == Put([], [], [words(W, "a b c")])


async def test_a_job_divided_again_has_all_its_parts_again(backlog: Backlog) -> None:
    await put(backlog, "a b", "b")
    for _ in range(2):
        whole, *_ = await claim(backlog, W, 9, LATER)
        await backlog.settle([Split(whole, (words(W, "a"), words(W, "b")))])
        await backlog.release()
        assert sorted(set(await end(backlog, State.FAILED))) == ["a", "b"]
        assert await put(backlog, "a b") == Put([words(W, "a b")], [], [])


async def test_trying_again_tries_what_is_left(backlog: Backlog) -> None:
    await put(backlog, "a b c")
    await end(backlog, State.FAILED)
    await put(backlog, "b")
    await end(backlog, State.ACCEPTED)
    assert await backlog.retry_failed([("words", "account")]) == Count(1, 2)
    assert await end(backlog, State.FAILED) == ["a c"]
    assert await failed(backlog) == ["a c"]


async def test_targets_keep_their_failures_apart(backlog: Backlog) -> None:
    other = W._replace(name="other")
    await put(backlog, "a b")
    await end(backlog, State.FAILED)
    await backlog.put([words(other, "a b c")])
    assert await failed(backlog) == ["a b"]


async def test_the_newest_can_be_had_first(backlog: Backlog, clock: Clock) -> None:
    await put(backlog, "a", "b", "c")
    first, second, third = await claim(backlog, W, 3, LATER)
    for job in (third, first, second):
        clock.now += 1
        await backlog.settle([Finished(job, State.FAILED)])
    assert await failed(backlog) == ["c", "a", "b"]
    assert await failed(backlog, newest_first=True) == ["b", "a", "c"]
    assert [failure.at async for failure in backlog.failures()] == [1001.0, 1002.0, 1003.0]


async def test_many_can_be_had_page_by_page(backlog: Backlog) -> None:
    await put(backlog, *(f"row{i}" for i in range(1200)))
    ended = await claim(backlog, W, 1200, LATER)
    await backlog.settle([Finished(job, State.FAILED) for job in ended])
    listed = await failed(backlog)
    assert listed == texts(ended)
    assert await failed(backlog, newest_first=True) == listed[::-1]


async def test_it_is_remembered(reopen: Callable[[], SqliteBacklog]) -> None:
    async with reopen() as before:
        await put(before, "a b c")
        await end(before, State.FAILED)
        await put(before, "b")
    async with reopen() as after:
        assert await failed(after) == ["a c"]
        await put(after, "c a")
        assert await failed(after) == []


async def test_a_put_that_comes_to_nothing_leaves_failures_as_they_are(
    backlog: Backlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(backlog, SqliteBacklog)
    await put(backlog, "a b c")
    await end(backlog, State.FAILED)
    enough = backlog._tables._sql.__self__  # type: ignore[attr-defined]
    await backlog._writer.do(lambda: enough.pragma("max_page_count", enough.pragma("page_count")))
    with pytest.raises(Exception, match="no space is left"):
        await put(backlog, "a b", *(f"row{i}" + "x" * 2000 for i in range(500)))
    assert await failed(backlog) == ["a b c"]


class Asked(Words):
    """Counts how often it was asked about a job."""

    number = 0

    def row_keys(self, job: Job) -> list[bytes]:
        self.number += 1
        return [*super().row_keys(job)]


async def test_where_nothing_has_failed_nobody_asks_for_rows() -> None:
    asked = Asked()
    async with SqliteBacklog(":memory:", {"words": asked}) as backlog:
        await put(backlog, "a b", "c d")
        await end(backlog, State.ACCEPTED)
        await put(backlog, "a b", "b c")
        assert asked.number == 0
        await end(backlog, State.FAILED)
        await put(backlog, "c")
        assert asked.number > 0
        await put(backlog, "b")
        await end(backlog, State.ACCEPTED)
        before = asked.number
        await put(backlog, "e f")
        assert asked.number == before


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["put", "accept", "fail", "divide", "retry"]), st.sampled_from(JOBS))))
@example([("put", "a"), ("put", "a b"), ("fail", "a"), ("divide", "a")])
def test_any_order_of_events(events: list[tuple[str, str]]) -> None:
    """Of what was last put or has last failed, the later counts; and every row that waits gets an outcome."""
    asyncio.run(_follow(events))


async def _follow(events: list[tuple[str, str]]) -> None:
    expected: set[str] = set()
    well: set[str] = set()
    async with SqliteBacklog(":memory:", DIVIDERS) as backlog:
        for what, text in events:
            rows = set(text.split())
            if what == "put":
                taken = await put(backlog, text)
                assert sorted(row for told in taken for job in told for row in _rows(job)) == sorted(rows)
                assert expected & rows <= {row for job in await _waiting(backlog) for row in _rows(job)}
                expected -= rows
                waiting = {row for job in await _waiting(backlog) for row in _rows(job)}
                assert waiting.issuperset(row for job in (*taken.waiting, *taken.live) for row in _rows(job))
                assert well.issuperset(row for job in taken.done for row in _rows(job))
            elif what == "retry":
                await backlog.retry_failed([("words", "account")])
                expected.clear()
            else:
                for job in (await _waiting(backlog))[JOBS.index(text) % 3 :][:1]:
                    if what == "accept":
                        well.update(_rows(job))
                    if what == "divide":
                        expected.difference_update(_rows(job))  # they wait
                    expected |= await _settle(backlog, what, job)
            listed = [row for text in await failed(backlog) for row in text.split()]
            assert sorted(listed) == sorted(expected), "each of them, and once"
            left = await _waiting(backlog)
            counted = (await counts(backlog, W)).get(State.WAITING, Count())
            assert counted == Count(len(left), sum(job.rows for job in left))


def _rows(job: Job) -> list[str]:
    return job.payload.decode().split()


async def _waiting(backlog: Backlog) -> list[Job]:
    waiting = await claim(backlog, W, 999, LATER)
    await backlog.release()
    return waiting


async def _settle(backlog: Backlog, what: str, job: Job) -> set[str]:
    """Returns which rows have failed."""
    rows = _rows(job)
    half = len(rows) // 2
    if what == "accept":
        await backlog.settle([Finished(job, State.ACCEPTED)])
    elif what == "divide" and half:
        parts = tuple(words(W, " ".join(part)) for part in (rows[:half], rows[half:]))
        await backlog.settle([Split(job, parts)])
    else:
        await backlog.settle([Finished(job, State.FAILED)])
        return set(rows)
    return set()
