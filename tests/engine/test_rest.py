"""What cannot go on is left alone, ever longer, and no longer than nothing has changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from engine import CredentialsError, Engine, Limits, Options, Push, Trigger, UnauthorizedError
from engine.clouds import TaskPage
from engine.clouds import clouds as clouds_by_name
from engine.errors import TargetError
from engine.model import Fetched, Reply, Send
from engine.rest import Rest
from engine.run import Run
from signers import Credentials
from tests.engine.conftest import Clouds


async def length_s(rest: Rest, *, longer: bool = True) -> float:
    """How long the next one is to be."""
    before = rest._clock()
    await rest.take(longer=longer)
    return round(rest.until - before, 2)


async def test_each_rest_is_twice_as_long_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.rest.LONGEST_S", 0.3)
    rest = Rest(0.1, clock=lambda: 5.0)
    assert [await length_s(rest) for _ in range(4)] == pytest.approx([0.1, 0.2, 0.3, 0.3], abs=0.05)


async def test_after_it_went_on_for_longer_than_it_had_rested_the_next_rest_is_short() -> None:
    now = 5.0
    rest = Rest(0.05, clock=lambda: now)
    for _ in range(3):
        await rest.take()
    now += 0.15
    assert await length_s(rest) == pytest.approx(0.4, abs=0.05)
    now += 0.45
    assert await length_s(rest) == pytest.approx(0.05, abs=0.03)


async def test_where_trying_does_no_harm_rests_are_short() -> None:
    rest = Rest(0.05, clock=lambda: 5.0)
    assert [await length_s(rest, longer=False) for _ in range(3)] == pytest.approx([0.05] * 3, abs=0.03)


async def test_a_rest_that_is_cut_is_over_and_the_next_one_is_the_first() -> None:
    rest = Rest(60.0)
    for _ in range(2):
        resting = asyncio.create_task(rest.take())
        await asyncio.sleep(0)
        assert 50.0 < rest.until - time.monotonic() < 70.0
        rest.cut()
        await resting


async def test_what_changes_while_it_is_being_tried_has_it_tried_once_more() -> None:
    rest = Rest(60.0)
    rest.cut()
    async with asyncio.timeout(5):
        await rest.take()
    resting = asyncio.create_task(rest.take())
    await asyncio.sleep(0.05)
    assert not resting.done()
    rest.cut()
    await resting


async def nothing(send: Send) -> Fetched:
    raise CredentialsError("there is no such file")


async def test_an_account_without_credentials_keeps_nobody_from_beginning(clouds: Clouds) -> None:
    without = replace(clouds.gateways, credentials=nothing)
    options = Options(limits=Limits(again_s=3600.0))
    task = await clouds.sync_task()
    async with Engine([without, clouds.buckets], ":memory:", options=options) as engine:
        outcomes = engine.run([Push("k", task)])
        assert (await anext(outcomes)).state == "accepted"
        engine.drain()
        with pytest.raises(CredentialsError, match="no such file"):
            await anext(outcomes)
    with pytest.raises(CredentialsError, match="no such file"):
        async with Engine([without], ":memory:", options=options):
            pass


async def test_tasks_of_a_target_that_is_gone_for_a_while_are_not_given_up(
    clouds: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = clouds_by_name()["alibaba"]
    polled, gone = cloud.polled, iter(range(3))

    def seldom(reply: Reply) -> TaskPage:
        if next(gone, None) is not None:
            raise TargetError("GatewayNotExist", code="GatewayNotExist")
        return polled(reply)

    monkeypatch.setattr(cloud, "polled", seldom)
    for again_s, state in ((3600.0, "succeeded"), (None, "failed")):
        gone = iter(range(3))
        options = Options(limits=Limits(again_s=again_s, backoff_s=0.01))
        async with Engine([clouds.gateways], ":memory:", options=options) as engine:
            assert [outcome.state async for outcome in engine.run([Trigger("gw-1", "NFSx", "/a")])] == [state]


async def test_an_account_that_may_go_on_while_the_run_ends_stays_as_it_is(clouds: Clouds) -> None:
    clouds.set(operations={"CreateSyncEvents": {"delay_s": 1.0}})
    wrong = replace(clouds.gateways, credentials=Credentials("emulator-ak", "not-the-secret"))
    rows = [Push("k", await clouds.sync_task()), Trigger("gw-1", "NFSx", "/a")]
    options = Options(limits=Limits(again_s=3600.0))
    async with Engine([wrong, clouds.buckets], ":memory:", options=options) as engine:

        async def end() -> None:
            def both(run: Run | None) -> bool:
                return run is not None and bool(run.left_alone and run.starters["buckets"].lane.in_flight)

            while not both(engine.current):  # noqa: ASYNC110 - as the clouds say
                await asyncio.sleep(0.01)
            engine.drain()
            assert engine.current
            engine.current.try_again()

        ending = asyncio.create_task(end())
        with pytest.raises(UnauthorizedError):
            assert [outcome.state async for outcome in engine.run(rows)] == ["accepted"]
        await ending


async def test_an_account_goes_on_as_soon_as_it_has_other_credentials(
    clouds: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.client.LOOK_S", 0.01)
    found = Credentials("emulator-ak", "not-the-secret")

    async def profile(send: Send) -> Fetched:
        return Fetched(found, "a file", look_again_s=0.0)

    account = replace(clouds.gateways, credentials=profile)
    options = Options(limits=Limits(again_s=3600.0), wait=False)

    async def until(left_alone: bool) -> None:
        while bool(engine.current and engine.current.left_alone) is not left_alone:  # noqa: ASYNC110 - as a cloud says
            await asyncio.sleep(0.01)

    async def rows() -> AsyncIterator[Trigger]:
        nonlocal found
        yield Trigger("gw-1", "NFSx", "/a")
        await until(left_alone=True)
        found = Credentials("emulator-ak", "emulator-sk")
        await until(left_alone=False)

    async with Engine([account], ":memory:", options=options) as engine:
        async with asyncio.timeout(30):
            assert [outcome.state async for outcome in engine.run(rows())] == ["accepted"]
