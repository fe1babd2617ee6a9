"""Every fault, as a client sees it, beside what the ledger says took effect."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from engine.emulator import Emulator

from .signed import SignedClient

NO_ANSWER = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)


def executed(ledger: dict[str, Any]) -> int:
    return sum([*ledger["triggers"].values(), *ledger["events"].values()])


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("unavailable", 503, "ServiceUnavailable"),
        ("error_500", 500, "InternalError"),
        ("nonce_used", 400, "SignatureNonceUsed"),
        ("busy", 400, "GatewayInOperation"),
        ("success_false", 200, "OperationFailed"),
    ],
)
async def test_refusals_of_alibaba_execute_nothing(client: SignedClient, fault: str, status: int, code: str) -> None:
    await client.faults(**{fault: 1})
    seen = await client.trigger()
    assert (seen.status, seen.code) == (status, code)
    if fault == "success_false":
        assert seen.json["Success"] is False
    ledger = await client.ledger()
    assert executed(ledger) == 0
    assert ledger["calls"] == {"TriggerGatewayRemoteSync": 1}
    assert ledger["answers"] == {"TriggerGatewayRemoteSync": {code: 1}}


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("unavailable", 503, "OMS.2004"),
        ("busy", 503, "OMS.2004"),
        ("error_500", 500, "APIGW.0601"),
        ("throttle", 429, "APIGW.0308"),
        ("success_false", 200, "OMS.1001"),
    ],
)
async def test_refusals_of_huawei_execute_nothing(client: SignedClient, fault: str, status: int, code: str) -> None:
    task = await client.new_sync_task()
    await client.faults(**{fault: 1})
    seen = await client.push(task, "key")
    assert (seen.status, seen.code) == (status, code)
    assert seen.headers["X-Request-Id"]
    assert executed(await client.ledger()) == 0


async def test_throttling_of_alibaba_advises_a_delay_now_and_then(client: SignedClient) -> None:
    await client.faults(throttle=1, seed=1)
    answers = [await client.trigger() for _ in range(40)]
    assert {seen.status for seen in answers} == {400}
    assert {seen.code for seen in answers} == {"Throttling.User", "Throttling.Api"}
    advised = [int(seen.headers["x-acs-retry-after"]) for seen in answers if "x-acs-retry-after" in seen.headers]
    assert 0 < len(advised) < 40
    assert all(1 <= delay_ms <= 1000 for delay_ms in advised)


async def test_reset_before_executes_nothing(client: SignedClient) -> None:
    await client.faults(reset_before=1)
    with pytest.raises(NO_ANSWER):
        await client.trigger()
    ledger = await client.ledger()
    assert executed(ledger) == 0
    assert ledger["calls"] == {}


async def test_a_nonce_lost_to_a_reset_before_is_still_good(client: SignedClient) -> None:
    await client.faults(reset_before=1)
    with pytest.raises(NO_ANSWER):
        await client.trigger(nonce="again")
    await client.faults()
    assert (await client.trigger(nonce="again")).status == 200


async def test_reset_after_executes_and_uses_up_the_nonce(client: SignedClient) -> None:
    await client.faults(reset_after=1)
    with pytest.raises(NO_ANSWER):
        await client.trigger(nonce="again")
    assert executed(await client.ledger()) == 1
    await client.faults()
    assert (await client.trigger(nonce="again")).code == "SignatureNonceUsed"


async def test_truncate_executes_and_cuts_the_body(client: SignedClient) -> None:
    await client.faults(truncate=1)
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.trigger()
    assert executed(await client.ledger()) == 1


async def test_truncate_cuts_the_head_when_there_is_no_body(client: SignedClient) -> None:
    task = await client.new_sync_task()
    await client.faults(truncate=1)
    with pytest.raises(NO_ANSWER):
        await client.push(task, "key")
    assert executed(await client.ledger()) == 1


async def test_what_a_cut_answer_looks_like_on_the_wire(emulator: Emulator, client: SignedClient) -> None:
    await client.faults(truncate=1)
    reader, writer = await asyncio.open_connection(emulator.host, emulator.port)
    writer.write(b"GET /v3/projects HTTP/1.1\r\nHost: x\r\n\r\n")
    whole = await reader.read()
    head, _, body = whole.partition(b"\r\n\r\n")
    (length,) = (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
    assert 0 < len(body) < length
    writer.close()


@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "late"])
async def test_a_reset_is_a_reset_and_no_orderly_end(emulator: Emulator, client: SignedClient, fault: str) -> None:
    await client.faults(**{fault: 1})
    reader, writer = await asyncio.open_connection(emulator.host, emulator.port)
    writer.write(b"GET /v3/projects HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_html_is_a_page_and_executes_nothing(client: SignedClient) -> None:
    await client.faults(html=1)
    seen = await client.trigger()
    assert (seen.status, seen.headers["Content-Type"]) == (200, "text/html")
    assert seen.body.startswith(b"<!DOCTYPE html>")
    assert executed(await client.ledger()) == 0


async def test_duplicate_executes_twice(client: SignedClient) -> None:
    await client.faults(duplicate=1)
    assert (await client.trigger()).status == 200
    assert executed(await client.ledger()) == 2


async def test_late_executes_after_the_connection_is_gone(client: SignedClient) -> None:
    await client.faults(late_s=0.05)
    with pytest.raises(NO_ANSWER):
        await client.trigger()
    assert executed(await client.ledger()) == 0
    deadline = time.monotonic() + 10
    while executed(await client.ledger()) == 0:
        assert time.monotonic() < deadline
    assert executed(await client.ledger()) == 1


async def test_delay_holds_back_the_answer_but_not_the_effect(client: SignedClient) -> None:
    await client.faults(delay_s=30)
    waiting = asyncio.create_task(client.trigger())
    deadline = time.monotonic() + 10
    while executed(await client.ledger()) == 0:
        assert time.monotonic() < deadline
    assert not waiting.done()
    waiting.cancel()


async def test_delay_is_within_its_range(client: SignedClient) -> None:
    await client.faults(delay_s=[0.05, 0.1])
    began = time.monotonic()
    assert (await client.trigger()).status == 200
    assert 0.05 <= time.monotonic() - began < 5


async def test_empty_lists_and_bodies(client: SignedClient) -> None:
    assert (await client.trigger()).status == 200
    await client.faults(empty=1)
    page = (await client.alibaba("DescribeTasks", TargetId="gw-1")).json
    assert (page["TotalCount"], page["Tasks"]) == (0, {"SimpleTask": []})
    blank = await client.trigger()
    assert (blank.status, blank.body) == (200, b"")
    assert executed(await client.ledger()) == 2


async def test_rejected_keys_spoil_the_whole_event(client: SignedClient) -> None:
    task = await client.new_sync_task()
    await client.faults(reject_keys=["poison/é"])
    refused = await client.push(task, "good", "poison%2F%C3%A9")
    assert (refused.status, refused.code) == (400, "OMS.0064")
    assert executed(await client.ledger()) == 0
    assert (await client.push(task, "good")).status == 200


async def test_clock_skew_shows_in_the_answers(client: SignedClient) -> None:
    await client.faults(clock_skew_s=3600)
    seen = await client.trigger()
    assert seen.code == "InvalidTimeStamp.Expired"
    at = time.mktime(time.strptime(seen.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
    assert abs(at - time.time() - 3600) < 30
    assert (await client.trigger(at=at)).status == 200
