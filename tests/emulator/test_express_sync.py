"""Express sync groups: what is refused, what is busy, what XML looks like."""

from __future__ import annotations

from typing import Any

import pytest

from .signed import SignedClient

GROUP: dict[str, Any] = {"Name": "group-1", "BucketName": "bucket-1", "BucketRegion": "cn-hangzhou"}


async def _create(client: SignedClient) -> str:
    created: str = (await client.alibaba("CreateExpressSync", **GROUP)).json["ExpressSyncId"]
    return created


@pytest.mark.parametrize(
    ("action", "params", "code"),
    [
        ("DeleteExpressSync", {}, "EmptyExpressSyncId"),
        ("DeleteExpressSync", {"ExpressSyncId": "sync-none"}, "ExpressSyncNotExist"),
        ("AddSharesToExpressSync", {"ExpressSyncId": "sync-none", "GatewayShares": "{}"}, "ExpressSyncNotExist"),
        ("DescribeExpressSyncShares", {"ExpressSyncIds": "sync-none"}, "ExpressSyncNotExist"),
        ("DescribeExpressSyncShares", {"IsExternal": "perhaps"}, "InvalidIsExternal"),
        ("ValidateExpressSyncConfig", {"Name": "n"}, "EmptyBucketName"),
        ("DescribeGatewayFileShares", {}, "MissingGatewayId"),
        ("DescribeGatewayFileShares", {"GatewayId": "nas"}, "GatewayNotExist"),
        ("DescribeGatewayFileShares", {"GatewayId": "gw-1", "IndexId": "FTPx"}, "InvalidIndexId"),
        ("DescribeGatewayFileStatus", {"GatewayId": "gw-1", "IndexId": "NFSa"}, "MissingFilePath"),
        ("DescribeGateways", {}, "MissingStorageBundleId"),
        ("DescribeGateways", {"ResourceRegionId": "cn-shanghai", "PageSize": "51"}, "InvalidPageSize"),
    ],
)
async def test_what_is_refused(client: SignedClient, action: str, params: dict[str, Any], code: str) -> None:
    refused = await client.alibaba(action, **params)
    assert (refused.status, refused.code) == (400, code)


@pytest.mark.parametrize("shares", ["", "{", "[]", '{"gw-1":["a"]}'])
async def test_shares_that_cannot_be_read(client: SignedClient, shares: str) -> None:
    group = await _create(client)
    for action in ("AddSharesToExpressSync", "RemoveSharesFromExpressSync"):
        assert (await client.alibaba(action, ExpressSyncId=group, GatewayShares=shares)).code == "InvalidGatewayShares"
    assert (await client.ledger())["creates"] == {"CreateExpressSync|group-1": 1}


async def test_a_group_is_busy_until_its_task_is_over(client: SignedClient) -> None:
    group = await _create(client)
    await client.faults(task_s=3600)
    params: dict[str, Any] = {"ExpressSyncId": group, "GatewayShares": '{"gw-1":"a"}'}
    assert (await client.alibaba("AddSharesToExpressSync", **params)).status == 200
    for action in ("AddSharesToExpressSync", "RemoveSharesFromExpressSync", "DeleteExpressSync"):
        busy = await client.alibaba(action, **params)
        assert (busy.status, busy.code) == (400, "ExpressSyncInOperation")
    (share,) = (await client.alibaba("DescribeExpressSyncShares", ExpressSyncIds=group)).json["Shares"]["Share"]
    assert (share["ExpressSyncState"], share["SyncProgress"]) == ("MNSFullSyncing", 0)


async def test_busy_can_be_provoked(client: SignedClient) -> None:
    group = await _create(client)
    await client.faults(busy=1)
    assert (await client.alibaba("DeleteExpressSync", ExpressSyncId=group)).code == "ExpressSyncInOperation"
    assert (await client.alibaba("DescribeExpressSyncs")).status == 200


async def test_groups_belong_to_their_account(client: SignedClient) -> None:
    group = await _create(client)
    other = client.with_key("other-ak", "other-sk")
    assert (await other.alibaba("DeleteExpressSync", ExpressSyncId=group)).code == "ExpressSyncNotExist"
    assert (await other.alibaba("DescribeExpressSyncs")).json["ExpressSyncs"]["ExpressSync"] == []


async def test_named_gateways_are_the_listed_ones(client: SignedClient) -> None:
    await client.faults(gateways=["gw-b", "gw-a"])
    page = (await client.alibaba("DescribeGateways", ResourceRegionId="cn-shanghai")).json
    assert [gateway["GatewayId"] for gateway in page["Gateways"]["Gateway"]] == ["gw-a", "gw-b"]
    elsewhere = (await client.alibaba("DescribeGateways", ResourceRegionId="cn-beijing")).json
    assert elsewhere["TotalCount"] == 0


async def test_empty_lists_wherever_there_is_a_list(client: SignedClient) -> None:
    await _create(client)
    await client.faults(empty=1)
    for action, parents, child in (
        ("DescribeExpressSyncs", "ExpressSyncs", "ExpressSync"),
        ("DescribeExpressSyncShares", "Shares", "Share"),
        ("DescribeRegions", "Regions", "Region"),
        ("DescribeStorageBundles", "StorageBundles", "StorageBundle"),
        ("DescribeSharesBucketInfoForExpressSync", "BucketInfos", "BucketInfo"),
    ):
        assert (await client.alibaba(action)).json[parents] == {child: []}


async def test_lists_in_xml(client: SignedClient) -> None:
    root = (await client.rpc("DescribeRegions")).xml
    assert root.tag == "DescribeRegionsResponse"
    assert "cn-shanghai" in [region.findtext("RegionId") for region in root.findall("Regions/Region")]
