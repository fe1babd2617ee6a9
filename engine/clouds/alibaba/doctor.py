"""What Storage Gateway is asked about an account, and what its answers say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from engine.clouds.alibaba import codes
from engine.clouds.alibaba.express_groups import (
    BucketInfo,
    DescribeExpressSyncs,
    DescribeSharesBucketInfoForExpressSync,
    ExpressSync,
    ValidateExpressSyncConfig,
)
from engine.clouds.alibaba.express_shares import DescribeExpressSyncShares, Share
from engine.clouds.alibaba.inventory import (
    DescribeGatewayFileShares,
    DescribeGatewayFileStatus,
    DescribeGateways,
    DescribeRegions,
    DescribeStorageBundles,
    FileShare,
    Gateway,
)
from engine.clouds.alibaba.remote_sync import DescribeTasks
from engine.clouds.alibaba.sgw import MAX_PAGE_SIZE, Listing
from engine.clouds.examination import Finding, Probe, Status
from engine.errors import UnauthorizedError
from engine.model import Account

READS = (
    "DescribeGateways",
    "DescribeTasks",
    "DescribeGatewayFileShares",
    "DescribeGatewayFileStatus",
    "DescribeStorageBundles",
    "DescribeExpressSyncs",
    "DescribeExpressSyncShares",
    "DescribeSharesBucketInfoForExpressSync",
    "ValidateExpressSyncConfig",
)
CHANGES = (
    "TriggerGatewayRemoteSync",
    "CreateExpressSync",
    "AddSharesToExpressSync",
    "RemoveSharesFromExpressSync",
    "DeleteExpressSync",
)
NAME = "syncmux-doctor"  # of a group and of a file that are not there, where an operation wants one
MOST_GATEWAYS = 10  # whose shares are looked at
# Of a region, by default; an express sync group takes one. Other rules of the account cannot be seen here.
EVENT_RULES = 10
DEAF = {"TopicAndQueueFailure", "TopicFailure", "QueueFailure"}
_EXPRESS_ADVICE = "look at the topic and the queues of the group in the console; remove the share and add it again"


class SgwExamination:
    permissions: Mapping[str, str] = {"DescribeRegions": ""} | {name: f"hcs-sgw:{name}" for name in (*READS, *CHANGES)}
    changes: Collection[str] = frozenset(CHANGES)

    def probes(self, account: Account, now: float) -> Sequence[Probe]:
        region = account.region
        return [
            Probe(DescribeRegions()),
            *([Probe(DescribeGateways(None, region, 1, MAX_PAGE_SIZE), _gateways, _of_gateways)] if region else []),
            Probe(DescribeStorageBundles(), needed=False),
            Probe(DescribeExpressSyncs(), partial(_groups, region), _of_groups, needed=False),
            Probe(DescribeSharesBucketInfoForExpressSync(), then=_of_buckets, needed=False),
        ]

    def forbids(self, error: UnauthorizedError) -> bool:
        return error.code.startswith(codes.FORBIDDEN)


def _gateways(found: Listing[Gateway]) -> Sequence[Finding]:
    total = len(found.items) if found.total_count is None else found.total_count
    states = Counter(gateway.status or "in no state" for gateway in found.items)
    facts = {"total": total, "states": dict(states)}
    if not found.items:
        advice = "check the region of the account: gateways are listed by region"
        return [Finding("gateways", Status.WARN, "there is none in the region", advice, facts=facts)]
    seen = f"{total:,}: {', '.join(f'{number} {state}' for state, number in states.items())}"
    if len(found.items) > MOST_GATEWAYS:
        seen += f"; the shares of {MOST_GATEWAYS} are looked at"
    if set(states) == {"Running"}:
        return [Finding("gateways", Status.OK, seen, facts=facts)]
    down = ", ".join(gateway.gateway_id for gateway in found.items if gateway.status != "Running")
    return [Finding("gateways", Status.WARN, seen, f"see to what does not run: {down}", facts=facts)]


def _of_gateways(found: Listing[Gateway]) -> Sequence[Probe]:
    ids = [gateway.gateway_id for gateway in found.items[:MOST_GATEWAYS]]
    tasks = [Probe(DescribeTasks(each)) for each in ids[:1]]
    return tasks + [_shares_of(each, files=number == 0) for number, each in enumerate(ids)]


def _shares_of(gateway_id: str, *, files: bool) -> Probe:
    """`files`: whether a file is asked after, too; one is enough."""
    then = partial(_of_shares, gateway_id) if files else lambda _found: ()
    return Probe(DescribeGatewayFileShares(gateway_id), partial(_shares, gateway_id), then, needed=False)


def _shares(gateway_id: str, found: Listing[FileShare]) -> Sequence[Finding]:
    deaf = [f"{share.index_id} ({share.mns_health})" for share in found.items if share.mns_health in DEAF]
    ids = [share.index_id for share in found.items]
    seen = f"{len(ids)}: {', '.join(ids)}" if ids else "none"
    facts = {"total": len(ids), "index_ids": ids}
    if deaf:
        seen += f"; no changes reach {', '.join(deaf)}"
        return [Finding("shares", Status.WARN, seen, _EXPRESS_ADVICE, gateway_id, facts)]
    return [Finding("shares", Status.OK, seen, subject=gateway_id, facts=facts)]


def _of_shares(gateway_id: str, found: Listing[FileShare]) -> Sequence[Probe]:
    return [
        Probe(DescribeGatewayFileStatus(gateway_id, share.index_id, NAME), needed=False) for share in found.items[:1]
    ]


def _groups(region: str, found: Listing[ExpressSync]) -> Sequence[Finding]:
    ids = [group.express_sync_id for group in found.items]
    groups = Finding("express sync groups", Status.OK, f"{len(ids)}", facts={"total": len(ids)})
    taken = Counter({region: 0} if region else {})
    taken.update(group.bucket_region or "in no region" for group in found.items)
    return [groups, *(_event_rules(where, number) for where, number in taken.items())]


def _event_rules(region: str, number: int) -> Finding:
    seen = f"express sync groups take {number} of the {EVENT_RULES} OSS event rules that are the default"
    facts = {"quota": "event rules", "used": number, "limit": EVENT_RULES}
    if number < EVENT_RULES:
        return Finding("quota", Status.OK, f"{seen}; other rules count, too", subject=region, facts=facts)
    advice = "before another group, have the quota raised or delete one: syncmux express-sync delete"
    return Finding("quota", Status.WARN, seen, advice, region, facts)


def _of_groups(found: Listing[ExpressSync]) -> Sequence[Probe]:
    ids = [group.express_sync_id for group in found.items]
    return [Probe(DescribeExpressSyncShares(ids[:100]), _members, needed=False)] if ids else []


def _members(found: Listing[Share]) -> Sequence[Finding]:
    deaf = [f"{share.gateway_id}/{share.share_name}" for share in found.items if share.express_sync_state in DEAF]
    facts = {"total": len(found.items), "unreached": deaf}
    seen = f"{len(found.items)} shares are in them"
    if deaf:
        seen += f"; no changes reach {', '.join(deaf)}"
        return [Finding("express sync shares", Status.WARN, seen, _EXPRESS_ADVICE, facts=facts)]
    return [Finding("express sync shares", Status.OK, seen, facts=facts)]


def _of_buckets(found: Listing[BucketInfo]) -> Sequence[Probe]:
    for bucket in found.items:
        if bucket.bucket_region and bucket.bucket_name:
            asked = ValidateExpressSyncConfig(NAME, bucket.bucket_region, bucket.bucket_name)
            return [Probe(asked, needed=False)]
    return []
