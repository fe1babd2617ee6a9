"""Express sync groups: buckets whose changes reach the shares of a group by messages, without any scan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from engine.clouds.alibaba.remote_sync import TaskStarted
from engine.clouds.alibaba.sgw import Id, Listing, SgwOperation, read_listing, read_record
from engine.clouds.constraints import NonEmpty, length, matching
from engine.errors import InputError
from engine.model import Reply

GroupName = Annotated[
    str,
    matching(
        re.compile(r"[\u4e00-\u9fa5a-zA-Z][\u4e00-\u9fa5a-zA-Z0-9._-]{0,127}").fullmatch,
        "must be 1 to 128 characters in length, can contain letters, digits, periods (.), underscores (_) and hyphens "
        "(-), and must start with a letter",
    ),
]


@dataclass(frozen=True, slots=True)
class ExpressSyncCreated:
    express_sync_id: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class CreateExpressSync(SgwOperation[ExpressSyncCreated]):
    """Create an express sync group for one bucket, or for one prefix of it. It is there when the answer comes.

    Costs a Simple Message Queue topic a day, and a queue a day for every share that joins. The bucket must be connected
    to a share; `DescribeSharesBucketInfoForExpressSync` names those that are. Needs a Standard, Enhanced or
    Performance Optimized gateway.

    Not to be repeated blindly: after a lost answer, look for the name with `DescribeExpressSyncs`.
    Of note: DuplicateExpressSyncName, ConflictExpressSyncConfig, ExpressSyncNotificationEventConflict
    (`RejectedError`); ExpressSyncNotificationEventLimitExceed (`QuotaError`).
    https://help.aliyun.com/zh/csg/developer-reference/api-sgw-2018-05-11-createexpresssync
    """

    name: GroupName
    bucket_region: NonEmpty
    bucket_name: NonEmpty
    bucket_prefix: str | None = None
    description: Annotated[str, length(0, 255)] | None = None

    repeatable = False

    def read(self, reply: Reply) -> ExpressSyncCreated:
        return read_record(ExpressSyncCreated, reply)


@dataclass(frozen=True, slots=True)
class DeleteExpressSync(SgwOperation[TaskStarted]):
    """Delete an express sync group. Follow the task with the group as its target.

    A repeat after a lost answer is refused with ExpressSyncNotExist (`TargetError`) if the group is gone.
    Of note: ExpressSyncInOperation (`BusyError`).
    https://help.aliyun.com/zh/csg/developer-reference/api-al6152
    """

    express_sync_id: Id

    repeatable = False

    def read(self, reply: Reply) -> TaskStarted:
        return read_record(TaskStarted, reply)


@dataclass(frozen=True, slots=True)
class ExpressSync:
    express_sync_id: str
    name: str | None
    description: str | None
    bucket_name: str | None
    bucket_prefix: str | None
    bucket_region: str | None
    mns_topic: str | None


@dataclass(frozen=True, slots=True)
class DescribeExpressSyncs(SgwOperation[Listing[ExpressSync]]):
    """List the account's express sync groups: all, those of a bucket, or those of a bucket with one prefix.

    A `bucket_prefix` of "" means the group of the bucket's root alone, None any prefix.
    https://help.aliyun.com/zh/csg/developer-reference/api-q8kh6w
    """

    bucket_name: NonEmpty | None = None
    bucket_prefix: str | None = None

    repeatable = True

    def check(self) -> None:
        if self.bucket_prefix is not None and self.bucket_name is None:
            raise InputError("bucket_prefix needs a bucket_name")

    def read(self, reply: Reply) -> Listing[ExpressSync]:
        return read_listing(ExpressSync, reply, "ExpressSyncs", "ExpressSync")


@dataclass(frozen=True, slots=True)
class ExpressSyncValidated:
    is_valid: bool
    validate_message: str | None
    """The code that CreateExpressSync would be refused with."""
    request_id: str | None


@dataclass(frozen=True, slots=True)
class ValidateExpressSyncConfig(SgwOperation[ExpressSyncValidated]):
    """Ask whether a group could be created so.

    https://help.aliyun.com/document_detail/170325.html
    """

    name: GroupName
    bucket_region: NonEmpty
    bucket_name: NonEmpty
    bucket_prefix: str | None = None

    repeatable = True

    def read(self, reply: Reply) -> ExpressSyncValidated:
        return read_record(ExpressSyncValidated, reply)


@dataclass(frozen=True, slots=True)
class BucketInfo:
    bucket_name: str | None
    bucket_prefix: str | None
    bucket_region: str | None


@dataclass(frozen=True, slots=True)
class DescribeSharesBucketInfoForExpressSync(SgwOperation[Listing[BucketInfo]]):
    """List the buckets that are connected to a share, and so can have an express sync group.

    https://www.alibabacloud.com/help/doc-detail/170327.htm
    """

    bucket_region: NonEmpty | None = None
    bucket_name: NonEmpty | None = None

    repeatable = True

    def read(self, reply: Reply) -> Listing[BucketInfo]:
        return read_listing(BucketInfo, reply, "BucketInfos", "BucketInfo")
