"""Alibaba Cloud Storage Gateway: the express sync groups that exist, and which of them can exist together."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from .exchange import RefusedError

MAX_GROUPS = 10  # per account and region: OSS allows ten event rules there
_NAME = re.compile(r"[\u4e00-\u9fa5a-zA-Z][\u4e00-\u9fa5a-zA-Z0-9._-]{0,127}")
_REGION = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


@dataclass(slots=True)
class Group:
    express_sync_id: str
    name: str
    description: str
    bucket_name: str
    bucket_prefix: str
    bucket_region: str
    # (gateway id, share name) -> when its full sync began and ends, in seconds of Clock.elapsed
    shares: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        return f"sgw-express-sync-topic-{self.express_sync_id}"


class Groups:
    """The groups of every account."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[str, Group]] = {}  # account -> id -> group

    def of(self, account: str) -> list[Group]:
        return list(self._groups.get(account, {}).values())

    def add(self, account: str, group: Group) -> None:
        self._groups.setdefault(account, {})[group.express_sync_id] = group

    def remove(self, account: str, group: Group) -> None:
        del self._groups[account][group.express_sync_id]

    def find(self, account: str, express_sync_id: str) -> Group:
        """Raises RefusedError."""
        if not express_sync_id:
            raise RefusedError(400, "EmptyExpressSyncId", "You must specify the ID of the sync group.")
        group = self._groups.get(account, {}).get(express_sync_id)
        if group is None:
            raise RefusedError(400, "ExpressSyncNotExist", "The specified sync group does not exist.")
        return group

    def objection(self, account: str, wanted: Group) -> RefusedError | None:
        """Why the account cannot have this group beside those that it has."""
        groups = self.of(account)
        if any(other.name == wanted.name for other in groups):
            return RefusedError(
                400,
                "DuplicateExpressSyncName",
                "The specified name of the sync group already exists."
                " Try again later after you specify a valid parameter.",
            )
        if any(_overlap(other, wanted) for other in groups):
            return RefusedError(
                400,
                "ConflictExpressSyncConfig",
                "The parameter you specified for the sync group is invalid."
                " Try again later after you specify a valid parameter.",
            )
        if sum(other.bucket_region == wanted.bucket_region for other in groups) >= MAX_GROUPS:
            return RefusedError(
                400,
                "ExpressSyncNotificationEventLimitExceed",
                "The number of sync groups exceeds the maximum limit. If you want to add more sync groups,"
                " we recommend that you submit a ticket to apply for the whitelist permission.",
            )
        return None


def group_of(params: Mapping[str, str]) -> Group:
    """The group that the parameters describe. Raises RefusedError, as the page of CreateExpressSync lists."""
    for name, code, what in (
        ("Name", "EmptyExpressSyncName", "You must enter a valid name for the sync group."),
        ("BucketName", "EmptyBucketName", "You must enter a valid name for the bucket."),
        ("BucketRegion", "EmptyBucketRegion", "You must specify a valid region for the bucket."),
    ):
        if not params.get(name):
            raise RefusedError(400, code, what)
    if not _NAME.fullmatch(params["Name"]):
        raise RefusedError(
            400,
            "InvalidExpressSyncName",
            "The specified name for the sync group is invalid. The name must be 1 to 128 characters in length"
            " and can contain letters, digits, periods (.), underscores (_), and hyphens (-)."
            " The name must start with a letter.",
        )
    description = params.get("Description", "")
    if len(description) > 255:
        raise RefusedError(
            400,
            "DescriptionOverLimit",
            "The length of the specified gateway description exceeds the maximum limit."
            " The description cannot exceed 255 characters.",
        )
    if not _REGION.fullmatch(params["BucketRegion"]):
        message = "The specified RegionId does not exist. You must specify a valid RegionId."
        raise RefusedError(400, "InvalidRegionId", message)
    if not _BUCKET.fullmatch(params["BucketName"]):
        message = "The specified bucket name is invalid. You must enter a valid bucket name."
        raise RefusedError(400, "InvalidBucketName", message)
    return Group(
        f"sync-000{secrets.token_hex(8)}",
        params["Name"],
        description,
        params["BucketName"],
        params.get("BucketPrefix", ""),
        params["BucketRegion"],
    )


def _overlap(one: Group, other: Group) -> bool:
    """Whether an object could fall under both groups."""
    return (
        one.bucket_name == other.bucket_name
        and one.bucket_region == other.bucket_region
        and (one.bucket_prefix.startswith(other.bucket_prefix) or other.bucket_prefix.startswith(one.bucket_prefix))
    )
