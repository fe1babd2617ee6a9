"""`sync-task show`, `list`, `stats` and `delete`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from engine.changes import Changes
from engine.cli.everywhere import Everywhere
from engine.cli.exits import Exit
from engine.cli.following import Following
from engine.cli.output import Output
from engine.cli.performing import bring, perform
from engine.cli.sync_task import CLOUD
from engine.clouds.huawei.changes import deleted, stopped
from engine.clouds.huawei.creation import PAGE, unmarked
from engine.clouds.huawei.operations import ListSyncTasks, ListSyncTaskStatistic, ShowSyncTask
from engine.engine import Engine
from engine.errors import ConfigError, TargetError

KINDS = ("REQUEST", "SUCCESS", "FAILURE", "SKIP", "SIZE")
HOUR_MS = 3_600_000
TIMES = {"create_time", "last_start_time"}


def show(everywhere: Everywhere, sync_task_id: str, account: str) -> Exit:
    operation = ShowSyncTask(sync_task_id, int(time.time() * 1000))

    async def work(engine: Engine, output: Output) -> Exit:
        facts = asdict(await engine.do(operation, account))
        output.event("sync_task", sync_task=facts)
        output.result(*(f"{name}: {_told(name, value)}" for name, value in facts.items() if value is not None))
        return Exit.DONE

    return perform(everywhere, CLOUD, [operation], work)


def list_all(everywhere: Everywhere, status: str | None, account: str) -> Exit:
    first = ListSyncTasks(status, PAGE, 0)

    async def work(engine: Engine, output: Output) -> Exit:
        seen = 0
        while True:
            answer = await engine.do(ListSyncTasks(status, PAGE, seen), account)
            for task in answer.tasks:
                output.event("sync_task", sync_task=asdict(task))
                output.result(
                    f"{task.sync_task_id} {task.status} {task.src_cloud_type}:{task.src_bucket} -> {task.dst_bucket} "
                    f"{unmarked(task.description or '')[0]}".rstrip()
                )
            seen += len(answer.tasks)
            if not answer.tasks or seen >= (answer.count or 0):
                break
        if not seen:
            output.note("there is no sync task")
        return Exit.DONE

    return perform(everywhere, CLOUD, [first], work)


def statistics(everywhere: Everywhere, sync_task_id: str, hours: int, account: str) -> Exit:
    """How long may be asked for at once is not documented: a day is known to be taken."""
    if not 1 <= hours <= 24:
        raise ConfigError("--hours must be from 1 to 24")
    now = int(time.time() * 1000)
    operation = ListSyncTaskStatistic(sync_task_id, KINDS, now - hours * HOUR_MS, now)

    async def work(engine: Engine, output: Output) -> Exit:
        answer = await engine.do(operation, account)
        output.event("sync_task_statistic", sync_task_statistic=asdict(answer))
        totals: Mapping[str, int] = {
            data.data_type: sum(point.statistic_num for point in data.data) for data in answer.statistic_datas
        }
        output.result(*(f"{kind}: {total:,}" for kind, total in totals.items()))
        return Exit.DONE

    return perform(everywhere, CLOUD, [operation], work)


def delete(everywhere: Everywhere, sync_task_id: str, account: str, *, stop: bool) -> Exit:
    change = deleted(sync_task_id)

    async def work(engine: Engine, output: Output) -> Exit:
        if stop:
            try:
                await Changes(engine, told=output.note).bring(stopped(sync_task_id), account)
            except TargetError as error:
                if error.code not in change.proving:
                    raise
        return await bring(engine, output, change, sync_task_id, Following(account=account))

    return perform(everywhere, CLOUD, [change.act], work)


def _told(name: str, value: Any) -> str:
    return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC" if name in TIMES else str(value)
