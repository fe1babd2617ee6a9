"""Many creates under every fault, judged by the clouds' own count of what took effect."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine import Engine
from engine.creates import Created, Creates
from tests.creates.conftest import SCALED, Clouds, group_creation, task_creation

AT_ONCE = 12
PER_TENANT = 2  # one of which may exist twice for a moment

# Scaled by a hundred, so 0.2 s are the 20 s by which a lost request may be late.
MIXES: Mapping[str, Mapping[str, Any]] = {
    "dropped": {"reset_after": 0.4},
    "late": {"late": 0.4, "late_s": [0.0, 0.2]},
    "reset": {"reset_before": 0.4},
    "truncated": {"truncate": 0.4},
    "5xx": {"unavailable": 0.2, "error_500": 0.2},
    "throttled": {"throttle": 0.3},
    "everything": {
        "reset_before": 0.1, "reset_after": 0.1, "truncate": 0.1, "html": 0.1, "late": 0.1, "late_s": [0.0, 0.2],
        "unavailable": 0.05, "error_500": 0.05, "throttle": 0.05,
    },
}  # fmt: skip


async def create_tasks(engine: Engine, number: int, *, settle: bool = False) -> list[Created]:
    creates, room = Creates(engine, SCALED), asyncio.Semaphore(AT_ONCE)

    async def one(n: int) -> Created:
        async with room:
            account = f"huawei-tenant{n // PER_TENANT}"
            created = await creates.create(task_creation(n), account)
        if settle and (settled := await creates.settle(task_creation(n), account)):
            assert settled.id == created.id
        return created

    return await asyncio.gather(*(one(n) for n in range(number)))


async def live_tasks(engine: Engine, number: int) -> Counter[str | None]:
    lists = [await engine.do(oms.ListSyncTasks(limit=100), f"huawei-tenant{n}") for n in range(number // PER_TENANT)]
    return Counter(task.src_bucket for answer in lists for task in answer.tasks)


async def many_tasks(clouds: Clouds, mix: str, number: int) -> None:
    clouds.set(seed=7, operations={"CreateSyncTask": MIXES[mix]})
    async with clouds.engine(tenants=number // PER_TENANT) as engine:
        made = await create_tasks(engine, number)
        clouds.clear()
        effects = clouds.created("CreateSyncTask")
        assert len(effects) == number, "lost, or made under two markers"
        assert set(effects.values()) == {1}, "doubled"
        assert await live_tasks(engine, number) == {f"from-{n}": 1 for n in range(number)}
        assert len({created.id for created in made}) == number
        struck = sum(created.attempts > 1 or created.how == "recovered" for created in made)
        assert struck >= number / 10, "the faults did not strike"
        again = await create_tasks(engine, number)
        assert [created.id for created in again] == [created.id for created in made]
        assert {created.how for created in again} == {"exists"}
        assert clouds.created("CreateSyncTask") == effects


async def many_groups(clouds: Clouds, mix: str, number: int) -> None:
    clouds.set(seed=7, operations={"CreateExpressSync": {**MIXES[mix], "duplicate": 0.2, "nonce_used": 0.1}})
    async with clouds.engine() as engine:
        creates, room = Creates(engine, SCALED), asyncio.Semaphore(AT_ONCE)

        async def one(n: int) -> Created:
            async with room:
                return await creates.create(group_creation(n))

        made = await asyncio.gather(*(one(n) for n in range(number)))
        clouds.clear()
        assert clouds.created("CreateExpressSync") == {f"group-{n}": 1 for n in range(number)}
        listed = {group.express_sync_id: group.name for group in (await engine.do(sgw.DescribeExpressSyncs())).items}
        assert [listed[created.id] for created in made] == [f"group-{n}" for n in range(number)]
        again = await asyncio.gather(*(one(n) for n in range(number)))
        assert [(created.id, created.how) for created in again] == [(created.id, "exists") for created in made]


async def executed_twice(clouds: Clouds, number: int) -> None:
    """The server does it twice: only looking afterwards helps. Some also so late that we have long gone on."""
    late = {"duplicate": 0.4, "late": 0.2, "late_s": [0.5, 0.7], "reset_after": 0.1}
    clouds.set(seed=7, operations={"CreateSyncTask": late})
    async with clouds.engine(tenants=number // PER_TENANT) as engine:
        await create_tasks(engine, number, settle=True)
        clouds.clear()
        effects = clouds.created("CreateSyncTask")
        assert len(effects) == number
        assert sum(effects.values()) > number * 1.2, "the faults did not strike"
        assert await live_tasks(engine, number) == {f"from-{n}": 1 for n in range(number)}


@pytest.mark.parametrize("mix", MIXES)
async def test_sync_tasks_are_created_once(clouds: Clouds, mix: str) -> None:
    await many_tasks(clouds, mix, 60)


@pytest.mark.parametrize("mix", MIXES)
async def test_groups_are_created_once(clouds: Clouds, mix: str) -> None:
    await many_groups(clouds, mix, 60)


async def test_what_was_executed_twice_is_removed(clouds: Clouds) -> None:
    await executed_twice(clouds, 60)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mix", MIXES)
async def test_a_thousand_of_each(clouds: Clouds, mix: str) -> None:
    await many_tasks(clouds, mix, 1000)
    await many_groups(clouds, mix, 1000)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_a_thousand_executed_twice(clouds: Clouds) -> None:
    await executed_twice(clouds, 1000)
