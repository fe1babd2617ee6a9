"""What a source offers goes in, however much of it there is at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.backlog.inbox_tables import Move
from engine.backlog.sqlite import SqliteBacklog
from engine.daemon.intake import Intake
from engine.daemon.log import Log
from engine.daemon.sources.offering import Offering
from engine.notifications import Kind, ObjectEvent
from engine.routes import read_routes
from tests.daemon.test_inbox import want
from tests.test_routes import ACCOUNTS

ROUTE = {"name": "r", "bucket": "b", "push": {"sync_task_id": "t"}}


async def test_more_than_may_ever_wait_goes_in_in_parts() -> None:
    events = [ObjectEvent("b", key, Kind.CREATED, "created", "s", key) for key in "abcdefgh"]
    async with SqliteBacklog(":memory:") as backlog:
        await backlog.inbox.open(60.0, 8)
        intake, offering = Intake(backlog.inbox, read_routes([ROUTE], ACCOUNTS)), Offering("s", None, Log())
        assert (await offering.offer(intake, events[:4])).taken == 4
        offered = await offering.offer(intake, [*events, events[0]._replace(key="another, with an id that is known")])
        assert (offered.taken, offered.repeated) == (4, 5)
        assert offering.trouble == ""


async def test_it_keeps_what_it_has_while_the_backlog_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.daemon.sources.offering.NO_SPACE_S", 0.0)
    path, away = tmp_path / "backlog.db", tmp_path / "away.db"
    async with SqliteBacklog(path) as backlog:
        await backlog.inbox.open(60.0, 8)
        intake, offering = Intake(backlog.inbox, read_routes([ROUTE], ACCOUNTS)), Offering("s", None, Log())
        path.rename(away)
        await backlog.find_files()
        offered = asyncio.create_task(offering.offer(intake, [ObjectEvent("b", "k", Kind.CREATED, "created", "s", "")]))
        while not offering.trouble:
            await asyncio.sleep(0)
            assert not offered.done()
        away.rename(path)
        await backlog.find_files()
        assert (await offered).taken == 1
        assert (offering.trouble, backlog.inbox.rows) == ("", 1)


async def test_it_goes_on_when_there_is_room_whatever_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.daemon.sources.offering.LOOK_S", 0.0)
    monkeypatch.setattr("engine.backlog.inbox.FIRST_RETRY_S", 3600.0)
    events = [ObjectEvent("b", key, Kind.CREATED, "created", "s", key) for key in "abcd"]
    async with SqliteBacklog(":memory:") as backlog:
        inbox = backlog.inbox
        await inbox.open(60.0, 3)
        intake, offering = Intake(inbox, read_routes([ROUTE], ACCOUNTS)), Offering("s", None, Log())
        await offering.offer(intake, events[:3])
        offered = asyncio.create_task(offering.offer(intake, events[3:]))
        while not offering.trouble:
            await asyncio.sleep(0)
            assert not offered.done()
        (destination,) = inbox.heaps
        (found,) = await inbox.due([want(destination)])
        assert found
        await inbox.move([Move(destination, found[-1][0], len(found), [], [])])
        async with asyncio.timeout(20):
            assert (await offered).taken == 1
