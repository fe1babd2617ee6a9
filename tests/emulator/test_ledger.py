"""The ledger, the arrivals, and the rest of the emulator's own interface."""

from __future__ import annotations

import time

import orjson

from engine.emulator import Emulator
from engine.emulator.ledger import MAX_ARRIVALS, Ledger

from .signed import SignedClient


async def test_an_empty_ledger(client: SignedClient) -> None:
    empty: dict[str, object] = {name: {} for name in ("triggers", "events", "creates", "calls", "answers", "refused")}
    assert await client.ledger() == empty
    await client.trigger()
    assert await client.ledger() != empty
    await client.send("DELETE", "/_emulator/ledger", {})
    assert await client.ledger() == empty


async def test_refused_requests_are_no_calls(client: SignedClient) -> None:
    await client.with_key("nobody", "x").trigger()
    await client.with_key("nobody", "x").huawei("GET", "/v3/projects")
    ledger = await client.ledger()
    assert (ledger["calls"], ledger["answers"]) == ({}, {})
    assert ledger["refused"] == {"InvalidAccessKeyId.NotFound": 1, "APIGW.0301": 1}


async def test_answers_that_nobody_saw_are_counted_as_such(client: SignedClient) -> None:
    await client.faults(duplicate=1, html=0.5, seed=1)
    codes: dict[str, int] = {}
    for _ in range(20):
        seen = await client.trigger()
        code = "html" if seen.body.startswith(b"<") else "200"
        codes[code] = codes.get(code, 0) + 1
    ledger = await client.ledger()
    assert ledger["answers"]["TriggerGatewayRemoteSync"] == codes
    assert ledger["calls"]["TriggerGatewayRemoteSync"] == codes["200"]
    assert ledger["triggers"] == {"gw-1|NFSshare|/dir": 2 * codes["200"]}


async def test_a_million_keys_are_streamed(client: SignedClient, emulator: Emulator) -> None:
    emulator.ledger.events["task"] = {f"dir/file-{number}.txt": 1 for number in range(1_000_000)}
    reading = client.send("GET", "/_emulator/ledger", {})
    body = (await reading).body
    assert body.count(b'"task|dir/file-') == 1_000_000
    assert len(orjson.loads(body)["events"]) == 1_000_000


def test_a_ledger_may_change_while_it_is_dumped() -> None:
    ledger = Ledger()
    ledger.events["t"] = {str(number): 1 for number in range(20_000)}
    dumped = b""
    for piece in ledger.dump():
        dumped += piece
        ledger.pushed("t", [f"new {len(dumped)}"])
        ledger.pushed(f"task {len(dumped)}", ["k"])
    assert len(orjson.loads(dumped)["events"]) >= 20_000


def test_a_ledger_may_be_cleared_while_it_is_dumped() -> None:
    ledger = Ledger()
    ledger.pushed("t", [str(number) for number in range(20_000)])
    dump = ledger.dump()
    begun = next(dump) + next(dump) + next(dump)
    ledger.clear()
    assert len(orjson.loads(begun + b"".join(dump))["events"]) == 20_000
    assert ledger.events == {}


def test_names_of_any_kind_are_dumped() -> None:
    ledger = Ledger()
    ledger.pushed("t", ['"\\\n\0é中🔑', ""])
    ledger.triggered("gw-1", "NFSa", "/\ufffd")
    dumped = orjson.loads(b"".join(ledger.dump()))
    assert dumped["events"] == {'t|"\\\n\0é中🔑': 1, "t|": 1}
    assert len(dumped["triggers"]) == 1


async def test_arrivals_are_recorded_when_asked(client: SignedClient) -> None:
    target = "/_emulator/arrivals?operation=TriggerGatewayRemoteSync"
    await client.trigger()
    assert (await client.send("GET", target, {})).json["arrivals"] == []
    await client.faults(record_arrivals=True, throttle=1)
    before = time.monotonic()
    for _ in range(3):
        await client.trigger()
    arrivals = (await client.send("GET", target, {})).json["arrivals"]
    assert len(arrivals) == 3
    assert before <= arrivals[0] <= arrivals[1] <= arrivals[2] <= time.monotonic()
    assert (await client.send("GET", "/_emulator/arrivals", {})).status == 400


async def test_the_moments_of_effects_are_recorded_when_asked(client: SignedClient) -> None:
    await client.trigger()
    assert (await client.send("GET", "/_emulator/moments", {})).json == {}
    await client.faults(record_arrivals=True)
    before = time.monotonic()
    await client.trigger()
    await client.trigger()
    moments = (await client.send("GET", "/_emulator/moments", {})).json
    assert list(moments) == ["gw-1|NFSshare|/dir"]
    first, last = moments["gw-1|NFSshare|/dir"]
    assert before <= first < last <= time.monotonic()
    await client.send("DELETE", "/_emulator/ledger", {})
    assert (await client.send("GET", "/_emulator/moments", {})).json == {}


def test_arrivals_are_bounded() -> None:
    ledger = Ledger()
    for _ in range(MAX_ARRIVALS + 10):
        ledger.arrived("X", 1.0)
    assert len(ledger.arrivals["X"]) == MAX_ARRIVALS


async def test_what_the_interface_does_not_offer(client: SignedClient) -> None:
    for method, path in (("POST", "ledger"), ("GET", "nothing"), ("DELETE", "arrivals")):
        assert (await client.send(method, f"/_emulator/{path}", {})).status == 404
