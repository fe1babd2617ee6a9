"""Express sync groups: shares in them, shares out of them, groups gone. A task of the group does each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from engine.clouds.alibaba.express_groups import DeleteExpressSync
from engine.clouds.alibaba.express_shares import (
    AddSharesToExpressSync,
    DescribeExpressSyncShares,
    RemoveSharesFromExpressSync,
)
from engine.clouds.alibaba.remote_sync import DescribeTasks
from engine.clouds.change import DELETED, Change
from engine.clouds.operation import Operation


def shares_added(express_sync_id: str, gateway_shares: Mapping[str, Sequence[str]]) -> Change:
    """Each share costs a queue, and the vendor says nothing of one that is added twice: they are looked for first."""
    wanted = {(gateway, share) for gateway, shares in gateway_shares.items() for share in shares}
    return replace(
        _of_group(express_sync_id, AddSharesToExpressSync(express_sync_id, gateway_shares), "added"),
        subject=_subject(express_sync_id, gateway_shares),
        look=lambda _now: DescribeExpressSyncShares([express_sync_id]),
        reached=lambda answer: wanted <= {(share.gateway_id, share.share_name) for share in answer.items},
        unsure_s=10.0,
    )


def shares_removed(express_sync_id: str, gateway_shares: Mapping[str, Sequence[str]]) -> Change:
    """The newer of this and `shares_added`, for the same shares, is what holds."""
    change = _of_group(express_sync_id, RemoveSharesFromExpressSync(express_sync_id, gateway_shares), "removed")
    return replace(change, subject=_subject(express_sync_id, gateway_shares))


def group_deleted(express_sync_id: str) -> Change:
    """Also of a group that is not there."""
    change = _of_group(express_sync_id, DeleteExpressSync(express_sync_id), DELETED)
    return replace(change, proving=frozenset({"ExpressSyncNotExist"}))


def _subject(express_sync_id: str, gateway_shares: Mapping[str, Sequence[str]]) -> str:
    shares = {gateway: sorted(set(names)) for gateway, names in gateway_shares.items()}
    return f"{express_sync_id} {orjson.dumps(shares, option=orjson.OPT_SORT_KEYS).decode()}"


def _of_group(express_sync_id: str, act: Operation[Any], state: str) -> Change:
    return Change(
        act,
        state,
        task=lambda answer: str(answer.task_id),
        progress=lambda task: DescribeTasks(express_sync_id, task),
        # A task that is not listed has not ended.
        ended=lambda answer: answer.items[0].done if answer.items else None,
    )
