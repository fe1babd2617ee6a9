"""`sync-task`: the sync tasks of Huawei Cloud OMS. What the commands need is imported when they run."""
# ruff: noqa: PLC0415

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Group, Parameter

from engine.cli.everywhere import FLAG, WHOLE, Everywhere
from engine.cli.following import Following

_EVERYWHERE, _FOLLOWING = Everywhere(), Following()
CLOUD = "huawei"

sync_task = App(
    name="sync-task",
    help="Create, start, stop, show and delete sync tasks (Huawei Cloud OMS).",
    help_format="plaintext",
)


@Parameter(name="*", group=Group("Options of the sync task", sort_key=5))
@dataclass(frozen=True, slots=True, kw_only=True)
class More:
    """Everything of a sync task that is not required. What is not given is the cloud's default."""

    src_cloud_type: str | None = None
    "AWS, Azure, Aliyun, Tencent, HuaweiCloud, QingCloud, KingsoftCloud, Baidu, Qiniu or UCloud [Aliyun]."

    description: str | None = None
    "Up to 226 characters; a marker is added to it."

    enable_metadata_migration: bool | None = None
    "Take over objects' metadata too."

    enable_restore: bool | None = None
    "Restore archived objects before they are read."

    enable_kms: bool | None = None
    "Encrypt at the destination with KMS."

    dst_storage_policy: str | None = None
    "STANDARD, IA, ARCHIVE, DEEP_ARCHIVE or SRC_STORAGE_MAPPING [STANDARD]."

    consistency_check: str | None = None
    "size_last_modified, crc64 or transmission [size_last_modified]."

    app_id: str | None = None
    "Required for Tencent."

    src_crypto_type: str | None = None
    "How the source's keys are encrypted: DEFAULT or KMS."

    src_kms_key_id: str | None = None
    dst_crypto_type: str | None = None
    dst_kms_key_id: str | None = None


@Parameter(name="*", group=Group("Source through a CDN", sort_key=6))
@dataclass(frozen=True, slots=True, kw_only=True)
class Cdn:
    """Read the source's objects through a CDN."""

    cdn_domain: str | None = None
    cdn_protocol: str = "https"
    cdn_authentication_type: str = "NONE"
    "Its key is SYNCMUX_CDN_AUTHENTICATION_KEY, or cdn_authentication_key in the file of keys."


_MORE, _CDN = More(), Cdn()
_KEYS = "TOML file, private to you, with src_ak, src_sk, dst_ak, dst_sk; SYNCMUX_SRC_AK and so on win over it."


@sync_task.command
def create(
    *,
    src_region: str,
    src_bucket: str,
    dst_region: str,
    dst_bucket: str,
    more: More = _MORE,
    cdn: Cdn = _CDN,
    keys: Annotated[Path | None, Parameter(help=_KEYS)] = None,
    if_not_exists: bool = True,
    following: Following = _FOLLOWING,
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Create a sync task once; it is started at once. A tenant has five at most.

    Run again, the same command gives the same task, and says that it exists already.

    Args:
        if_not_exists: Take a task between the same buckets with the same description for this one.
    """
    from dataclasses import asdict

    from engine.changes import Changed, Changes
    from engine.cli.bucket_keys import CDN, bucket_keys
    from engine.cli.exits import Exit
    from engine.cli.output import Output
    from engine.cli.performing import create as create_once
    from engine.cli.performing import follow, perform
    from engine.clouds.huawei.changes import started
    from engine.clouds.huawei.creation import SyncTaskCreation
    from engine.clouds.huawei.operations import CreateSyncTask, SourceCdn, StartSyncTask
    from engine.engine import Engine

    secrets = bucket_keys(keys)
    cdn_key = secrets.pop(CDN, None)
    source_cdn = None
    if cdn.cdn_domain is not None:
        source_cdn = SourceCdn(cdn.cdn_domain, cdn.cdn_protocol, cdn.cdn_authentication_type, cdn_key)
    given: dict[str, Any] = {**secrets, **asdict(more)}
    operation = CreateSyncTask(
        src_region=src_region, src_bucket=src_bucket, dst_region=dst_region, dst_bucket=dst_bucket,
        source_cdn=source_cdn, **given,
    )  # fmt: skip
    creation = SyncTaskCreation(operation)

    async def work(engine: Engine, output: Output) -> Exit:
        try:
            made = await create_once(engine, output, creation, following, if_not_exists=if_not_exists)
        except TimeoutError:
            output.result(f"it is not yet certain that there is only one, after {following.timeout:g} s")
            return Exit.ERROR
        if not following.wait:
            return Exit.DONE
        running = started(StartSyncTask(sync_task_id=made.id, **secrets))  # which the cloud does by itself
        return await follow(Changes(engine, told=output.note), output, running, Changed("done"), made.id, following)

    return perform(everywhere, CLOUD, [operation], work, account=following.account)


@sync_task.command
def start(
    sync_task_id: str,
    *,
    keys: Annotated[Path | None, Parameter(help=_KEYS)] = None,
    following: Following = _FOLLOWING,
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Start a sync task that was stopped. The keys to both buckets are to be given again."""
    from engine.cli.bucket_keys import CDN, bucket_keys
    from engine.cli.performing import bring_about
    from engine.clouds.huawei.changes import started
    from engine.clouds.huawei.operations import StartSyncTask

    secrets = bucket_keys(keys)
    cdn_key = secrets.pop(CDN, None)
    change = started(StartSyncTask(sync_task_id=sync_task_id, source_cdn_authentication_key=cdn_key, **secrets))
    return bring_about(everywhere, change, sync_task_id, following)


@sync_task.command
def stop(
    sync_task_id: str,
    *,
    following: Following = _FOLLOWING,
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Stop a sync task. It takes no events until it is started again."""
    from engine.cli.performing import bring_about
    from engine.clouds.huawei.changes import stopped

    return bring_about(everywhere, stopped(sync_task_id), sync_task_id, following)


@sync_task.command
def show(sync_task_id: str, *, account: str = "", everywhere: Everywhere = _EVERYWHERE) -> int:
    """Show a sync task, and what it did this month."""
    from engine.cli.sync_task_views import show as view

    return view(everywhere, sync_task_id, account)


@sync_task.command(name="list")
def list_(*, status: str | None = None, account: str = "", everywhere: Everywhere = _EVERYWHERE) -> int:
    """List sync tasks.

    Args:
        status: Only SYNCHRONIZING or only STOPPED ones.
    """
    from engine.cli.sync_task_views import list_all

    return list_all(everywhere, status, account)


@sync_task.command
def stats(
    sync_task_id: str,
    *,
    hours: Annotated[int, WHOLE] = 24,
    account: str = "",
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Show how many objects a sync task was asked for, copied, skipped and failed to copy.

    Args:
        hours: Of the past; up to 24.
    """
    from engine.cli.sync_task_views import statistics

    return statistics(everywhere, sync_task_id, hours, account)


@sync_task.command
def delete(
    sync_task_id: str,
    *,
    stop: Annotated[bool, FLAG] = False,
    account: str = "",
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Delete a sync task. One that is not there is no error.

    Args:
        stop: Stop it first: one that runs is not deleted.
        account: Whose; by default the first.
    """
    from engine.cli.sync_task_views import delete as remove

    return remove(everywhere, sync_task_id, account, stop=stop)
