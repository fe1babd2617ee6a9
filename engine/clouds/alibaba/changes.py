"""Express sync groups: shares in them, shares out of them, groups gone. A task of the group does each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.clouds.alibaba.express_groups import DeleteExpressSync
from engine.clouds.alibaba.express_shares import (
    AddSharesToExpressSync,
    DescribeExpressSyncShares,
    RemoveSharesFromExpressSync,
)
from engine.clouds.alibaba.remote_sync import DescribeTasks
from engine.clouds.change import Change
from engine.clouds.operation import Operation


def shares_added(express_sync_id: str, gateway_shares: Mapping[str, Sequence[str]]) -> Change:
    """Each share costs a queue, so they are looked for before they are added again."""
    wanted = {(gateway, share) for gateway, shares in gateway_shares.items() for share in shares}
    return replace(
        _of_group(express_sync_id, AddSharesToExpressSync(express_sync_id, gateway_shares), "added"),
        look=lambda _now: DescribeExpressSyncShares([express_sync_id]),
        reached=lambda answer: wanted <= {(share.gateway_id, share.share_name) for share in answer.items},
        unsure_s=10.0,
    )


def shares_removed(express_sync_id: str, gateway_shares: Mapping[str, Sequence[str]]) -> Change:
    return _of_group(express_sync_id, RemoveSharesFromExpressSync(express_sync_id, gateway_shares), "removed")


def group_deleted(express_sync_id: str) -> Change:
    change = _of_group(express_sync_id, DeleteExpressSync(express_sync_id), "deleted")
    return replace(change, taken=frozenset({"ExpressSyncNotExist"}))


def _of_group(express_sync_id: str, act: Operation[Any], state: str) -> Change:
    return Change(
        act,
        state,
        task=lambda answer: str(answer.task_id),
        progress=lambda task: DescribeTasks(express_sync_id, task),
        # A task that is not listed has not ended.
        ended=lambda answer: answer.items[0].done if answer.items else None,
    )
