"""Clock skew: set right from the cloud's Date, within bounds, and never a second time for the same refusal."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from email.utils import formatdate

import pytest

from engine.client import Client
from engine.engine import Engine
from engine.errors import CallError, UnauthorizedError
from engine.model import Account, Call
from engine.run import Options
from engine.server_clock import EVERY_S, MOST_S, ServerClock
from engine.transport import Transport
from signers import Credentials

from .conftest import KEY, Emulated
from .work import directories, work

KNOWN = Credentials(KEY["access_key_id"], KEY["secret"])


class Clock:
    def __init__(self) -> None:
        self.time = 1.7e9

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server_clock(clock: Clock) -> ServerClock:
    return ServerClock(clock, monotonic=clock)


@pytest.mark.parametrize("skew_s", [7200.0, -7200.0, MOST_S - 1, 1 - MOST_S])
def test_it_takes_the_clouds_time(
    server_clock: ServerClock, clock: Clock, skew_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "syncmux"):
        assert server_clock.correct(formatdate(clock.time + skew_s, usegmt=True), 0.0, "mine")
    assert (server_clock.offset_s, server_clock.now()) == (skew_s, clock.time + skew_s)
    (record,) = caplog.records
    assert f"account mine: the cloud's clock is {skew_s:+.0f} s off ours" in record.getMessage()


@pytest.mark.parametrize("date", ["", "nonsense", "Tue, 99 Nov 2023 23:13:20 GMT", formatdate(1.7e9 + 2 * MOST_S)])
def test_it_believes_no_nonsense(server_clock: ServerClock, date: str) -> None:
    assert not server_clock.correct(date, 0.0, "mine")
    assert server_clock.offset_s == 0.0


def test_who_was_refused_at_the_same_time_signs_again_with_the_time_that_is_set(server_clock: ServerClock) -> None:
    assert server_clock.correct(formatdate(1.7e9 + 7200), 0.0, "mine")
    assert server_clock.correct(formatdate(1.7e9 + 9999), 0.0, "mine")
    assert server_clock.offset_s == 7200.0


def test_it_is_set_once_an_hour(server_clock: ServerClock, clock: Clock) -> None:
    assert server_clock.correct(formatdate(clock.time + 7200), 0.0, "mine")
    clock.time += EVERY_S - 1
    assert not server_clock.correct(formatdate(clock.time), 7200.0, "mine")
    clock.time += 2
    assert server_clock.correct(formatdate(clock.time), 7200.0, "mine")
    assert server_clock.offset_s == 0.0


def accounts(emulated: Emulated) -> list[Account]:
    alibaba = replace(emulated.account("alibaba", "metadata"), credentials=KNOWN)
    rpc = replace(alibaba, name="rpc", settings={"signature": "rpc"})
    huawei = replace(emulated.account("huawei", "metadata"), credentials=KNOWN)
    return [alibaba, rpc, huawei]


def look(account: Account) -> Call:
    if account.cloud == "huawei":
        return Call("KeystoneListProjects", "GET", "/v3/projects", service="iam")
    return Call("DescribeTasks", params={"TargetId": "gw-1"})


@pytest.mark.parametrize("which", [0, 1, 2], ids=["acs3", "rpc", "sdk-hmac"])
@pytest.mark.parametrize("skew_s", [7200.0, -7200.0])
async def test_calls_are_signed_again_with_the_clouds_time(emulated: Emulated, which: int, skew_s: float) -> None:
    account = accounts(emulated)[which]
    emulated.set(clock_skew_s=skew_s)
    async with Transport() as transport:
        client = Client(transport, [account])
        call = look(account)
        assert (await client.call(account.name, call, lambda reply: reply.status)) == 200
        assert sum(emulated.ledger()["refused"].values()) == 1
        assert client.callers[account.name].clock.offset_s == pytest.approx(skew_s, abs=3)
        await asyncio.gather(*(client.call(account.name, call, lambda reply: None) for _ in range(20)))
        assert sum(emulated.ledger()["refused"].values()) == 1


async def test_many_that_are_refused_at_once_each_go_once_more(emulated: Emulated) -> None:
    account = accounts(emulated)[0]
    emulated.set(clock_skew_s=7200)
    async with Transport() as transport:
        client = Client(transport, [account])
        await asyncio.gather(*(client.call("alibaba", look(account), lambda reply: None) for _ in range(50)))
        assert 1 <= emulated.ledger()["refused"]["InvalidTimeStamp.Expired"] <= 50
        assert emulated.calls("DescribeTasks") == 50


@pytest.mark.parametrize("skew_s", [25 * 3600.0, -25 * 3600.0])
async def test_a_clock_that_is_further_off_is_not_believed(emulated: Emulated, skew_s: float) -> None:
    account = accounts(emulated)[2]
    emulated.set(clock_skew_s=skew_s)
    async with Transport() as transport:
        client = Client(transport, [account])
        with pytest.raises(UnauthorizedError, match="signature expired"):
            await client.call(account.name, look(account), lambda reply: None)
        assert emulated.ledger()["refused"] == {"APIGW.0301": 1}


async def test_a_refusal_is_never_met_with_more_of_the_same(emulated: Emulated) -> None:
    account = accounts(emulated)[2]
    async with Transport() as transport:
        client = Client(transport, [account])
        call = look(account)
        emulated.set(clock_skew_s=7200)
        await client.call(account.name, call, lambda reply: None)
        emulated.set(clock_skew_s=-7200)
        with pytest.raises(UnauthorizedError):  # the clock has been set within the hour
            await client.call(account.name, call, lambda reply: None)
        assert emulated.ledger()["refused"] == {"APIGW.0301": 2}


@pytest.mark.parametrize("which", [0, 1, 2])
async def test_a_wrong_secret_is_tried_once(emulated: Emulated, which: int) -> None:
    account = accounts(emulated)[which]
    account = replace(account, credentials=Credentials(KEY["access_key_id"], "wrong-secret"))
    async with Transport() as transport:
        client = Client(transport, [account])
        with pytest.raises(CallError) as refused:
            await client.insist(account.name, look(account), lambda reply: None)
        assert isinstance(refused.value, UnauthorizedError)
        assert sum(emulated.ledger()["refused"].values()) == 1


async def test_work_goes_on_under_a_wrong_clock(emulated: Emulated) -> None:
    emulated.set(clock_skew_s=-3600)
    async with Engine(accounts(emulated)[:1], ":memory:", rate=500, options=Options(wait=False)) as engine:
        assert await work(engine, directories(100)) == {"accepted": 100}
    assert len(emulated.ledger()["triggers"]) == 100
