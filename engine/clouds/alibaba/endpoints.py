"""Where Storage Gateway answers, by region: the documents' table, which knows more regions than the vendor's SDKs do.

https://help.aliyun.com/zh/csg/call-method
https://www.alibabacloud.com/help/en/csg/developer-reference/api-sgw-2018-05-11-endpoint
"""

from __future__ import annotations

from collections.abc import Mapping

PUBLIC, VPC = "public", "vpc"

# Region -> the region whose public endpoint serves it. Within a VPC, each region has an endpoint of its own.
SERVED_BY: Mapping[str, str] = {
    "cn-shanghai": "cn-shanghai",
    "cn-hangzhou": "cn-shanghai",
    "cn-qingdao": "cn-shanghai",
    "cn-beijing": "cn-shanghai",
    "cn-zhangjiakou": "cn-shanghai",
    "cn-huhehaote": "cn-shanghai",
    "cn-wulanchabu": "cn-shanghai",
    "cn-shenzhen": "cn-shanghai",
    "cn-heyuan": "cn-shanghai",
    "cn-heyuan-acdr-1": "cn-shanghai",
    "cn-guangzhou": "cn-shanghai",
    "cn-chengdu": "cn-shanghai",
    "cn-hongkong": "cn-shanghai",
    "cn-shanghai-finance-1": "cn-shanghai-finance-1",
    "cn-shenzhen-finance-1": "cn-shanghai-finance-1",
    "cn-north-2-gov-1": "cn-north-2-gov-1",
    "ap-northeast-1": "ap-northeast-1",
    "ap-northeast-2": "ap-northeast-2",
    "ap-southeast-1": "ap-southeast-1",
    "ap-southeast-3": "ap-southeast-3",
    "ap-southeast-5": "ap-southeast-5",
    "ap-southeast-6": "ap-southeast-6",
    "eu-central-1": "eu-central-1",
    "eu-west-1": "eu-west-1",
    "me-central-1": "me-central-1",
    "us-west-1": "us-west-1",
    "us-east-1": "us-west-1",
}


def sgw(region: str, network: str = PUBLIC) -> str:
    """The base URL; of a region that is not in the table, by the pattern that most follow."""
    host = f"sgw-vpc.{region}" if network == VPC else f"sgw.{SERVED_BY.get(region, region)}"
    return f"https://{host}.aliyuncs.com"


def sts(region: str, network: str = PUBLIC) -> str:
    """That of the Security Token Service, of which a VPC reaches its own region's."""
    return f"https://sts-vpc.{region}.aliyuncs.com" if network == VPC and region else "https://sts.aliyuncs.com"
