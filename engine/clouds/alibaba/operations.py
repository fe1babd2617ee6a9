"""Every operation that is typed, for `Engine.do`. Any other goes through `Engine.call`."""

from __future__ import annotations

from engine.clouds.alibaba.express_groups import (
    CreateExpressSync,
    DeleteExpressSync,
    DescribeExpressSyncs,
    DescribeSharesBucketInfoForExpressSync,
    ValidateExpressSyncConfig,
)
from engine.clouds.alibaba.express_shares import (
    AddSharesToExpressSync,
    DescribeExpressSyncShares,
    RemoveSharesFromExpressSync,
)
from engine.clouds.alibaba.inventory import (
    DescribeGatewayFileShares,
    DescribeGatewayFileStatus,
    DescribeGateways,
    DescribeRegions,
    DescribeStorageBundles,
)
from engine.clouds.alibaba.remote_sync import DescribeTasks, TriggerGatewayRemoteSync

__all__ = [
    "AddSharesToExpressSync",
    "CreateExpressSync",
    "DeleteExpressSync",
    "DescribeExpressSyncShares",
    "DescribeExpressSyncs",
    "DescribeGatewayFileShares",
    "DescribeGatewayFileStatus",
    "DescribeGateways",
    "DescribeRegions",
    "DescribeSharesBucketInfoForExpressSync",
    "DescribeStorageBundles",
    "DescribeTasks",
    "RemoveSharesFromExpressSync",
    "TriggerGatewayRemoteSync",
    "ValidateExpressSyncConfig",
]
