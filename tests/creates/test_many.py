"""Many creates under every fault, judged by the clouds' own count of what took effect."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import Engine
from engine.clouds.creation import Creation
from engine.creates import Created, Creates
from tests.creates.conftest import SCALED, Clouds, group_creation, task_creation

AT_ONCE = 30
PER_TENANT = 2  # of five sync tasks that one may have: each may exist twice for a moment

# Scaled by a hundred, so 0.2 s are the 20 s by which a lost request may be late.
MIXES: Mapping[str, Mapping[str, Any]] = {
    "reset before": {"reset_before": 0.4},
    "reset after": {"reset_after": 0.4},
    "truncated": {"truncate": 0.4},
    "late": {"late": 0.4, "late_s": [0.0, 0.2]},
    "5xx": {"unavailable": 0.2, "error_500": 0.2},
    "throttled": {"throttle": 0.3},
    "twice": {"duplicate": 0.4},
    "too late": {"duplicate": 0.4, "late": 0.2, "late_s": [0.5, 0.7], "reset_after": 0.1},  # when we have long gone on
    "everything": {
        "reset_before": 0.1, "reset_after": 0.1, "truncate": 0.1, "html": 0.1, "late": 0.1, "late_s": [0.0, 0.2],
        "unavailable": 0.05, "error_500": 0.05, "throttle": 0.05, "nonce_used": 0.05, "duplicate": 0.1,
    },
}  # fmt: skip
TWICE = {name for name, mix in MIXES.items() if "duplicate" in mix}


class Kind(NamedTuple):
    operation: str
    creation: Callable[[int], Creation]
    account: Callable[[int], str]
    live: Callable[[Engine, int], Awaitable[Counter[str | None]]]  # by the name of what was wanted
    name: Callable[[int], str]
    names_are_unique: bool  # then the cloud itself refuses a second one


async def live_tasks(engine: Engine, number: int) -> Counter[str | None]:
    tenants = {KINDS["sync task"].account(n) for n in range(number)}
    lists = [await engine.do(oms.ListSyncTasks(limit=100), tenant) for tenant in tenants]
    return Counter(task.src_bucket for answer in lists for task in answer.tasks)


async def live_groups(engine: Engine, _number: int) -> Counter[str | None]:
    return Counter(group.name for group in (await engine.do(sgw.DescribeExpressSyncs())).items)


KINDS = {
    "sync task": Kind(
        "CreateSyncTask", task_creation, lambda n: f"huawei-tenant{n // PER_TENANT}", live_tasks,
        lambda n: f"from-{n}", False,
    ),
    "group": Kind("CreateExpressSync", group_creation, lambda n: "", live_groups, lambda n: f"group-{n}", True),
}  # fmt: skip


async def create_all(engine: Engine, kind: Kind, number: int, *, settle: bool = False) -> list[Created]:
    creates, room = Creates(engine, SCALED), asyncio.Semaphore(AT_ONCE)

    async def one(n: int) -> Created:
        async with room:
            created = await creates.create(kind.creation(n), kind.account(n))
        if settle and (settled := await creates.settle(kind.creation(n), kind.account(n))):
            assert settled.id == created.id
            assert not settled.surplus
        return created

    return await asyncio.gather(*(one(n) for n in range(number)))


async def many(clouds: Clouds, kind: Kind, mix: str, number: int) -> str:
    """Create, judge, and create once more; returns the figures."""
    clouds.set(seed=7, operations={kind.operation: MIXES[mix]})
    async with clouds.engine(tenants=number // PER_TENANT) as engine:
        made = await create_all(engine, kind, number, settle=mix == "too late")
        clouds.clear()
        answers: dict[str, int] = clouds.ledger()["answers"][kind.operation]
        effects, live = clouds.created(kind.operation), await kind.live(engine, number)
        repeated = sum(effects.values()) - len(effects)
        assert len(effects) == number, "lost, or made under two markers"
        assert live == {kind.name(n): 1 for n in range(number)}, "doubled or lost"
        assert len({created.id for created in made}) == number
        if mix not in TWICE or kind.names_are_unique:
            assert not repeated, "doubled"
        struck = sum(answers.values()) - answers.get("200", 0) + repeated
        if mix != "twice" or not kind.names_are_unique:
            assert struck >= number / 10, "the faults did not strike"
        again = await create_all(engine, kind, number)
        assert [(created.id, created.how) for created in again] == [(created.id, "exists") for created in made]
        assert clouds.created(kind.operation) == effects
    return (
        f"{kind.operation:<17} {mix:<12} {number} intents, {sum(answers.values())} requests, {struck} faults: "
        f"{len(effects)} carried out, {repeated} executed once more and removed; "
        f"{live.total()} live, {live.total() - len(live)} doubled, {number - len(live)} lost"
    )


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("kind", KINDS)
async def test_each_is_created_once(clouds: Clouds, kind: str, mix: str) -> None:
    await many(clouds, KINDS[kind], mix, 60)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_thousand_of_each(clouds: Clouds, capsys: pytest.CaptureFixture[str], kind: str, mix: str) -> None:
    figures = await many(clouds, KINDS[kind], mix, 1000)
    with capsys.disabled():
        print(f"\n{figures}")
