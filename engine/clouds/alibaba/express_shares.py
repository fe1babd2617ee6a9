"""The shares of express sync groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from engine.clouds.alibaba.remote_sync import TaskStarted
from engine.clouds.alibaba.sgw import Id, Listing, SgwOperation, read_listing, read_record
from engine.clouds.constraints import each, length, matching
from engine.model import Reply

_ENTRY = each(matching(lambda text: text and "," not in text, "must be something, without commas"))
GatewayShares = Annotated[Mapping[str, Sequence[str]], matching(len, "must name a gateway"), _ENTRY]
"""Gateway ids, and of each the names (not index_ids) of some of its shares."""


@dataclass(frozen=True, slots=True)
class SharesAdded:
    """The task that adds them, and the message queues in your account through which they hear of changes."""

    task_id: str
    mns_topic: str | None
    mns_queues: str | None
    mns_full_sync_delay: int | None
    """Seconds until the full sync begins."""
    mns_public_endpoint: str | None
    mns_inner_endpoint: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class AddSharesToExpressSync(SgwOperation[SharesAdded]):
    """Have shares of the group's bucket join it; their own reverse sync is switched off. Costs a queue a day each.

    Follow the task with the group as its target. After a lost answer, look with `DescribeExpressSyncShares` first.
    Of note: ExpressSyncInOperation (`BusyError`), ExpressSyncNotExist (`TargetError`).
    https://help.aliyun.com/zh/csg/developer-reference/api-sgw-2018-05-11-addsharestoexpresssync
    """

    express_sync_id: Id
    gateway_shares: GatewayShares

    repeatable = False

    def read(self, reply: Reply) -> SharesAdded:
        return read_record(SharesAdded, reply)


@dataclass(frozen=True, slots=True)
class RemoveSharesFromExpressSync(SgwOperation[TaskStarted]):
    """Have shares leave a group. Follow the task with the group as its target.

    Of note: ExpressSyncInOperation (`BusyError`), ExpressSyncNotExist (`TargetError`).
    https://help.aliyun.com/zh/csg/developer-reference/api-sgw-2018-05-11-removesharesfromexpresssync
    """

    express_sync_id: Id
    gateway_shares: GatewayShares

    repeatable = False

    def read(self, reply: Reply) -> TaskStarted:
        return read_record(TaskStarted, reply)


@dataclass(frozen=True, slots=True)
class Share:
    gateway_id: str
    express_sync_id: str | None
    gateway_name: str | None
    gateway_region: str | None
    share_name: str | None
    storage_bundle_id: str | None
    mns_queue: str | None
    express_sync_state: str | None
    """TopicAndQueueFailure, TopicFailure, QueueFailure, MNSFullSyncInit, MNSFullSyncing, MNSNotEnabled, MNSHealthy."""
    sync_progress: int | None
    """Percent of the full sync; -1 if there was none, -2 if the gateway's version cannot do one."""


@dataclass(frozen=True, slots=True)
class DescribeExpressSyncShares(SgwOperation[Listing[Share]]):
    """List the shares in groups or, if `is_external`, those that could join them.

    https://help.aliyun.com/zh/csg/developer-reference/api-sgw-2018-05-11-describeexpresssyncshares
    """

    express_sync_ids: Annotated[Sequence[str], length(1, 1000), _ENTRY]
    is_external: bool | None = None

    repeatable = True

    def read(self, reply: Reply) -> Listing[Share]:
        return read_listing(Share, reply, "Shares", "Share")
