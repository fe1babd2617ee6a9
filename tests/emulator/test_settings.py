"""The settings of faults: names, values, seeds, scopes."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from engine.emulator import Emulator
from engine.emulator.settings import OUTCOMES

from .signed import Seen, SignedClient

NO_ANSWER = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)


async def test_the_same_seed_gives_the_same_sequence(client: SignedClient) -> None:
    async def sequence(seed: int, *, disturbed: bool) -> list[tuple[int, str]]:
        await client.faults(seed=seed, throttle=0.3, unavailable=0.2, busy=0.2)
        answers: list[Seen] = []
        for _ in range(30):
            answers.append(await client.trigger())
            if disturbed:
                await client.alibaba("DescribeTasks", TargetId="gw-1")
        return [(seen.status, seen.code) for seen in answers]

    first = await sequence(7, disturbed=False)
    assert len(set(first)) > 2
    assert await sequence(7, disturbed=True) == first
    assert await sequence(8, disturbed=False) != first


async def test_a_fault_of_one_operation_leaves_the_others_alone(client: SignedClient) -> None:
    await client.faults(unavailable=1, operations={"DescribeTasks": {"unavailable": 0}})
    assert (await client.trigger()).status == 503
    assert (await client.alibaba("DescribeTasks", TargetId="gw-1")).status == 200


async def test_operations_have_sequences_of_their_own(emulator: Emulator) -> None:
    emulator.faults.replace({"seed": 1, "throttle": 0.5})
    one, other = ([emulator.faults.draw(name).outcome for _ in range(50)] for name in ("A", "B"))
    assert one != other


async def test_probabilities_hold(emulator: Emulator) -> None:
    emulator.faults.replace({"seed": 3, "throttle": 0.2, "reset_after": 0.1})
    outcomes = [emulator.faults.draw("CreateSyncEvents").outcome for _ in range(20_000)]
    assert abs(outcomes.count("throttle") / 20_000 - 0.2) < 0.01
    assert abs(outcomes.count("reset_after") / 20_000 - 0.1) < 0.01
    assert set(outcomes) == {"", "throttle", "reset_after"}


@pytest.mark.parametrize(
    ("faults", "named"),
    [
        ({"trottle": 0.1}, "trottle"),
        ({"operations": {"DescribeTasks": {"gateway_slots": 1}}}, "operations.DescribeTasks.gateway_slots"),
        ({"throttle": 1.5}, "throttle"),
        ({"throttle": True}, "throttle"),
        ({"delay_s": [2, 1]}, "delay_s"),
        ({"delay_s": -1}, "delay_s"),
        ({"seed": "x"}, "seed"),
        ({"rate": {"DescribeTasks": 0}}, "rate"),
        ({"reject_keys": "k"}, "reject_keys"),
        ({"forbidden": "gw-1"}, "forbidden"),
        ({"gateway_slots": 0.5}, "gateway_slots"),
        ({"throttle": 0.6, "unavailable": 0.6}, "add up to 1.2"),
        ({"throttle": 0.6, "operations": {"DescribeTasks": {"busy": 0.6}}}, "operations.DescribeTasks"),
    ],
)
async def test_wrong_settings_are_named_and_change_nothing(
    client: SignedClient, faults: dict[str, Any], named: str
) -> None:
    await client.faults(busy=1)
    refused = await client.faults(**faults)
    assert refused.status == 400
    assert named in refused.json["error"]
    assert (await client.send("GET", "/_emulator/faults", {})).json["busy"] == 1


async def test_settings_are_replaced_and_cleared(client: SignedClient) -> None:
    await client.faults(busy=1)
    await client.faults(throttle=1)
    assert (await client.send("GET", "/_emulator/faults", {})).json == {"task_s": 0.0, "throttle": 1}
    assert (await client.send("DELETE", "/_emulator/faults", {})).json == {"task_s": 0.0}
    assert (await client.send("PUT", "/_emulator/faults", {}, b"{")).status == 400
    assert (await client.send("PUT", "/_emulator/faults", {}, b"[]")).status == 400


async def test_every_outcome_has_an_effect(client: SignedClient) -> None:
    """No fault is a name only: each changes what comes back from a trigger."""
    plain = (await client.trigger()).json.keys()
    for outcome in OUTCOMES:
        await client.faults(**{outcome: 1})
        try:
            seen = await client.trigger()
        except NO_ANSWER:
            continue
        assert seen.status != 200 or not seen.body.startswith(b"{") or seen.json.keys() != plain, outcome
