"""Whole runs on credentials that end: renewed before anybody is refused, and after a refusal that came early."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import replace

import pytest

from engine.client import Client
from engine.engine import Engine
from engine.errors import CredentialsError, UnauthorizedError
from engine.model import Fetched, Send
from engine.run import Options
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


async def test_keys_that_end_during_a_run_are_renewed_before_they_do(emulated: Emulated, sync_task: str) -> None:
    account = emulated.account("huawei", "metadata")
    emulated.set(temporary_s=1.0)
    async with Engine([account], ":memory:", rate=200) as engine:
        assert await work(engine, keys(4000, sync_task)) == {"accepted": 4000}
    ledger = emulated.ledger()
    assert ledger["refused"] == {}
    assert set(ledger["events"].values()) == {1}
    assert emulated.calls(ISSUED["huawei"]) >= 3


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_keys_that_end_early_are_renewed_once_for_all_who_are_refused(
    emulated: Emulated, sync_task: str, cloud: str
) -> None:
    emulated.set(temporary_s=300)
    account = emulated.account(cloud, "metadata")
    rows = directories(200) if cloud == "alibaba" else keys(2000, sync_task)
    async with Engine([account], ":memory:", rate=400, options=Options(wait=False)) as engine:
        # The cloud's clock jumps: the keys are over, and signatures are still in time.
        states = await work(engine, rows, at=50, then=lambda: emulated.set(temporary_s=300, clock_skew_s=600))
    assert states == {"accepted": len(rows)}
    ledger = emulated.ledger()
    expired = {"alibaba": "InvalidSecurityToken.Expired", "huawei": "APIGW.0301"}[cloud]
    assert set(ledger["refused"]) == {expired}
    assert emulated.calls(ISSUED[cloud]) == 2
    assert set(ledger["triggers" if cloud == "alibaba" else "events"].values()) == {1}


async def test_a_password_becomes_a_token_which_is_renewed(emulated: Emulated, sync_task: str) -> None:
    emulated.set(temporary_s=300)
    account = emulated.account("huawei", "password", **PASSWORD)
    async with Engine([account], ":memory:", rate=400) as engine:
        states = await work(
            engine, keys(2000, sync_task), at=50, then=lambda: emulated.set(temporary_s=300, clock_skew_s=600)
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
    assert emulated.ledger()["refused"] == {"401": 1}


async def test_a_metadata_service_that_comes_late_is_waited_for(emulated: Emulated) -> None:
    emulated.set(operations={"AlibabaMetadataKeys": {"unavailable": 1}})
    async with Engine([emulated.account("alibaba", "metadata")], ":memory:") as engine:
        assert emulated.calls("AlibabaMetadataKeys") == 1
        emulated.set()
        assert await work(engine, directories(3)) == {"succeeded": 3}


async def test_a_source_that_dries_up_stops_its_account_and_no_other(emulated: Emulated) -> None:
    """A source of the script's own, whose keys the cloud takes for over."""
    known = Credentials(KEY["access_key_id"], KEY["secret"])
    sets = iter([Fetched(known, "mine", expires_at=time.time() + 0.3)])

    async def dries_up(send: Send) -> Fetched:
        del send
        for fetched in sets:
            return fetched
        raise CredentialsError("the well is dry")

    dry = replace(emulated.account("alibaba", "metadata"), name="dry", credentials=dries_up)
    good = replace(dry, name="good", credentials=known)
    rows = [row._replace(account=name) for row in directories(200) for name in ("dry", "good")]
    async with Engine([dry, good], ":memory:", rate=200, options=Options(wait=False)) as engine:
        with pytest.raises(UnauthorizedError, match="the well is dry"):
            await work(engine, rows)
    triggers = Counter(emulated.ledger()["triggers"].values())
    assert triggers.total() == 200, "the good account's"
    assert 0 < triggers[2] < 200, "the dry one's, until the end of its keys"


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
