"""What waits, what is remembered, and what becomes of it when jobs take its place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.backlog import Asked, Rejected
from engine.backlog.inbox import Inbox
from engine.backlog.inbox_tables import Accepted, Delivery, Destination, Move, Want
from engine.backlog.seen_ids import FORGOTTEN_AT_ONCE
from engine.backlog.sqlite import SqliteBacklog
from engine.daemon.access import Tokens
from engine.daemon.http_head import read_head
from engine.daemon.intake import Intake
from engine.daemon.listener import Listener
from engine.daemon.listener_settings import ListenerSettings
from engine.daemon.log import Log
from engine.daemon.readers import reader
from engine.daemon.subscriptions import Subscriptions
from engine.daemon.vendors import Vendors
from engine.errors import InboxFullError, NoSpaceError, TooManyRowsError
from engine.model import Again, Finished, Job, Split, Started, State, Target
from engine.routes import read_routes
from engine.transport import Transport
from tests.backlog.words import DIVIDERS
from tests.daemon.conftest import event
from tests.test_routes import ACCOUNTS

HERE, THERE = Destination("push", ("task", "hw")), Destination("trigger", ("gw", "NFSx", "ali"))
TARGET = Target("cloud", "account", "a")
DAY_S = 86_400.0


@pytest.fixture
async def backlog(tmp_path: Path) -> AsyncIterator[SqliteBacklog]:
    async with SqliteBacklog(tmp_path / "backlog.db", DIVIDERS) as opened:
        await opened.inbox.open(DAY_S, 1_000)
        yield opened


def delivery(*values: str, sender: str = "s", event_id: str = "", where: Destination = HERE) -> Delivery:
    return Delivery(sender, [(event_id, [(where, value) for value in values])])


def want(where: Destination, limit: int = 100) -> Want:
    return Want(where, limit, None, 0)


async def values(inbox: Inbox, where: Destination = HERE) -> list[str]:
    (found,) = await inbox.due([want(where)])
    return [value for _, value in found or ()]


def job(name: str = "j") -> Job:
    return Job(name.encode().ljust(16, b"."), TARGET, b"payload")


async def ask(backlog: SqliteBacklog, *jobs: Job) -> Asked:
    """As the mover does, of a row that waits."""
    await backlog.inbox.accept(delivery("v"))
    (found,) = await backlog.inbox.due([want(HERE)])
    assert found
    return await backlog.inbox.move([Move(HERE, found[-1][0], len(found), jobs, [])])


async def seen_ids(backlog: SqliteBacklog) -> int:
    """How many ids the file holds, one of them with each generation for its beginning."""
    sql = "SELECT count(*) FROM seen"
    return int(await backlog._writer.do(lambda: backlog._tables._sql(sql).fetchone()[0]))


async def claim(backlog: SqliteBacklog) -> list[Job]:
    (claimed,) = await backlog.claim([(TARGET, 10)], time.time() + 1)
    return claimed.jobs


async def test_a_row_waits_once_in_the_order_of_its_first_arrival(backlog: SqliteBacklog) -> None:
    inbox = backlog.inbox
    assert await inbox.accept(delivery("b", "a", "b")) == Accepted(0, 3, 2)
    assert await inbox.accept(delivery("a", "c")) == Accepted(0, 2, 1)
    assert await inbox.accept(delivery("a", where=THERE)) == Accepted(0, 1, 1)
    assert await values(inbox) == ["b", "a", "c"]
    assert inbox.rows == 4
    assert {where: heap.rows for where, heap in inbox.heaps.items()} == {HERE: 3, THERE: 1}


async def test_ids_are_each_senders_own(backlog: SqliteBacklog) -> None:
    inbox = backlog.inbox
    assert await inbox.accept(delivery("a", event_id="1")) == Accepted(0, 1, 1)
    assert await inbox.accept(delivery("b", event_id="1")) == Accepted(1, 0, 0)
    assert await inbox.accept(delivery("b", event_id="1", sender="t")) == Accepted(0, 1, 1)
    assert await inbox.accept(delivery("c")) == await inbox.accept(delivery("d")), "without an id nothing is known"


async def test_deliveries_that_share_a_commit_are_told_apart(backlog: SqliteBacklog) -> None:
    given = [delivery(f"{i % 3}", event_id=f"{i // 2}") for i in range(12)]
    told = await asyncio.gather(*[backlog.inbox.accept(each) for each in given])
    assert [each.repeated for each in told] == [0, 1] * 6
    assert [each.waiting for each in told] == [1, 0] * 3 + [0] * 6
    assert await values(backlog.inbox) == ["0", "2", "1"]


async def test_ids_are_remembered_for_their_time_and_then_forgotten(tmp_path: Path) -> None:
    now = [1e9]
    async with SqliteBacklog(tmp_path / "backlog.db", clock=lambda: now[0]) as backlog:
        inbox = backlog.inbox
        await inbox.open(DAY_S, 1_000_000)

        async def repeated(number: int) -> bool:
            return bool((await inbox.accept(delivery("v", event_id=str(number)))).repeated)

        old = FORGOTTEN_AT_ONCE + 500
        await inbox.accept(Delivery("s", [(str(number), ()) for number in range(old)]))
        now[0] += DAY_S - 1
        assert await repeated(0)
        now[0] += 2
        assert await repeated(1)  # of the generation before
        assert not await repeated(old)
        now[0] += DAY_S
        assert not await repeated(2)
        assert await repeated(old)
        await inbox.accept(delivery("v", event_id="more"))
        assert await seen_ids(backlog) == 3 + 2, "nothing older is left in the file"


async def test_ids_do_not_pile_up_however_many_come_at_once(tmp_path: Path) -> None:
    now = [1e9]
    async with SqliteBacklog(tmp_path / "backlog.db", clock=lambda: now[0]) as backlog:
        await backlog.inbox.open(DAY_S, 1_000_000)
        many, kept = 4 * FORGOTTEN_AT_ONCE, []
        for day in range(5):
            for part in range(2):
                ids = [f"{day} {part} {number}" for number in range(many)]
                await backlog.inbox.accept(Delivery("s", [(each, ()) for each in ids]))
            kept.append(await seen_ids(backlog))
            now[0] += DAY_S
        assert kept == [2 * many + 1, *[4 * many + 2] * 4], "those of today and of the day before"


async def test_what_waits_is_found_again(tmp_path: Path) -> None:
    async with SqliteBacklog(tmp_path / "backlog.db") as backlog:
        await backlog.inbox.open(DAY_S, 1_000)
        await backlog.inbox.accept(delivery("a", "b", event_id="1"))
        await backlog.inbox.accept(delivery("c", where=THERE))
        oldest_at = backlog.inbox.oldest_at
    async with SqliteBacklog(tmp_path / "backlog.db") as backlog:
        inbox = backlog.inbox
        await inbox.open(DAY_S, 1_000)
        assert (inbox.rows, inbox.oldest_at is not None) == (3, True)
        assert inbox.oldest_at == pytest.approx(oldest_at, abs=1.0)
        assert await inbox.accept(delivery("b", "d")) == Accepted(0, 2, 1)
        assert await inbox.accept(delivery("e", event_id="1")) == Accepted(1, 0, 0)
        assert await values(inbox) == ["a", "b", "d"]


async def test_more_than_may_wait_is_refused_as_a_whole(backlog: SqliteBacklog) -> None:
    inbox = backlog.inbox
    inbox.max_rows = 3
    await inbox.accept(delivery("a", "b"))
    with pytest.raises(InboxFullError) as refused:
        await inbox.accept(delivery("c", "d", event_id="1"))
    assert 1.0 <= refused.value.retry_after_s <= 60.0
    assert await inbox.accept(delivery("c", event_id="1")) == Accepted(0, 1, 1)
    assert inbox.full
    # What is on its way counts too.
    inbox.max_rows = 4
    told = await asyncio.gather(*[inbox.accept(delivery(f"x{i}")) for i in range(3)], return_exceptions=True)
    assert [isinstance(each, InboxFullError) for each in told] == [False, True, True]


async def test_what_waits_already_is_taken_however_full_it_is(backlog: SqliteBacklog) -> None:
    inbox = backlog.inbox
    inbox.max_rows = 3
    await inbox.accept(delivery("a", "b", event_id="1"))
    assert await inbox.accept(delivery("a", "b", "a", "c", event_id="2")) == Accepted(0, 4, 1)
    assert inbox.full
    assert await inbox.accept(delivery("a", "c", event_id="3")) == Accepted(0, 2, 0)
    assert await inbox.accept(delivery("x", "y", event_id="3")) == Accepted(1, 0, 0), "which was sent before"
    with pytest.raises(InboxFullError, match="3 rows wait, 1 more would, and 3 may"):
        await inbox.accept(delivery("a", "d", event_id="4"))
    with pytest.raises(InboxFullError):
        await inbox.accept(delivery("a", where=THERE))
    assert inbox.rows == 3
    inbox.max_rows = 4
    # Of those that share a commit, too; what was left out is not remembered.
    given = [delivery("d", event_id="4"), delivery("d", "e", event_id="5"), delivery("d", event_id="5"),
             delivery("d", event_id="4")]  # fmt: skip
    told = await asyncio.gather(*[inbox.accept(each) for each in given], return_exceptions=True)
    assert [isinstance(each, InboxFullError) for each in told] == [False, True, False, False]
    assert (told[0], *told[2:]) == (Accepted(0, 1, 1), Accepted(0, 1, 0), Accepted(1, 0, 0))
    assert await values(inbox) == ["a", "b", "c", "d"]


async def test_it_is_full_for_whom_there_was_no_room_until_rows_leave(backlog: SqliteBacklog) -> None:
    inbox = backlog.inbox
    inbox.max_rows = 4
    await inbox.accept(delivery("a", "b"))
    assert not inbox.full
    with pytest.raises(InboxFullError):
        await inbox.accept(delivery("c", "d", "e"))
    assert inbox.full
    await inbox.accept(delivery("x"))
    assert not inbox.full, "what came last was taken"
    with pytest.raises(InboxFullError):
        await inbox.accept(delivery("c", "d"))
    assert inbox.full
    (found,) = await inbox.due([want(HERE, 1)])
    assert found
    await inbox.move([Move(HERE, found[-1][0], 1, [], [])])
    assert not inbox.full
    await inbox.accept(delivery("c"))
    assert not inbox.full, "there is room for one"


async def test_what_could_never_wait_is_not_put_off(backlog: SqliteBacklog) -> None:
    inbox = backlog.inbox
    inbox.max_rows = 3
    assert await inbox.accept(delivery("a", "b", "c", "a", "b")) == Accepted(0, 5, 3)
    with pytest.raises(TooManyRowsError, match=r"4 rows come at once, and 3 may wait \(max_waiting\)"):
        await inbox.accept(delivery("a", "b", "c", "d"))


async def test_who_is_put_off_is_told_for_how_long(backlog: SqliteBacklog) -> None:
    """Until a tenth of the room should be free."""
    inbox = backlog.inbox
    await inbox.accept(delivery(*map(str, range(100))))
    too_much = delivery(*map(str, range(100, 1_001)))
    with pytest.raises(InboxFullError) as refused:
        await inbox.accept(too_much)
    assert refused.value.retry_after_s == 5.0, "nothing has left yet"
    (found,) = await inbox.due([want(HERE)])
    assert found
    await inbox.move([Move(HERE, found[-1][0], 100, [], [])])
    await inbox.accept(delivery(*map(str, range(100))))
    with pytest.raises(InboxFullError) as refused:
        await inbox.accept(too_much)
    assert refused.value.retry_after_s == pytest.approx(10.0, rel=0.2), "100 of 1,000 rows leave in 10 s"


async def test_rows_stay_until_their_jobs_are_there(backlog: SqliteBacklog, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = backlog.inbox
    await inbox.accept(delivery("a", "b"))
    (found,) = await inbox.due([want(HERE)])
    assert found

    def fail(jobs: object) -> None:
        raise NoSpaceError("no space")

    with monkeypatch.context() as patched:
        patched.setattr(backlog._tables, "ask", fail)
        with pytest.raises(NoSpaceError):
            await inbox.move([Move(HERE, found[-1][0], 2, [job()], [])])
    assert (await values(inbox), inbox.rows) == (["a", "b"], 2)
    assert await inbox.move([Move(HERE, found[-1][0], 2, [job()], [])]) == Asked([job()], 0, 0)


async def test_numbers_are_never_given_twice(tmp_path: Path) -> None:
    """Neither to rows that wait nor to rejected ones, which are known by them: whatever came before, and failed."""

    async def turn_away(backlog: SqliteBacklog, *given: str) -> list[Rejected]:
        (found,) = await backlog.inbox.due([want(HERE)])
        assert found
        assert [value for _, value in found] == [*given], "in the order of their arrival"
        rejected = [Rejected("serve", number, "no", value) for number, value in found]
        await backlog.inbox.move([Move(HERE, found[-1][0], len(found), [], rejected)])
        return [each async for each in backlog.rejections()]

    for restart, (first, second) in enumerate((("a", "b"), ("c", "d"))):
        async with SqliteBacklog(tmp_path / "backlog.db") as backlog:
            await backlog.inbox.open(DAY_S, 1_000)
            await backlog.inbox.accept(delivery(first))
            await turn_away(backlog, first)
            await fill(backlog, 0)
            with pytest.raises(NoSpaceError):
                await backlog.inbox.accept(delivery(*(f"{i}" * 900 for i in range(30))))
            await fill(backlog, 1_000)
            await backlog.inbox.accept(delivery(second))
            told = await turn_away(backlog, second)
            assert [each.text for each in told] == list("abcd")[: 2 * restart + 2]


async def test_what_waits_is_found_in_its_order(tmp_path: Path) -> None:
    for given in (["z", "y"], ["x", "a"], ["b"]):
        async with SqliteBacklog(tmp_path / "backlog.db") as backlog:
            await backlog.inbox.open(DAY_S, 1_000)
            await backlog.inbox.accept(delivery(*given))
            await backlog.inbox.accept(delivery(*given, where=THERE))
            last = await values(backlog.inbox), await values(backlog.inbox, THERE)
    assert last == (["z", "y", "x", "a", "b"],) * 2


async def test_jobs_take_the_place_of_rows(backlog: SqliteBacklog) -> None:
    inbox = backlog.inbox
    await inbox.accept(delivery("a", "b", "c"))
    (found,) = await inbox.due([want(HERE, 2)])
    assert found
    assert await inbox.move([Move(HERE, found[-1][0], 2, [job()], [])]) == Asked([job()], 0, 0)
    assert await values(inbox) == ["c"]
    assert (inbox.rows, inbox.heaps[HERE].rows) == (1, 1)
    assert [each.key for each in await claim(backlog)] == [job().key]
    assert await inbox.due([Want(HERE, 1, TARGET, 1)]) == [None], "its target has enough"
    (found,) = await inbox.due([want(HERE)])
    assert found
    await inbox.move([Move(HERE, found[-1][0], 1, [], [])])
    assert (inbox.rows, inbox.heaps, inbox.oldest_at) == (0, {}, None)


async def test_a_target_whose_jobs_are_put_off_has_not_enough(backlog: SqliteBacklog) -> None:
    await ask(backlog, job("a"), job("b"))
    await backlog.inbox.accept(delivery("row"))
    enough = Want(HERE, 1, TARGET, 2)
    assert await backlog.inbox.due([enough]) == [None]
    put_off = [Again(each, time.time() + 300.0, "503", counted=True) for each in await claim(backlog)]
    await backlog.settle(put_off[:1])
    (found,) = await backlog.inbox.due([enough])
    assert [value for _, value in found or ()] == ["row"], "only one may start"
    assert await backlog.inbox.due([enough._replace(ahead=1)]) == [None]


@pytest.mark.parametrize("due", [0, 39, 40, 41, 60, 100])
async def test_enough_may_start_however_many_are_put_off(backlog: SqliteBacklog, due: int) -> None:
    await ask(backlog, *(job(f"{number}") for number in range(100)))
    (claimed,) = await backlog.claim([(TARGET, 100 - due)], time.time() + 1)
    await backlog.settle([Again(each, time.time() + 300.0, "503", counted=True) for each in claimed.jobs])
    await backlog.inbox.accept(delivery("row"))
    for ahead in (1, 40, 60, 100):
        (found,) = await backlog.inbox.due([Want(HERE, 1, TARGET, ahead)])
        assert (found is None) == (due >= ahead)


@pytest.mark.parametrize(("ahead", "put_off"), [(100, 0), (400, 0), (600, 0), (10, 450)])
async def test_what_may_start_at_a_target_is_not_counted_job_by_job(
    backlog: SqliteBacklog, ahead: int, put_off: int
) -> None:
    """For it is asked for each target, and whoever writes waits meanwhile."""
    await ask(backlog, *(job(f"{number}") for number in range(500)))
    (claimed,) = await backlog.claim([(TARGET, put_off)], time.time() + 1)
    await backlog.settle([Again(each, time.time() + 300.0, "503", counted=True) for each in claimed.jobs])
    await backlog.inbox.accept(delivery("row"))
    steps = count()
    connection = backlog.inbox._tables._sql.__self__  # type: ignore[attr-defined]
    connection.set_progress_handler(lambda: next(steps) < 0, 1)  # called at each step of SQLite's machine
    (found,) = await backlog.inbox.due([Want(HERE, 1, TARGET, ahead)])
    assert (found is None) == (ahead < 500)
    assert 0 < next(steps) < 200


async def test_a_job_that_waits_covers_what_is_asked_for(backlog: SqliteBacklog) -> None:
    assert await ask(backlog, job()) == Asked([job()], 0, 0)
    assert await ask(backlog, job()) == Asked([], 1, 0)
    (claimed,) = await claim(backlog)
    assert await ask(backlog, job()) == Asked([], 1, 0), "as long as it has not begun"
    backlog.begin(claimed)
    assert await backlog.settle([Finished(claimed, State.ACCEPTED)]) == []
    assert await ask(backlog, job()) == Asked([job()], 0, 0), "what is finished does not"


async def test_a_job_on_its_way_is_done_once_more(backlog: SqliteBacklog) -> None:
    await ask(backlog, job())
    (claimed,) = await claim(backlog)
    backlog.begin(claimed)
    assert await ask(backlog, job()) == Asked([], 0, 1)
    await backlog.settle([Started(claimed, "t", 1.0)])
    claimed.task = "t"
    assert await ask(backlog, job()) == Asked([], 0, 1), "once more, and no more than that"
    assert await backlog.settle([Finished(claimed, State.SUCCEEDED)]) == [claimed]
    (again,) = await claim(backlog)
    assert (again.key, again.payload, again.task, again.attempts) == (job().key, b"payload", "", 0)
    assert await backlog.settle([Finished(again, State.SUCCEEDED)]) == []
    assert await claim(backlog) == []
    assert {state: count.jobs for state, count in (await backlog.tally())[TARGET].items()} == {State.SUCCEEDED: 1}


@pytest.mark.parametrize(
    "step",
    [
        lambda claimed: Again(claimed, 0.0, "busy", counted=True),
        lambda claimed: Split(claimed, (job("one"), job("two"))),
    ],
)
async def test_what_begins_anew_covers_what_was_asked_for(backlog: SqliteBacklog, step: Callable[[Job], Any]) -> None:
    await ask(backlog, job())
    (claimed,) = await claim(backlog)
    backlog.begin(claimed)
    await ask(backlog, job())
    assert await backlog.settle([step(claimed)]) == []
    for each in await claim(backlog):
        assert await backlog.settle([Finished(each, State.ACCEPTED)]) == []


async def test_a_failure_that_was_asked_for_again_does_not_stand(backlog: SqliteBacklog) -> None:
    await ask(backlog, job())
    (claimed,) = await claim(backlog)
    backlog.begin(claimed)
    await ask(backlog, job())
    assert await backlog.settle([Finished(claimed, State.FAILED, "no")]) == [claimed]
    (claimed,) = await claim(backlog)
    backlog.begin(claimed)
    await backlog.settle([Finished(claimed, State.FAILED, "no")])
    assert await ask(backlog, job()) == Asked([job()], 0, 0)
    assert [failure async for failure in backlog.failures()] == []


async def test_what_was_asked_for_again_outlives_the_process(tmp_path: Path) -> None:
    async with SqliteBacklog(tmp_path / "backlog.db", DIVIDERS) as backlog:
        await backlog.inbox.open(DAY_S, 10)
        await ask(backlog, job())
        (claimed,) = await claim(backlog)
        await backlog.settle([Started(claimed, "t", 1.0)])
        await ask(backlog, job())
    async with SqliteBacklog(tmp_path / "backlog.db", DIVIDERS) as backlog:
        (started,) = await backlog.started(TARGET)
        assert await backlog.settle([Finished(started, State.SUCCEEDED)]) == [started]
        assert len(await claim(backlog)) == 1


async def fill(backlog: SqliteBacklog, pages: int) -> None:
    """Leave the file that many pages to grow by: as if the disk were full."""
    connection = backlog._tables._sql.__self__  # type: ignore[attr-defined]
    await backlog._writer.do(lambda: connection.pragma("max_page_count", connection.pragma("page_count") + pages))


async def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    long = [f"{i}" * 900 for i in range(30)]
    async with SqliteBacklog(tmp_path / "backlog.db") as backlog:
        inbox = backlog.inbox
        await inbox.open(DAY_S, 1_000)
        await inbox.accept(delivery("a", event_id="1"))
        await fill(backlog, 0)
        with pytest.raises(NoSpaceError, match="no space is left"):
            await inbox.accept(delivery(*long, event_id="2", where=THERE))
        assert (inbox.rows, await values(inbox)) == (1, ["a"])
        await fill(backlog, 1_000)
        assert await inbox.accept(delivery(*long, event_id="2", where=THERE)) == Accepted(0, 30, 30)
    async with SqliteBacklog(tmp_path / "backlog.db") as backlog:
        await backlog.inbox.open(DAY_S, 1_000)
        assert {where: heap.rows for where, heap in backlog.inbox.heaps.items()} == {HERE: 1, THERE: 30}


async def test_a_full_disk_is_told_to_the_sender(backlog: SqliteBacklog) -> None:
    routes = read_routes([{"name": "r", "bucket": "b", "push": {"sync_task_id": "t"}}], ACCOUNTS)
    settings = ListenerSettings("own", "lines", Tokens([]))
    intake = Intake(backlog.inbox, routes)
    listener = Listener(settings, reader(settings, Vendors(Transport()), Subscriptions(Log())), intake)
    head = read_head(b"POST / HTTP/1.1\r\nHost: h")
    await fill(backlog, 0)
    body = b"\n".join(event(f"{i}" * 400, id=f"{i}") for i in range(50))
    refused = await listener.answer(head, body)
    assert (refused.status, dict(refused.headers)["Retry-After"]) == (507, "10")
    await fill(backlog, 1_000)
    taken = await listener.answer(head, body)
    assert taken.status == 202
    assert b'"repeated":0,"unrouted":0,"rows":50,"waiting":50' in taken.body
    assert (intake.counts["own"].failed, intake.counts["own"].events) == (1, 50)
