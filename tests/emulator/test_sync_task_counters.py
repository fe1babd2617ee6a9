"""Huawei Cloud OMS: a sync task's counters, by month and by five minutes."""

from __future__ import annotations

import time

import pytest

from engine.emulator.sync_task import MAX_POINTS, OBJECT_BYTES, SyncTask, statistic_step

from .signed import SignedClient


@pytest.mark.parametrize(
    ("query", "code"), [("", "OMS.1004"), ("query_time=now", "OMS.1010"), ("query_time=-1", "OMS.1010")]
)
async def test_show_needs_a_time(client: SignedClient, query: str, code: str) -> None:
    refused = await client.huawei("GET", await client.new_sync_task(), query=query)
    assert (refused.status, refused.code) == (400, code)


async def test_counters_are_of_the_month_that_is_asked_for(client: SignedClient) -> None:
    task = await client.new_sync_task()
    await client.push(task, "a", "b")
    now = (await client.huawei("GET", task, query=f"query_time={int(time.time() * 1000)}")).json
    assert (now["monthly_acceptance_request"], now["monthly_success_object"]) == (2, 2)
    assert (now["monthly_size"], now["monthly_failure_object"]) == (2 * OBJECT_BYTES, 0)
    earlier = (await client.huawei("GET", task, query="query_time=1700000000000")).json
    assert earlier["monthly_acceptance_request"] == 0


def test_success_follows_acceptance_after_the_copying() -> None:
    task = SyncTask("id", "p", {}, 0, 0)
    for tenth in range(100):
        task.accept(10, tenth / 10, copy_s=2.0)
    counts = task.month(0)
    assert (counts.request, counts.success) == (1000, 800)
    task.settle(10.95)
    assert counts.success == 900
    task.settle(100.0)
    assert (counts.success, counts.size) == (1000, 1000 * OBJECT_BYTES)


def test_the_counters_of_a_long_life_stay_small() -> None:
    task = SyncTask("id", "p", {}, 0, 0)
    for number in range(2 * MAX_POINTS):
        task.accept(1, number * 300.0, copy_s=0.0)
    assert len(task.points) <= MAX_POINTS
    for number in range(100_000):
        task.accept(1, 1e9 + number / 1e6, copy_s=60.0)
    assert len(task._copying) < 10


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("end_time=2&start_time=1", "OMS.1004"),
        ("data_type=REQUEST&end_time=2", "OMS.1004"),
        ("data_type=REQUEST%2CSPEED&end_time=2&start_time=1", "OMS.0064"),
        ("data_type=REQUEST&end_time=1&start_time=2", "OMS.0051"),
    ],
)
async def test_statistics_that_are_refused(client: SignedClient, query: str, code: str) -> None:
    refused = await client.huawei("GET", f"{await client.new_sync_task()}/statistics", query=query)
    assert (refused.status, refused.code) == (400, code)


def test_statistics_grow_coarser_and_leave_out_what_is_zero() -> None:
    task = SyncTask("id", "p", {}, 0, 0)
    for minute in (0, 1, 7, 61):
        task.accept(1, minute * 60.0, copy_s=0.0)
    fine = [{"time_stamp": 0, "statistic_num": 2}, {"time_stamp": 300_000, "statistic_num": 1}]
    assert task.statistic("request", 0, 3_599_999, 300_000) == fine
    coarse = [{"time_stamp": 0, "statistic_num": 3}, {"time_stamp": 3_600_000, "statistic_num": 1}]
    assert task.statistic("request", 0, 7_200_000, 3_600_000) == coarse
    assert statistic_step(0, 24 * 3_600_000) == ("FIVE_MINUTES", 300_000)
    assert statistic_step(0, 40 * 24 * 3_600_000) == ("ONE_HOUR", 3_600_000)
