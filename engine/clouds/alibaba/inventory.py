"""What there is: regions, storage bundles, gateways, shares and the state of a file."""

from __future__ import annotations

from dataclasses import dataclass

from engine.clouds.alibaba.sgw import Id, Listing, PageNumber, PageSize, SgwOperation, read_listing, read_record
from engine.clouds.constraints import NonEmpty
from engine.errors import InputError
from engine.model import Reply


@dataclass(frozen=True, slots=True)
class Region:
    region_id: str


@dataclass(frozen=True, slots=True)
class DescribeRegions(SgwOperation[Listing[Region]]):
    """List the regions of the service. Needs no permission.

    https://help.aliyun.com/zh/csg/developer-reference/
    """

    repeatable = True

    def read(self, reply: Reply) -> Listing[Region]:
        return read_listing(Region, reply, "Regions", "Region")


@dataclass(frozen=True, slots=True)
class StorageBundle:
    storage_bundle_id: str
    name: str | None
    description: str | None
    backend_bucket_region_id: str | None
    created_time: int | None
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class DescribeStorageBundles(SgwOperation[Listing[StorageBundle]]):
    """List the storage bundles, which gateways belong to.

    https://help.aliyun.com/zh/csg/developer-reference/
    """

    backend_bucket_region_id: NonEmpty | None = None
    page_number: PageNumber | None = None
    page_size: PageSize | None = None

    repeatable = True

    def read(self, reply: Reply) -> Listing[StorageBundle]:
        return read_listing(StorageBundle, reply, "StorageBundles", "StorageBundle")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway, as far as synchronisation goes. Times are seconds since the epoch."""

    gateway_id: str
    name: str | None
    description: str | None
    status: str | None
    """Running, Stopped and others; Unknown of one that was not heard of for long."""
    gateway_class: str | None
    gateway_version: str | None
    gateway_region_id: str | None
    storage_bundle_id: str | None
    type: str | None
    location: str | None
    inner_ip: str | None
    task_id: str | None
    """What it is busy with."""
    created_time: int | None
    expired_time: int | None
    last_error_key: str | None


@dataclass(frozen=True, slots=True)
class DescribeGateways(SgwOperation[Listing[Gateway]]):
    """List the gateways of a storage bundle or of a region; one of the two is to be named.

    Of note: StorageBundleNotExist (`TargetError`).
    https://help.aliyun.com/zh/csg/developer-reference/api-sgw-2018-05-11-describegateways
    """

    storage_bundle_id: Id | None = None
    resource_region_id: NonEmpty | None = None
    page_number: PageNumber | None = None
    page_size: PageSize | None = None

    repeatable = True

    def check(self) -> None:
        if self.storage_bundle_id is None and self.resource_region_id is None:
            raise InputError("storage_bundle_id is required unless resource_region_id is given")

    def read(self, reply: Reply) -> Listing[Gateway]:
        return read_listing(Gateway, reply, "Gateways", "Gateway")


@dataclass(frozen=True, slots=True)
class FileShare:
    """A share, as far as synchronisation goes."""

    index_id: str
    name: str | None
    protocol: str | None
    state: str | None
    status: str | None
    enabled: bool | None
    cache_mode: str | None
    oss_bucket_name: str | None
    oss_endpoint: str | None
    oss_health: str | None
    path_prefix: str | None
    partial_sync_paths: str | None
    remote_sync: bool | None
    """Whether it does reverse syncs of its own, and (seconds) how often."""
    polling_interval: int | None
    remote_sync_download: bool | None
    express_sync_id: str | None
    """The express sync group that it is in, and how well it hears of changes there."""
    mns_health: str | None
    sync_progress: int | None
    """Percent of the full sync; -1 if there was none, -2 if the gateway's version cannot do one."""
    active_messages: int | None
    """Changes that it has yet to take over."""
    upload_queue: int | None
    download_queue: int | None
    throttling: bool | None


@dataclass(frozen=True, slots=True)
class DescribeGatewayFileShares(SgwOperation[Listing[FileShare]]):
    """List the shares of a gateway, or describe one. `refresh` asks the gateway rather than a cache.

    Of note: GatewayNotExist (`TargetError`).
    https://help.aliyun.com/zh/csg/developer-reference/api-sgw-2018-05-11-describegatewayfileshares
    """

    gateway_id: Id
    index_id: Id | None = None
    refresh: bool | None = None

    repeatable = True

    def read(self, reply: Reply) -> Listing[FileShare]:
        return read_listing(FileShare, reply, "FileShares", "FileShare")


@dataclass(frozen=True, slots=True)
class FileStatus:
    status: str | None
    """Clean, Not found, Waiting to upload, Uploading, Waiting to download, Downloading; Unknown status: ask again."""
    request_id: str | None


@dataclass(frozen=True, slots=True)
class DescribeGatewayFileStatus(SgwOperation[FileStatus]):
    """Tell how one file of a share stands. `file_path` is from the root of the share, without a slash before it.

    https://help.aliyun.com/zh/csg/developer-reference/api-sgw-2018-05-11-describegatewayfilestatus
    """

    gateway_id: Id
    index_id: Id
    file_path: NonEmpty

    repeatable = True

    def read(self, reply: Reply) -> FileStatus:
        return read_record(FileStatus, reply)
