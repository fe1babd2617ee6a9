"""Alibaba Cloud Storage Gateway: what there is beside syncs and tasks.

No operation here creates gateways or shares, so a few are always there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .exchange import Call, Payload, RefusedError
from .express_groups import Group, Groups
from .faults import Verdict
from .gateways import SHARE_INDEX_IDS, STORAGE_BUNDLE_ID, Gateways, flag, invalid, page_of, required
from .state import Operation, World

REGIONS = ("cn-hangzhou", "cn-shanghai", "cn-beijing", "cn-shenzhen", "ap-southeast-1", "eu-central-1", "us-west-1")
REGION = "cn-shanghai"
BUCKET = "emulator-bucket"


class Inventory:
    def __init__(self, world: World, gateways: Gateways, groups: Groups) -> None:
        self._world = world
        self._gateways = gateways
        self._groups = groups

    def operations(self) -> dict[str, Operation]:
        return {
            "DescribeRegions": self.regions,
            "DescribeStorageBundles": self.storage_bundles,
            "DescribeGateways": self.gateways,
            "DescribeGatewayFileShares": self.file_shares,
            "DescribeGatewayFileStatus": self.file_status,
            "DescribeSharesBucketInfoForExpressSync": self.bucket_infos,
        }

    def regions(self, _call: Call, _verdict: Verdict) -> Payload:
        return {"Regions": {"Region": [{"RegionId": region} for region in REGIONS]}}

    def storage_bundles(self, call: Call, _verdict: Verdict) -> Payload:
        bundle = {
            "StorageBundleId": STORAGE_BUNDLE_ID,
            "Name": "emulator",
            "Description": "",
            "BackendBucketRegionId": REGION,
            "CreatedTime": 1_500_000_000,
        }
        wanted = call.params.get("BackendBucketRegionId", "")
        return _page(call.params, "StorageBundles", "StorageBundle", [bundle] if wanted in {"", REGION} else [])

    def gateways(self, call: Call, _verdict: Verdict) -> Payload:
        region = call.params.get("ResourceRegionId", "")
        if not region and required(call.params, "StorageBundleId") != STORAGE_BUNDLE_ID:
            raise RefusedError(400, "StorageBundleNotExist", "The specified storage bundle does not exist.")
        gateways = [
            {
                "GatewayId": gateway_id,
                "Name": gateway_id,
                "Status": "Running",
                "GatewayClass": "Standard",
                "GatewayVersion": "1.0",
                "GatewayRegionId": REGION,
                "StorageBundleId": STORAGE_BUNDLE_ID,
                "Type": "File",
                "Location": "Cloud",
            }
            for gateway_id in self._gateways.listed()
            if region in {"", REGION}
        ]
        return _page(call.params, "Gateways", "Gateway", gateways)

    def file_shares(self, call: Call, _verdict: Verdict) -> Payload:
        """Any share exists if it is asked for by its id."""
        gateway_id = required(call.params, "GatewayId")
        self._gateways.check_exists(gateway_id)
        flag(call.params, "Refresh")
        joined = {
            name: group
            for group in self._groups.of(call.account)
            for each_gateway, name in group.shares
            if each_gateway == gateway_id
        }
        if index_id := call.params.get("IndexId", ""):
            index_ids = [index_id]
        else:
            index_ids = list(dict.fromkeys((*SHARE_INDEX_IDS, *(f"NFS{name}" for name in joined))))
        return {"FileShares": {"FileShare": [_file_share(each, joined.get(each[3:])) for each in index_ids]}}

    def file_status(self, call: Call, _verdict: Verdict) -> Payload:
        """A file is there once a reverse sync of a directory above it was triggered."""
        gateway_id, index_id = required(call.params, "GatewayId"), required(call.params, "IndexId")
        parts = required(call.params, "FilePath").strip("/").split("/")
        self._gateways.check_exists(gateway_id)
        synced = {path.strip("/") for path in self._world.ledger.triggers.get(f"{gateway_id}|{index_id}", ())}
        above = {"/".join(parts[:depth]) for depth in range(len(parts))}
        return {"Status": "Not found" if synced.isdisjoint(above) else "Clean"}

    def bucket_infos(self, call: Call, _verdict: Verdict) -> Payload:
        region, name = call.params.get("BucketRegion", ""), call.params.get("BucketName", "")
        buckets = {(BUCKET, "", REGION)}
        buckets |= {
            (group.bucket_name, group.bucket_prefix, group.bucket_region)
            for group in self._groups.of(call.account)
            if group.shares
        }
        infos = [
            {"BucketName": each_name, "BucketPrefix": prefix, "BucketRegion": each_region}
            for each_name, prefix, each_region in sorted(buckets)
            if region in {"", each_region} and name in {"", each_name}
        ]
        return {"BucketInfos": {"BucketInfo": infos}}


def _page(params: Mapping[str, str], parents: str, child: str, found: list[dict[str, Any]]) -> Payload:
    number, size = page_of(params)
    chosen = found[(number - 1) * size : number * size]
    return {"TotalCount": len(found), "PageNumber": number, "PageSize": size, parents: {child: chosen}}


def _file_share(index_id: str, group: Group | None) -> dict[str, Any]:
    """A share in an express sync group does without a reverse sync of its own."""
    protocol, name = index_id[:3], index_id[3:]
    if protocol not in {"NFS", "SMB"} or not name:
        raise invalid("IndexId")
    return {
        "IndexId": index_id,
        "Name": name,
        "Protocol": protocol,
        "State": "clean",
        "Enabled": True,
        "CacheMode": "Cache",
        "RemoteSync": group is None,
        "RemoteSyncDownload": False,
        "PollingInterval": 3600,
        "PathPrefix": group.bucket_prefix if group else "",
        "ExpressSyncId": group.express_sync_id if group else "",
        "MnsHealth": "MNSHealthy" if group else "MNSNotEnabled",
        "SyncProgress": 100 if group else -1,
        "ActiveMessages": 0,
        "OssBucketName": group.bucket_name if group else BUCKET,
        "OssEndpoint": f"oss-{group.bucket_region if group else REGION}-internal.aliyuncs.com",
        "OssHealth": "OSSHealthy",
        "Throttling": False,
    }
