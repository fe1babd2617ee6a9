"""CreateSyncTask: the one operation of OMS with many parameters."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Annotated

from engine.clouds.constraints import an_id, check, length, matching, one_of
from engine.clouds.huawei.oms import OmsOperation, UpTo255, body, tasks_path
from engine.clouds.records import record
from engine.clouds.replies import json_object
from engine.errors import InputError
from engine.model import Account, Call, Reply

SYNC_REGIONS = ("cn-north-4", "cn-east-3", "cn-southwest-2")  # where the documents say that sync tasks exist
TENCENT = "Tencent"
WITH_CRC64 = ("Aliyun", "HuaweiCloud", TENCENT)  # clouds that keep this checksum of an object
KEYLESS = ("NONE", "QINIU_PRIVATE_AUTHENTICATION", "KSYUN_PRIVATE_AUTHENTICATION")  # their CDNs need no key of ours

Key = Annotated[str, length(1, 100)]
RegionName = Annotated[str, an_id(100)]
BucketName = Annotated[str, length(1, 1024)]
KmsKeyId = Annotated[str, length(36, 36)]
CryptoType = Annotated[str, one_of("DEFAULT", "KMS")]
"""How keys are encrypted that are sent as parameters."""

CloudType = Annotated[
    str,
    one_of(
        "AWS",
        "Azure",
        "Aliyun",
        TENCENT,
        "HuaweiCloud",
        "QingCloud",
        "KingsoftCloud",
        "Baidu",
        "Qiniu",
        "UCloud",
    ),
]
StoragePolicy = Annotated[str, one_of("STANDARD", "IA", "ARCHIVE", "DEEP_ARCHIVE", "SRC_STORAGE_MAPPING")]
Description = Annotated[
    str,
    length(0, 255),
    matching(
        lambda text: set("<>()\"'&").isdisjoint(text), "cannot contain the following special characters: <>()\"'&"
    ),
]
AuthenticationType = Annotated[
    str,
    one_of(
        "NONE",
        "QINIU_PRIVATE_AUTHENTICATION",
        "ALIYUN_OSS_A",
        "ALIYUN_OSS_B",
        "ALIYUN_OSS_C",
        "KSYUN_PRIVATE_AUTHENTICATION",
        "AZURE_SAS_TOKEN",
        "TENCENT_COS_A",
        "TENCENT_COS_B",
        "TENCENT_COS_C",
        "TENCENT_COS_D",
    ),
]


@dataclass(frozen=True, slots=True)
class SourceCdn:
    """Read the source's objects through a CDN."""

    domain: BucketName
    protocol: Annotated[str, one_of("http", "https")]
    authentication_type: AuthenticationType = "NONE"
    authentication_key: UpTo255 | None = field(default=None, repr=False)
    crypto_type: CryptoType | None = None
    kms_key_id: KmsKeyId | None = None

    def __post_init__(self) -> None:
        check(self)
        if self.authentication_type not in KEYLESS and not self.authentication_key:
            raise InputError(f"authentication_key is required when authentication_type is {self.authentication_type}")


@dataclass(frozen=True, slots=True)
class SyncTaskCreated:
    sync_task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSyncTask(OmsOperation[SyncTaskCreated]):
    """Create a sync task from a bucket of any cloud to one of OBS. It is started at once: do not start it.

    A tenant has five at most. Sync tasks are documented for few regions; in another one this warns, and asks the cloud.
    `app_id` is required for Tencent. The defaults of what is None are the cloud's: `src_cloud_type` Aliyun,
    `dst_storage_policy` STANDARD, `consistency_check` size_last_modified, everything that is enabled by a flag off.

    Not to be repeated blindly: after a lost answer, look for its description with `ListSyncTasks`.
    Of note: OMS.0077 (`QuotaError`) when there are five.
    https://support.huaweicloud.com/intl/en-us/api-oms/CreateSyncTask.html
    """

    src_region: RegionName
    src_bucket: BucketName
    src_ak: Key = field(repr=False)
    src_sk: Key = field(repr=False)
    dst_region: RegionName
    dst_bucket: BucketName
    dst_ak: Key = field(repr=False)
    dst_sk: Key = field(repr=False)
    src_cloud_type: CloudType | None = None
    description: Description | None = None
    enable_metadata_migration: bool | None = None
    enable_restore: bool | None = None
    """Restore objects of archive classes before they are read."""
    enable_kms: bool | None = None
    dst_storage_policy: StoragePolicy | None = None
    consistency_check: Annotated[str, one_of("size_last_modified", "crc64", "transmission")] | None = None
    app_id: UpTo255 | None = None
    source_cdn: SourceCdn | None = None
    src_crypto_type: CryptoType | None = None
    src_kms_key_id: KmsKeyId | None = None
    dst_crypto_type: CryptoType | None = None
    dst_kms_key_id: KmsKeyId | None = None

    repeatable = False

    def check(self) -> None:
        if self.src_cloud_type == TENCENT and not self.app_id:
            raise InputError(f"app_id is required when src_cloud_type is {TENCENT}")
        if self.consistency_check == "crc64" and self.src_cloud_type not in {None, *WITH_CRC64}:
            raise InputError(f"consistency_check crc64 is supported for {', '.join(WITH_CRC64)} only")

    def call(self, account: Account) -> Call:
        if account.region and account.region not in SYNC_REGIONS:
            known = ", ".join(SYNC_REGIONS)
            warnings.warn(f"sync tasks are documented for {known}, not for {account.region}", stacklevel=2)
        return Call("CreateSyncTask", "POST", tasks_path(account), body=body(self))

    def read(self, reply: Reply) -> SyncTaskCreated:
        return record(SyncTaskCreated, json_object(reply))
