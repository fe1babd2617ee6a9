"""Sync tasks, once there: started, stopped, deleted, shown and listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from engine.clouds.constraints import Milliseconds, between
from engine.clouds.huawei.create_sync_task import CryptoType, Key, KmsKeyId
from engine.clouds.huawei.oms import OmsOperation, Status, SyncTaskId, UpTo255, body, task_path, tasks_path
from engine.clouds.records import objects, record
from engine.clouds.replies import json_object, whole
from engine.model import Account, Call, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSyncTask(OmsOperation[None]):
    """Start a sync task that was stopped. The keys to both buckets are to be given again: the service keeps them only
    while the task runs.

    Of note: OMS.0065 (`RejectedError`) if it runs already.
    https://support.huaweicloud.com/intl/en-us/api-oms/StartSyncTask.html
    """

    sync_task_id: SyncTaskId
    src_ak: Key = field(repr=False)
    src_sk: Key = field(repr=False)
    dst_ak: Key = field(repr=False)
    dst_sk: Key = field(repr=False)
    source_cdn_authentication_key: UpTo255 | None = field(default=None, repr=False)
    src_crypto_type: CryptoType | None = None
    src_kms_key_id: KmsKeyId | None = None
    dst_crypto_type: CryptoType | None = None
    dst_kms_key_id: KmsKeyId | None = None
    source_cdn_crypto_type: CryptoType | None = None
    source_cdn_kms_key_id: KmsKeyId | None = None

    repeatable = True
    taken = frozenset({"OMS.0065"})

    def call(self, account: Account) -> Call:
        path = f"{task_path(account, self.sync_task_id)}/start"
        return Call("StartSyncTask", "POST", path, body=body(self, without={"sync_task_id"}))

    def read(self, reply: Reply) -> None:
        return


@dataclass(frozen=True, slots=True)
class StopSyncTask(OmsOperation[None]):
    """Stop a sync task. It takes no events until it is started again.

    A stop whose answer was lost may still take effect minutes later, after a newer start.
    Of note: OMS.0066 (`RejectedError`) if it does not run.
    https://support.huaweicloud.com/intl/en-us/api-oms/StopSyncTask.html
    """

    sync_task_id: SyncTaskId

    repeatable = True
    taken = frozenset({"OMS.0066"})

    def call(self, account: Account) -> Call:
        return Call("StopSyncTask", "POST", f"{task_path(account, self.sync_task_id)}/stop")

    def read(self, reply: Reply) -> None:
        return


@dataclass(frozen=True, slots=True)
class DeleteSyncTask(OmsOperation[None]):
    """Delete a sync task that was stopped. One that is not there (OMS.0054, OMS.1009) counts as deleted.

    Of note: OMS.0063 (`RejectedError`) while it runs.
    https://support.huaweicloud.com/intl/en-us/api-oms/DeleteSyncTask.html
    """

    sync_task_id: SyncTaskId

    repeatable = True
    taken = frozenset({"OMS.0054", "OMS.1009"})

    def call(self, account: Account) -> Call:
        return Call("DeleteSyncTask", "DELETE", task_path(account, self.sync_task_id))

    def read(self, reply: Reply) -> None:
        return


@dataclass(frozen=True, slots=True)
class SourceCdnInfo:
    domain: str | None
    protocol: str | None
    authentication_type: str | None


@dataclass(frozen=True, slots=True)
class SyncTask:
    """A sync task as the cloud describes it. Times are in ms since the epoch.

    The monthly counts are of objects that all senders pushed, `monthly_size` of bytes; only `ShowSyncTask` tells them.
    """

    sync_task_id: str
    status: str | None
    """SYNCHRONIZING, which means that it takes events, or STOPPED."""
    src_cloud_type: str | None
    src_region: str | None
    src_bucket: str | None
    dst_region: str | None
    dst_bucket: str | None
    description: str | None
    create_time: int | None
    last_start_time: int | None
    enable_metadata_migration: bool | None
    enable_restore: bool | None
    enable_kms: bool | None
    app_id: str | None
    source_cdn: SourceCdnInfo | None
    """Only `ListSyncTasks` tells it."""
    object_overwrite_mode: str | None
    """NO_OVERWRITE, SIZE_LAST_MODIFIED_COMPARISON_OVERWRITE, CRC64_COMPARISON_OVERWRITE or FULL_OVERWRITE."""
    dst_storage_policy: str | None
    consistency_check: str | None
    monthly_acceptance_request: int | None
    monthly_success_object: int | None
    monthly_failure_object: int | None
    monthly_skip_object: int | None
    monthly_size: int | None


def show_call(account: Account, sync_task_id: str, query_time: int) -> Call:
    return Call("ShowSyncTask", "GET", task_path(account, sync_task_id), {"query_time": str(query_time)})


def sync_task(item: object) -> SyncTask:
    cdn = item.get("source_cdn") if isinstance(item, dict) else None
    return record(SyncTask, item, source_cdn=None if cdn is None else record(SourceCdnInfo, cdn))


@dataclass(frozen=True, slots=True)
class ShowSyncTask(OmsOperation[SyncTask]):
    """Show a sync task, with its counts of the month in which `query_time` lies. In whose time zone a month begins is
    not documented.

    Of note: OMS.1009 (`TargetError`) if there is no such task.
    https://support.huaweicloud.com/intl/en-us/api-oms/ShowSyncTask.html
    """

    sync_task_id: SyncTaskId
    query_time: Milliseconds

    repeatable = True

    def call(self, account: Account) -> Call:
        return show_call(account, self.sync_task_id, self.query_time)

    def read(self, reply: Reply) -> SyncTask:
        return sync_task(json_object(reply))


@dataclass(frozen=True, slots=True)
class SyncTasks:
    tasks: tuple[SyncTask, ...]
    count: int | None
    """How many there are in all that were asked for."""


@dataclass(frozen=True, slots=True)
class ListSyncTasks(OmsOperation[SyncTasks]):
    """List sync tasks: all, or those that run or do not.

    https://support.huaweicloud.com/intl/en-us/api-oms/ListSyncTasks.html
    """

    status: Status | None = None
    limit: Annotated[int, between(1, 100)] | None = None
    offset: Annotated[int, between(0, 10_000)] | None = None

    repeatable = True

    def call(self, account: Account) -> Call:
        asked = {"limit": self.limit, "offset": self.offset, "status": self.status}
        params = {name: str(value) for name, value in asked.items() if value is not None}
        return Call("ListSyncTasks", "GET", tasks_path(account), params)

    def read(self, reply: Reply) -> SyncTasks:
        answer = json_object(reply)
        return SyncTasks(
            tuple([sync_task(item) for item in objects(answer.get("tasks"), "tasks")]), whole(answer.get("count"))
        )
