"""Calls of an account whose credentials give trouble: what is tried again, what is not, and what was sent."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from engine.client import Client
from engine.errors import (
    ConfigError,
    CredentialsError,
    ExpiredCredentialsError,
    InputError,
    ListenError,
    SyncmuxError,
    TransportError,
    UnauthorizedError,
)
from engine.model import Account, AuthToken, Call, Fetched, Send, Source
from engine.transport import Transport
from signers import Credentials, SignedRequest
from tests.clouds.recorder import Recorder, Seen, recording

CALL = Call("DescribeTasks")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with recording() as running:
        yield running


def account(recorder: Recorder, credentials: Credentials | AuthToken | Source) -> Account:
    return Account("mine", "alibaba", "cn-shanghai", credentials, {"sgw": recorder.url})


def expired(_seen: Seen) -> tuple[int, str, bytes]:
    return 400, "application/json", orjson.dumps({"Code": "InvalidSecurityToken.Expired", "Message": "no"})


async def test_credentials_that_end_at_once_are_renewed_once_a_call(recorder: Recorder) -> None:
    numbers = iter(range(100))

    async def always_another(_send: Send) -> Fetched:
        return Fetched(Credentials(f"id-{next(numbers)}", "secret"))

    recorder.answer = expired
    async with Transport() as transport:
        client = Client(transport, [account(recorder, always_another)])
        with pytest.raises(ExpiredCredentialsError):
            await client.call("mine", CALL, lambda reply: None)
    used = [seen.headers["authorization"].partition("Credential=")[2].partition(",")[0] for seen in recorder.seen]
    assert used == ["id-0", "id-1"]


async def test_credentials_of_which_there_are_no_others_are_tried_once(recorder: Recorder) -> None:
    recorder.answer = expired
    async with Transport() as transport:
        client = Client(transport, [account(recorder, Credentials("id", "secret"))])
        with pytest.raises(ExpiredCredentialsError):
            await client.insist("mine", CALL, lambda reply: None)
    assert len(recorder.seen) == 1


async def test_a_call_without_credentials_was_not_sent(recorder: Recorder) -> None:
    async def unreachable(_send: Send) -> Fetched:
        raise TransportError("the vault is closed")

    async with Transport() as transport:
        client = Client(transport, [account(recorder, unreachable)])
        with pytest.raises(TransportError, match="alibaba DescribeTasks: credentials: the vault is closed") as failed:
            await client.call("mine", CALL, lambda reply: None)
    assert failed.value.sent is False
    assert not recorder.seen


async def test_a_source_may_ask_over_the_transport_of_its_account(recorder: Recorder) -> None:
    async def asks(send: Send) -> Fetched:
        reply = await send(SignedRequest("GET", f"{recorder.url}/keys", {}, b""))
        return Fetched(Credentials(orjson.loads(reply.body)["Code"], "secret"))

    async with Transport() as transport:
        client = Client(transport, [account(recorder, asks)])
        await client.call("mine", CALL, lambda reply: None)
    assert [seen.path for seen in recorder.seen] == ["/keys", "/"]
    assert "Credential=200," in recorder.seen[1].headers["authorization"]


async def test_credentials_of_a_kind_that_the_cloud_does_not_take(recorder: Recorder) -> None:
    async with Transport() as transport:
        client = Client(transport, [account(recorder, AuthToken("token"))])
        with pytest.raises(CredentialsError, match="account mine: only access keys can be used"):
            await client.ready()


async def test_a_source_without_credentials_ends_the_account(recorder: Recorder) -> None:
    async def empty(_send: Send) -> Fetched:
        raise CredentialsError("there are none")

    async with Transport() as transport:
        client = Client(transport, [account(recorder, empty)])
        with pytest.raises(CredentialsError, match="there are none"):
            await client.prepare("mine")
        with pytest.raises(UnauthorizedError, match="there are none") as refused:
            await client.call("mine", CALL, lambda reply: None)
    assert refused.value.sent is False


@pytest.mark.parametrize("failure", [ListenError("not yet"), InputError("not yet"), ConfigError("not yet")])
async def test_whatever_a_source_raises_keeps_what_is_in_force(recorder: Recorder, failure: SyncmuxError) -> None:
    given = [Fetched(Credentials("id", "secret"), look_again_s=0.0)]

    async def once(_send: Send) -> Fetched:
        if given:
            return given.pop()
        raise failure

    async with Transport() as transport:
        client = Client(transport, [account(recorder, once)])
        await client.ready()
        client.doubt("mine")
        await client.renew(["mine"])
        assert client.unrenewed["mine"].why == "not yet"
        await client.call("mine", CALL, lambda reply: None)
        assert len(recorder.seen) == 1
        client.callers["mine"].credentials.held = None
        with pytest.raises(UnauthorizedError, match="not yet"):
            await client.call("mine", CALL, lambda reply: None)


async def test_settings_that_come_with_renewed_credentials_may_be_of_no_use(recorder: Recorder) -> None:
    given = [{"signature": "acs9"}, {}]

    async def worse(_send: Send) -> Fetched:
        return Fetched(Credentials("id", "secret"), settings=given.pop())

    async with Transport() as transport:
        client = Client(transport, [account(recorder, worse)])
        await client.ready()
        client.doubt("mine")
        await client.renew(["mine"])
        with pytest.raises(ConfigError, match="signature 'acs9'"):
            await client.ready()
