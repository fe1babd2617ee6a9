"""A sync task's counters begin at zero each month: one that was used last month is not taken for one that never was.

What was created twice is undone only if nobody has used it. Nothing else is computed from these counters.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import orjson
import pytest

from engine.clouds.huawei.creation import MONTH_MS, MOST_MONTHS, SyncTaskCreation
from engine.clouds.huawei.operations import CreateSyncTask, DeleteSyncTask, ShowSyncTask, StopSyncTask
from engine.clouds.operation import Operation
from engine.engine import Engine
from engine.intents import Patience
from engine.lookup import Lookup
from engine.model import Reply

HOUR_MS = 3_600_000
CREATION = SyncTaskCreation(
    CreateSyncTask(
        src_region="cn-north-4",
        src_bucket="from",
        src_ak="src-ak",
        src_sk="src-sk",
        dst_region="cn-north-4",
        dst_bucket="to",
        dst_ak="dst-ak",
        dst_sk="dst-sk",
    )
)


class OneTask:
    """The cloud, as far as it is asked for one sync task. Its months begin in a time zone that nobody was told."""

    def __init__(self, created_ms: int, used: dict[int, int], zone_h: float = 0.0) -> None:
        """`used` is when the task was pushed how many objects."""
        self.created_ms = created_ms
        self.done: list[Operation[Any]] = []
        self._zone = timezone(timedelta(hours=zone_h))
        self._used = used

    async def do(self, operation: Operation[Any], account: str) -> Any:
        if not isinstance(operation, ShowSyncTask):
            self.done.append(operation)
            return None
        month = self._month(operation.query_time)
        count = sum(number for at, number in self._used.items() if self._month(at) == month)
        body = {
            "sync_task_id": operation.sync_task_id,
            "status": "SYNCHRONIZING",
            "create_time": self.created_ms,
            "monthly_acceptance_request": count,
        }
        return operation.read(Reply(200, {}, orjson.dumps(body)))

    def _month(self, at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, self._zone).strftime("%Y-%m")


async def undone(task: OneTask) -> bool:
    lookup = Lookup(cast("Engine", task), CREATION, "a", Patience())
    removed = await lookup.removed("t")
    assert task.done == ([StopSyncTask("t"), DeleteSyncTask("t")] if removed else [])
    return removed


def now_ms() -> int:
    return int(time.time() * 1000)


async def test_one_that_nobody_has_used_is_undone() -> None:
    assert await undone(OneTask(now_ms() - 60_000, {}))
    assert await undone(OneTask(now_ms() + 60_000, {})), "the cloud's clock is ahead"
    assert await undone(OneTask(now_ms() - 3 * MONTH_MS, {}))


@pytest.mark.parametrize("months", [0, 1, 2, 5])
@pytest.mark.parametrize("zone_h", [-12.0, 0.0, 8.0, 14.0])
async def test_one_that_was_used_in_any_month_is_not(months: int, zone_h: float) -> None:
    created = now_ms() - months * MONTH_MS - HOUR_MS
    assert not await undone(OneTask(created, {created + 60_000: 1}, zone_h))


async def test_one_that_is_too_old_to_know_is_not() -> None:
    assert not await undone(OneTask(now_ms() - MOST_MONTHS * MONTH_MS - HOUR_MS, {}))


@pytest.mark.parametrize("zone_h", [-12.0, 0.0, 8.0, 14.0])
def test_whatever_the_zone_every_month_is_asked_for(zone_h: float) -> None:
    """From minutes before the end of a month to minutes after it, and over a year with its short February."""
    zone = timezone(timedelta(hours=zone_h))
    born = datetime(2026, 12, 31, 23, 50, tzinfo=zone)
    for now in (born + timedelta(minutes=20), born + timedelta(days=28), born + timedelta(days=60, minutes=20)):
        task = CREATION.probe("t", now.timestamp()).read(
            Reply(200, {}, orjson.dumps({"sync_task_id": "t", "create_time": int(born.timestamp() * 1000)}))
        )
        shows = [CREATION.probe("t", now.timestamp()), *CREATION.earlier("t", task, now.timestamp())]
        asked = [show.query_time for show in shows if isinstance(show, ShowSyncTask)]
        months = {datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).strftime("%Y-%m") for at in asked}
        day = born
        while day <= now:
            assert day.strftime("%Y-%m") in months
            day += timedelta(days=1)
