"""Whole runs on credentials that end: renewed before anybody is refused, and after a refusal that came early."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from engine.client import Client
from engine.clouds.huawei.create_sync_task import CreateSyncTask
from engine.engine import Engine
from engine.errors import CredentialsError, UnauthorizedError
from engine.model import Account, Fetched, Send
from engine.transport import Transport
from signers import Credentials

from .conftest import KEY, Emulated
from .work import directories, keys, work

PASSWORD = {
    "HW_USER_NAME": KEY["access_key_id"],
    "HW_USER_PASSWORD": KEY["secret"],
    "HW_DOMAIN_NAME": KEY["account"],
}
ISSUED = {"alibaba": "AlibabaMetadataKeys", "huawei": "HuaweiMetadataKeys"}


async def sync_task(account: Account) -> str:
    given = {"src_region": "r", "src_bucket": "b", "src_ak": "a", "src_sk": "s"}
    async with Engine([account], ":memory:") as engine:
        made = await engine.do(CreateSyncTask(**given, dst_ak="d", dst_sk="e", dst_region="cn-north-4", dst_bucket="x"))
        return made.sync_task_id


async def test_keys_that_end_during_a_run_are_renewed_before_they_do(emulated: Emulated) -> None:
    emulated.set(temporary_s=2.0, task_s=0.02)
    async with Engine([emulated.account("alibaba", "metadata")], ":memory:", rate=200) as engine:
        assert await work(engine, directories(700)) == {"succeeded": 700}
    ledger = emulated.ledger()
    assert ledger["refused"] == {}
    assert set(ledger["triggers"].values()) == {1}
    assert emulated.calls(ISSUED["alibaba"]) >= 3


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_keys_that_end_early_are_renewed_once_for_all_who_are_refused(emulated: Emulated, cloud: str) -> None:
    emulated.set(temporary_s=300, task_s=0.02)
    account = emulated.account(cloud, "metadata")
    rows = directories(400) if cloud == "alibaba" else keys(4000, await sync_task(account))
    emulated.forget()
    async with Engine([account], ":memory:", rate=400) as engine:
        # The cloud's clock jumps: the keys are over, and signatures are still in time.
        assert set(
            await work(engine, rows, at=50, then=lambda: emulated.set(temporary_s=300, clock_skew_s=600, task_s=0.02))
        ) == {"succeeded" if cloud == "alibaba" else "accepted"}
    ledger = emulated.ledger()
    expired = {"alibaba": "InvalidSecurityToken.Expired", "huawei": "APIGW.0301"}[cloud]
    assert set(ledger["refused"]) == {expired}
    assert emulated.calls(ISSUED[cloud]) == 2
    assert set(ledger["triggers" if cloud == "alibaba" else "events"].values()) == {1}


async def test_a_password_becomes_a_token_which_is_renewed(emulated: Emulated) -> None:
    emulated.set(temporary_s=300)
    account = emulated.account("huawei", "password", **PASSWORD)
    task = await sync_task(account)
    emulated.forget()
    async with Engine([account], ":memory:", rate=200) as engine:
        states = await work(
            engine, keys(2000, task), at=50, then=lambda: emulated.set(temporary_s=300, clock_skew_s=600)
        )
    assert states == {"accepted": 2000}
    ledger = emulated.ledger()
    assert set(ledger["refused"]) == {"APIGW.0307"}
    assert emulated.calls("KeystoneCreateUserTokenByPassword") == 2
    assert emulated.calls("KeystoneListProjects") == 0, "the token says which project it is for"
    assert len(ledger["events"]) == 2000


async def test_a_wrong_password_ends_the_account_before_anything_is_sent(emulated: Emulated) -> None:
    account = emulated.account("huawei", "password", **PASSWORD | {"HW_USER_PASSWORD": "MARKERdontshow"})
    with pytest.raises(CredentialsError, match="does not accept the name and the password") as refused:
        async with Engine([account], ":memory:"):
            pytest.fail("it was entered")
    assert "MARKER" not in str(refused.value)
    assert emulated.calls("KeystoneCreateUserTokenByPassword") == 1


async def test_a_metadata_service_that_comes_late_is_waited_for(emulated: Emulated) -> None:
    emulated.set(operations={"AlibabaMetadataKeys": {"unavailable": 1}})

    async def repaired() -> None:
        while await asyncio.to_thread(emulated.calls, "AlibabaMetadataKeys") < 2:
            pass
        await asyncio.to_thread(emulated.set)

    async with Engine([emulated.account("alibaba", "metadata")], ":memory:") as engine:
        repair = asyncio.create_task(repaired())
        assert await work(engine, directories(3)) == {"succeeded": 3}
        await repair


async def test_a_source_that_dries_up_stops_its_account_and_no_other(emulated: Emulated) -> None:
    """A source of the script's own, whose keys the cloud takes for over."""
    known = Credentials(KEY["access_key_id"], KEY["secret"])
    sets = iter([Fetched(Credentials("emulator-ak", "emulator-sk"), "mine", expires_at=1.0)])

    async def dries_up(send: Send) -> Fetched:
        del send
        for fetched in sets:
            return fetched
        raise CredentialsError("the well is dry")

    dry = replace(emulated.account("alibaba", "metadata"), name="dry", credentials=dries_up)
    good = replace(dry, name="good", credentials=known)
    rows = [row._replace(account=name) for row in directories(20) for name in ("dry", "good")]
    async with Engine([dry, good], ":memory:", rate=500) as engine:
        caller = engine._client.callers["dry"]
        await caller.credentials.renew(await caller.credentials.current())
        with pytest.raises(UnauthorizedError, match="the well is dry"):
            await work(engine, rows)
    triggers = emulated.ledger()["triggers"]
    assert len(triggers) == 20


async def test_what_won_is_reported(emulated: Emulated, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "syncmux"):
        async with Transport() as transport:
            client = Client(transport, [emulated.account("huawei", "metadata")])
            await client.prepare("huawei")
            held = client.callers["huawei"].credentials.held
    assert held
    assert held.source == "the metadata service"
    assert held.expires_at
    assert "account huawei: credentials from the metadata service, until 2" in caplog.text
