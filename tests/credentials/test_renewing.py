"""Renewal: once for everybody, before the end, without anybody waiting, whole or not at all."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from engine.credentials import Renewing
from engine.credentials.renewing import MAX_PAUSE_S
from engine.errors import CredentialsError, TransportError
from engine.model import Fetched
from signers import Credentials

LIFE_S = 3600.0


class Clock:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.time = 1e9

    def __call__(self) -> float:
        return self.time


class Provider:
    """Hands out a new set at each call, once it is let."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.calls = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.failure: Exception | None = None
        self.life_s: float | None = LIFE_S
        self.look_again_s: float | None = None

    async def __call__(self) -> Fetched:
        self.calls += 1
        number = self.calls
        await self.may_answer.wait()
        if self.failure:
            raise self.failure
        ends = None if self.life_s is None else self.clock() + self.life_s
        return Fetched(_set(number), f"set {number}", ends, self.look_again_s)


def _set(number: int) -> Credentials:
    return Credentials(f"id-{number}", f"secret-{number}", f"token-{number}")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def provider(clock: Clock) -> Provider:
    return Provider(clock)


@pytest.fixture
async def renewing(provider: Provider, clock: Clock) -> Renewing:
    return Renewing(provider, "mine", clock=clock, monotonic=clock)


async def settled(renewing: Renewing) -> None:
    """The renewal under way has ended, if there is one."""
    if renewing._task:
        await asyncio.wait((renewing._task,))


async def test_two_hundred_at_once_cause_one_renewal(renewing: Renewing, provider: Provider) -> None:
    provider.may_answer.clear()
    waiters = [asyncio.create_task(renewing.current()) for _ in range(200)]
    await asyncio.sleep(0)
    provider.may_answer.set()
    found = await asyncio.gather(*waiters)
    assert provider.calls == 1
    assert {id(each) for each in found} == {id(renewing.held)}


async def test_the_loop_goes_on_while_two_hundred_wait() -> None:
    renewals = 0

    async def slow() -> Fetched:
        nonlocal renewals
        renewals += 1
        await asyncio.sleep(0.2)
        return Fetched(_set(1))

    renewing = Renewing(slow)
    waiters = asyncio.gather(*(renewing.current() for _ in range(200)))
    lag_s, lags = 0.0, 0
    while not waiters.done():
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        lag_s, lags = max(lag_s, time.perf_counter() - before - 0.001), lags + 1
    assert len(await waiters) == 200
    assert renewals == 1
    assert lags > 20
    assert lag_s < 0.02


async def test_it_is_renewed_before_the_end_while_the_old_one_is_used(
    renewing: Renewing, provider: Provider, clock: Clock
) -> None:
    first = await renewing.current()
    clock.time += LIFE_S - 601
    assert await renewing.current() is first
    assert provider.calls == 1
    provider.may_answer.clear()
    clock.time += 2  # less than ten minutes are left
    assert await renewing.current() is first
    await asyncio.sleep(0)
    assert provider.calls == 2
    assert await renewing.current() is first
    provider.may_answer.set()
    await settled(renewing)
    assert (await renewing.current()).credentials == _set(2)
    assert provider.calls == 2


async def test_a_short_life_is_renewed_in_its_last_fifth(renewing: Renewing, provider: Provider, clock: Clock) -> None:
    provider.life_s = 10.0
    first = await renewing.current()
    clock.time += 7.9
    assert await renewing.current() is first
    await settled(renewing)
    assert provider.calls == 1
    clock.time += 0.2
    assert await renewing.current() is first
    await settled(renewing)
    assert provider.calls == 2


async def test_a_failing_renewal_leaves_the_old_ones_in_force_to_their_end(
    renewing: Renewing, provider: Provider, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    first = await renewing.current()
    provider.failure = TransportError("nobody is there")
    clock.time += LIFE_S - 500
    with caplog.at_level(logging.WARNING, "syncmux"):
        assert await renewing.current() is first
        await settled(renewing)
    assert "account mine: credentials cannot be renewed (nobody is there); those in force are used until" in caplog.text
    assert tuple(renewing.unrenewed or ()) == ("nobody is there", 500.0)
    clock.time += 0.4
    assert await renewing.current() is first
    assert provider.calls == 2, "a pause comes after a failure"
    clock.time += 0.2
    assert await renewing.current() is first
    await settled(renewing)
    assert provider.calls == 3
    clock.time += 500  # past the end
    with pytest.raises(TransportError, match="nobody is there"):
        await renewing.current()
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
    _, left_s = renewing.unrenewed or ("", 0.0)
    assert left_s < 0
    provider.failure = None
    clock.time += MAX_PAUSE_S
    assert (await renewing.current()).credentials == _set(5)
    assert (renewing.failure, renewing.unrenewed) == (None, None)


async def test_those_that_are_doubted_stay_in_force_if_the_source_fails_just_then(
    renewing: Renewing, provider: Provider, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    first = await renewing.current()
    renewing.doubt()
    assert (await renewing.current()).credentials == _set(2), "not before it is known what is in force"
    provider.failure = TransportError("nobody is there")
    renewing.doubt()
    with caplog.at_level(logging.WARNING, "syncmux"):
        held = await asyncio.gather(*(renewing.current() for _ in range(3)))
    assert [each.credentials for each in held] == [_set(2)] * 3 != [first.credentials] * 3
    assert "those in force are used until" in caplog.text
    assert tuple(renewing.unrenewed or ()) == ("nobody is there", LIFE_S)
    clock.time += LIFE_S
    with pytest.raises(TransportError):
        await renewing.current()


async def test_failures_in_a_row_do_not_become_a_storm(renewing: Renewing, provider: Provider, clock: Clock) -> None:
    provider.failure = TransportError("nobody is there")
    for _ in range(600):
        with pytest.raises(TransportError):
            await renewing.current()
        clock.time += 0.1
    assert provider.calls == 7  # at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s


async def test_everybody_gets_an_error_of_his_own(renewing: Renewing, provider: Provider) -> None:
    provider.failure = TransportError("nobody is there", sent=False)
    errors = await asyncio.gather(*(renewing.current() for _ in range(3)), return_exceptions=True)
    assert len({id(error) for error in errors}) == 3
    assert [(type(error), getattr(error, "sent", None)) for error in errors] == [(TransportError, False)] * 3


async def test_a_source_of_the_users_own_may_fail_in_any_way(renewing: Renewing, provider: Provider) -> None:
    provider.failure = KeyError("MARKERdontshow")
    with pytest.raises(CredentialsError, match=r"failed \(KeyError\)") as told:
        await renewing.current()
    assert "MARKER" not in repr(told.value)


async def test_who_waits_may_be_cancelled_and_the_others_wait_on(renewing: Renewing, provider: Provider) -> None:
    provider.may_answer.clear()
    first, second = (asyncio.create_task(renewing.current()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    provider.may_answer.set()
    assert (await second).credentials == _set(1)
    assert provider.calls == 1


async def test_a_renewal_survives_everybody_who_waited(renewing: Renewing, provider: Provider) -> None:
    provider.may_answer.clear()
    waiter = asyncio.create_task(renewing.current())
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.wait((waiter,))
    provider.may_answer.set()
    await settled(renewing)
    assert (await renewing.current()).credentials == _set(1)
    assert provider.calls == 1


async def test_what_the_cloud_refuses_is_renewed_once_for_all_who_were_refused(
    renewing: Renewing, provider: Provider
) -> None:
    refused = await renewing.current()
    assert await asyncio.gather(*(renewing.renew(refused) for _ in range(50))) == [True] * 50
    assert provider.calls == 2
    assert await renewing.renew(refused), "who comes late finds it done"
    assert provider.calls == 2


async def test_what_the_cloud_refuses_is_not_used_again(renewing: Renewing, provider: Provider) -> None:
    refused = await renewing.current()
    provider.failure = TransportError("nobody is there")
    for _ in range(2):  # the second time in the pause after the first
        with pytest.raises(TransportError):
            await renewing.renew(refused)
        with pytest.raises(TransportError):
            await renewing.current()
    assert provider.calls == 2


async def test_a_source_that_has_no_other_set_is_no_help() -> None:
    fetched = Fetched(_set(1))

    async def static() -> Fetched:
        return fetched

    renewing = Renewing(static)
    assert await renewing.renew(await renewing.current()) is False


async def test_a_file_is_looked_at_again_and_half_written_ones_change_nothing(
    renewing: Renewing, provider: Provider, clock: Clock
) -> None:
    provider.life_s, provider.look_again_s = None, 60.0
    first = await renewing.current()
    clock.time += 59
    assert await renewing.current() is first
    provider.failure = CredentialsError("keys.json is not a JSON object")
    clock.time += 2
    assert await renewing.current() is first
    await settled(renewing)
    assert await renewing.current() is first
    provider.failure = None
    clock.time += 1
    await renewing.current()
    await settled(renewing)
    assert (await renewing.current()).credentials == _set(3)


async def test_a_set_that_seems_to_have_ended_is_the_clouds_to_judge(
    renewing: Renewing, provider: Provider, clock: Clock
) -> None:
    provider.life_s = -7200.0  # our clock is two hours ahead
    first = await renewing.current()
    for _ in range(10):
        assert await renewing.current() is first
    assert provider.calls == 1
    assert await renewing.renew(first), "which it has"
    first = await renewing.current()
    assert provider.calls == 2
    clock.time -= 7200 + 1800  # the cloud's Date has set it right
    assert await renewing.current() is first
    await settled(renewing)


async def test_closing_leaves_nothing_behind(renewing: Renewing, provider: Provider) -> None:
    provider.may_answer.clear()
    waiter = asyncio.create_task(renewing.current())
    await asyncio.sleep(0)
    await renewing.close()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert not [task for task in asyncio.all_tasks() if "credentials" in task.get_name()]
