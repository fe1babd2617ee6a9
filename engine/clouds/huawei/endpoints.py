"""Where OMS and IAM answer, by region.

https://support.huaweicloud.com/api-oms/oms_api_0003.html and the vendor's SDKs, which agree.
"""

from __future__ import annotations

OMS_REGIONS = (
    "af-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "cn-east-2",
    "cn-east-3",
    "cn-east-4",
    "cn-north-1",
    "cn-north-4",
    "cn-north-9",
    "cn-north-12",
    "cn-south-1",
    "cn-south-4",
    "cn-southwest-2",
    "la-north-2",
    "la-south-2",
    "me-east-1",
    "sa-brazil-1",
    "tr-west-1",
)
# Those that have an IAM of their own to ask. The others' projects are known to the global one.
IAM_REGIONS = frozenset(OMS_REGIONS) - {"ap-southeast-5", "cn-south-4"}


def oms(region: str) -> str:
    """The base URL; that of a region that is not listed follows the same pattern."""
    return f"https://oms.{region}.myhuaweicloud.com"


def iam(region: str) -> str:
    return f"https://iam.{region}.myhuaweicloud.com" if region in IAM_REGIONS else "https://iam.myhuaweicloud.com"
