"""The commands that some operations have of their own, each run once for its operation to take place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms

from .here import Here

Run: TypeAlias = Callable[..., list[dict[str, Any]]]
"""The command's words are there already; it takes what follows them, and gives the events."""

BUCKET = ("--bucket-region", "cn-hangzhou", "--bucket-name", "bucket-1")


async def trigger(run: Run, here: Here) -> None:
    rows = f"gateway_id,index_id,path\n{here.gateway},NFSa,/b\n".encode()
    (summary,) = [event for event in run("-", stdin=rows) if event["event"] == "summary"]
    assert summary["succeeded"] == 1
    assert here.ledger()["triggers"][f"{here.gateway}|NFSa|/b"] == 1


async def create_group(run: Run, here: Here) -> None:
    (event,) = run("group", *BUCKET)
    (group,) = (await here.see(sgw.DescribeExpressSyncs())).items
    assert (event["id"], group.name) == (group.express_sync_id, "group")


async def list_groups(run: Run, here: Here) -> None:
    group = await here.group()
    assert [event["express_sync"]["express_sync_id"] for event in run()] == [group]


async def list_shares(run: Run, here: Here) -> None:
    group = await here.group(shares=["a"])
    assert [event["share"]["share_name"] for event in run(group)] == ["a"]


async def add_shares(run: Run, here: Here) -> None:
    group = await here.group()
    run(group, f"{here.gateway}/a b", "--wait")
    assert await here.shares(group) == {"a b"}


async def remove_shares(run: Run, here: Here) -> None:
    group = await here.group(shares=["a", "b"])
    run(group, f"{here.gateway}/a", "--wait")
    assert await here.shares(group) == {"b"}


async def validate(run: Run, here: Here) -> None:
    (event,) = run("group", *BUCKET)
    assert event["valid"] is True


async def delete_group(run: Run, here: Here) -> None:
    run(await here.group(), "--wait")
    assert (await here.see(sgw.DescribeExpressSyncs())).items == ()


async def push(run: Run, here: Here) -> None:
    task = await here.sync_task()
    run("-", "--sync-task", task, stdin=b"a b\n")
    assert here.ledger()["events"][f"{task}|a b"] == 1


async def create_task(run: Run, here: Here) -> None:
    places = ("--src-region", "cn-beijing", "--src-bucket", "from", "--dst-region", "cn-north-4", "--dst-bucket", "to")
    (event,) = run(*places)
    assert await here.status(event["id"]) == "SYNCHRONIZING"


async def start_task(run: Run, here: Here) -> None:
    task = await here.sync_task(stopped=True)
    run(task)
    assert await here.status(task) == "SYNCHRONIZING"


async def stop_task(run: Run, here: Here) -> None:
    task = await here.sync_task()
    run(task)
    assert await here.status(task) == "STOPPED"


async def show_task(run: Run, here: Here) -> None:
    task = await here.sync_task(description="shown")
    (event,) = run(task)
    assert event["sync_task"]["description"] == "shown"


async def list_tasks(run: Run, here: Here) -> None:
    task = await here.sync_task()
    assert [event["sync_task"]["sync_task_id"] for event in run()] == [task]


async def statistics(run: Run, here: Here) -> None:
    task = await here.sync_task()
    (event,) = run(task)
    assert event["sync_task_statistic"]["sync_task_id"] == task


async def delete_task(run: Run, here: Here) -> None:
    run(await here.sync_task(stopped=True))
    assert (await here.see(oms.ListSyncTasks())).count == 0


class Command(NamedTuple):
    words: str
    used: Callable[[Run, Here], Awaitable[None]]


COMMANDS: Mapping[str, Command] = {
    "TriggerGatewayRemoteSync": Command("trigger", trigger),
    "DescribeTasks": Command("trigger", trigger),
    "CreateExpressSync": Command("express-sync create", create_group),
    "DeleteExpressSync": Command("express-sync delete", delete_group),
    "DescribeExpressSyncs": Command("express-sync list", list_groups),
    "DescribeExpressSyncShares": Command("express-sync shares", list_shares),
    "AddSharesToExpressSync": Command("express-sync add-shares", add_shares),
    "RemoveSharesFromExpressSync": Command("express-sync remove-shares", remove_shares),
    "ValidateExpressSyncConfig": Command("express-sync validate", validate),
    "CreateSyncTask": Command("sync-task create", create_task),
    "StartSyncTask": Command("sync-task start", start_task),
    "StopSyncTask": Command("sync-task stop", stop_task),
    "DeleteSyncTask": Command("sync-task delete", delete_task),
    "ListSyncTasks": Command("sync-task list", list_tasks),
    "ShowSyncTask": Command("sync-task show", show_task),
    "ListSyncTaskStatistic": Command("sync-task stats", statistics),
    "CreateSyncEvents": Command("push", push),
}
