"""Alibaba Cloud Storage Gateway: the operations on express sync groups and their shares."""

from __future__ import annotations

from typing import Any

import orjson

from .exchange import Call, Payload, RefusedError
from .express_groups import Group, Groups, group_of
from .faults import Verdict
from .gateways import STORAGE_BUNDLE_ID, Gateways, flag, invalid
from .state import Operation, World
from .tasks import TaskBook

FULL_SYNC_DELAY_S = 719


class ExpressSyncs:
    """Every share name exists on every gateway, connected to the bucket of the group that it is added to.

    A group that has an unfinished task is busy.
    """

    def __init__(self, world: World, tasks: TaskBook, gateways: Gateways, groups: Groups) -> None:
        self._world = world
        self._tasks = tasks
        self._gateways = gateways
        self._groups = groups

    def operations(self) -> dict[str, Operation]:
        return {
            "CreateExpressSync": self.create,
            "DeleteExpressSync": self.delete,
            "DescribeExpressSyncs": self.describe,
            "ValidateExpressSyncConfig": self.validate,
            "AddSharesToExpressSync": self.add_shares,
            "RemoveSharesFromExpressSync": self.remove_shares,
            "DescribeExpressSyncShares": self.describe_shares,
        }

    def create(self, call: Call, _verdict: Verdict) -> Payload:
        group = group_of(call.params)
        objection = self._groups.objection(call.account, group)
        if objection is not None:
            raise objection
        self._groups.add(call.account, group)
        self._world.ledger.created(call.operation, group.name)
        return {"ExpressSyncId": group.express_sync_id}

    def validate(self, call: Call, _verdict: Verdict) -> Payload:
        objection = self._groups.objection(call.account, group_of(call.params))
        return {"IsValid": objection is None, "ValidateMessage": objection.code if objection else ""}

    def delete(self, call: Call, verdict: Verdict) -> Payload:
        group = self._idle(call)
        self._groups.remove(call.account, group)
        return {"TaskId": self._start(call, verdict, group, "delete")[0]}

    def describe(self, call: Call, _verdict: Verdict) -> Payload:
        """An absent prefix means every group of the bucket, an empty one the group of its root."""
        bucket, prefix = call.params.get("BucketName", ""), call.params.get("BucketPrefix")
        found = [
            {
                "ExpressSyncId": group.express_sync_id,
                "Name": group.name,
                "Description": group.description,
                "BucketName": group.bucket_name,
                "BucketPrefix": group.bucket_prefix,
                "BucketRegion": group.bucket_region,
                "MnsTopic": group.topic,
            }
            for group in self._groups.of(call.account)
            if not bucket or (group.bucket_name == bucket and prefix in {None, group.bucket_prefix})
        ]
        return {"ExpressSyncs": {"ExpressSync": found}}

    def add_shares(self, call: Call, verdict: Verdict) -> Payload:
        group = self._idle(call)
        shares = self._shares(call)
        task_id, began, ends = self._start(call, verdict, group, "add_shares")
        for share in shares:
            group.shares.setdefault(share, (began, ends))
        self._world.ledger.created(call.operation, f"{group.name}|{call.params['GatewayShares']}")
        host = f"{call.account}.mns.{group.bucket_region}"
        return {
            "TaskId": task_id,
            "MnsTopic": group.topic,
            "MnsQueues": ",".join(_queue(gateway_id, group, name) for gateway_id, name in shares),
            "MnsFullSyncDelay": FULL_SYNC_DELAY_S,
            "MnsPublicEndpoint": f"http://{host}.aliyuncs.com/",
            "MnsInnerEndpoint": f"http://{host}-internal.aliyuncs.com/",
        }

    def remove_shares(self, call: Call, verdict: Verdict) -> Payload:
        group = self._idle(call)
        for share in self._shares(call):
            group.shares.pop(share, None)
        return {"TaskId": self._start(call, verdict, group, "remove_shares")[0]}

    def describe_shares(self, call: Call, _verdict: Verdict) -> Payload:
        """The shares in the groups, or (IsExternal) those that could be added to them."""
        external = flag(call.params, "IsExternal")
        ids = [each for each in call.params.get("ExpressSyncIds", "").split(",") if each]
        groups = [self._groups.find(call.account, each) for each in ids] if ids else self._groups.of(call.account)
        taken = {share for group in self._groups.of(call.account) for share in group.shares}
        free = [share for share in self._gateways.listed_shares() if share not in taken]
        shares = [
            self._describe_share(group, gateway_id, name)
            for group in groups
            for gateway_id, name in (free if external else group.shares)
        ]
        return {"Shares": {"Share": shares}}

    def _describe_share(self, group: Group, gateway_id: str, name: str) -> dict[str, Any]:
        """A SyncProgress of -1 means that there was no full sync."""
        state, progress, queue = "MNSNotEnabled", -1, ""
        if (gateway_id, name) in group.shares:
            began, ends = group.shares[gateway_id, name]
            now = self._world.clock.elapsed()
            progress = 100 if now >= ends else int(100 * (now - began) / (ends - began))
            state, queue = "MNSHealthy" if progress == 100 else "MNSFullSyncing", _queue(gateway_id, group, name)
        return {
            "ExpressSyncId": group.express_sync_id,
            "GatewayId": gateway_id,
            "GatewayName": gateway_id,
            "GatewayRegion": group.bucket_region,
            "ShareName": name,
            "StorageBundleId": STORAGE_BUNDLE_ID,
            "MnsQueue": queue,
            "ExpressSyncState": state,
            "SyncProgress": progress,
        }

    def _idle(self, call: Call) -> Group:
        group = self._groups.find(call.account, call.params.get("ExpressSyncId", ""))
        if self._tasks.running(call.account, group.express_sync_id):
            raise group_in_operation()
        return group

    def _start(self, call: Call, verdict: Verdict, group: Group, what: str) -> tuple[str, float, float]:
        """A task of the group: its id, when it begins and when it ends."""
        task_s = self._world.faults.task_s()
        began = self._world.clock.elapsed()
        task_id = self._tasks.start(
            call.account,
            group.express_sync_id,
            name=f"task.name.operate_fast_sync.{what}",
            related=group.express_sync_id,
            task_s=task_s,
            fails=verdict.task_fails,
        )
        return task_id, began, began + task_s

    def _shares(self, call: Call) -> list[tuple[str, str]]:
        """The gateways and shares of a GatewayShares parameter: {"gateway id": "share,share"}."""
        try:
            given = orjson.loads(call.params.get("GatewayShares", ""))
        except orjson.JSONDecodeError:
            given = None
        if not isinstance(given, dict) or not all(isinstance(names, str) for names in given.values()):
            raise invalid("GatewayShares")
        for gateway_id in given:
            self._gateways.check_exists(gateway_id)
        return [(gateway_id, name) for gateway_id, names in given.items() for name in names.split(",") if name]


def group_in_operation() -> RefusedError:
    return RefusedError(400, "ExpressSyncInOperation", "The sync group is busy. Try again later.")


def _queue(gateway_id: str, group: Group, name: str) -> str:
    return f"sgw-express-sync-queue-{gateway_id}-{list(group.shares).index((gateway_id, name)) + 1}"
