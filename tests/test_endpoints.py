"""Where requests go: the vendors' endpoints in every region, what settings may say instead, and what they may not."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_sgw20180511.client import Client as SgwClient
from alibabacloud_tea_openapi import models as openapi_models
from huaweicloudsdkcore.auth import endpoint as iam_endpoint
from huaweicloudsdkoms.v2.region.oms_region import OmsRegion

from engine.clouds import clouds
from engine.config import accounts, load
from engine.errors import ConfigError
from engine.model import Account
from signers import Credentials

KEYS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "id",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
    "HUAWEICLOUD_SDK_AK": "id",
    "HUAWEICLOUD_SDK_SK": "secret",
}
REGIONS = {"alibaba": "cn-shanghai", "huawei": "cn-north-4"}
# The documents' table, as this was written down a second time.
DOCUMENTED = {
    **dict.fromkeys(("cn-hangzhou", "cn-shanghai", "cn-qingdao", "cn-beijing", "cn-zhangjiakou"), "cn-shanghai"),
    **dict.fromkeys(("cn-huhehaote", "cn-wulanchabu", "cn-shenzhen", "cn-heyuan", "cn-guangzhou"), "cn-shanghai"),
    **dict.fromkeys(("cn-chengdu", "cn-hongkong", "cn-heyuan-acdr-1"), "cn-shanghai"),
    **dict.fromkeys(("cn-shanghai-finance-1", "cn-shenzhen-finance-1"), "cn-shanghai-finance-1"),
    **dict.fromkeys(("us-west-1", "us-east-1"), "us-west-1"),
    **{f"ap-southeast-{number}": f"ap-southeast-{number}" for number in (1, 3, 5, 6)},
    **{f"ap-northeast-{number}": f"ap-northeast-{number}" for number in (1, 2)},
    **{region: region for region in ("eu-central-1", "eu-west-1", "me-central-1", "cn-north-2-gov-1")},
}
# Where the SDK goes to a host that the documents do not have.
SDK_ELSEWHERE = {"cn-wulanchabu", "cn-heyuan", "cn-guangzhou", "cn-heyuan-acdr-1", "cn-shenzhen-finance-1"}


def account(cloud: str, **settings: str) -> Account:
    """That of the environment, which says so much."""
    told = {f"SYNCMUX_{cloud.upper()}_{name.upper()}": value for name, value in settings.items()}
    default = {} if {"region", "endpoint"} & settings.keys() else {f"SYNCMUX_{cloud.upper()}_REGION": REGIONS[cloud]}
    environ = KEYS | default | told
    (found,) = accounts(load(None, environ), environ, only={cloud})
    return found


def base(cloud: str, service: str, **settings: str) -> str:
    return account(cloud, **settings).endpoints[service]


@pytest.mark.parametrize("region", DOCUMENTED)
def test_storage_gateways_endpoints_are_those_of_the_documents(region: str) -> None:
    assert base("alibaba", "sgw", region=region) == f"https://sgw.{DOCUMENTED[region]}.aliyuncs.com"
    assert base("alibaba", "sgw", region=region, network="public") == base("alibaba", "sgw", region=region)
    assert base("alibaba", "sgw", region=region, network="vpc") == f"https://sgw-vpc.{region}.aliyuncs.com"
    config = openapi_models.Config(access_key_id="k", access_key_secret="s", region_id=region)
    theirs = f"https://{SgwClient(config)._endpoint}"
    assert (theirs == base("alibaba", "sgw", region=region)) == (region not in SDK_ELSEWHERE)


def test_no_region_is_missing() -> None:
    assert set(clouds()["alibaba"].regions) == set(DOCUMENTED)
    assert set(clouds()["huawei"].regions) == set(OmsRegion.static_fields)


def test_within_a_vpc_roles_are_asked_for_there_too() -> None:
    assert base("alibaba", "sts") == "https://sts.aliyuncs.com"
    assert base("alibaba", "sts", region="eu-west-1", network="vpc") == "https://sts-vpc.eu-west-1.aliyuncs.com"
    gateway = "https://sgw-vpc.cn-shanghai.aliyuncs.com"
    assert base("alibaba", "sts", endpoint=gateway, network="vpc") == "https://sts.aliyuncs.com"  # no region is known


@pytest.mark.parametrize("region", OmsRegion.static_fields)
def test_the_endpoints_of_oms_and_iam_are_the_sdks(region: str) -> None:
    assert [base("huawei", "oms", region=region)] == OmsRegion.value_of(region).endpoints
    everywhere = "https://iam.myhuaweicloud.com"
    assert base("huawei", "iam", region=region) == iam_endpoint.get_iam_endpoint_by_id(region, everywhere)


@pytest.mark.parametrize(
    ("cloud", "region", "near"),
    [
        ("huawei", "cn-nort-4", "there is cn-north-4, "),
        ("alibaba", "cn-hangzou", "there is cn-hangzhou"),
        ("alibaba", "xx", "there is ap-northeast-1, ap-northeast-2, "),  # nothing is near: all
    ],
)
def test_an_unknown_region_is_warned_of_and_works(cloud: str, region: str, near: str) -> None:
    first = next(iter(clouds()[cloud].services))
    with pytest.warns(UserWarning, match=f"account {cloud}: no region {region} is documented; {near}"):
        assert base(cloud, first, region=region).startswith(f"https://{first}.{region}.")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        for _ in range(3):
            account(cloud, region=region)
    assert len(said) == 1


def test_a_region_whose_endpoint_is_named_is_nobodys_business() -> None:
    account("huawei", region="private-1", endpoint="https://oms.example.myhuaweicloud.com")  # a warning is an error


NO_REGIONS = ["cn_north-4", "CN-North-4", "cn.north", "cn-north-4/", "cn--north", "-cn", "cn-", "c", "x" * 33, "ü1"]


@pytest.mark.parametrize("region", NO_REGIONS)
@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
def test_what_cannot_be_a_region_is_refused(cloud: str, region: str) -> None:
    with pytest.raises(ConfigError, match=f"^SYNCMUX_{cloud.upper()}_REGION .* is not the name of a region"):
        account(cloud, region=region)


@pytest.mark.parametrize(
    ("cloud", "settings", "said"),
    [
        ("alibaba", {"signature": "v3"}, "'v3' must be one of acs3, rpc"),
        ("alibaba", {"signature": "RPC"}, "'RPC' must be one of acs3, rpc"),
        ("alibaba", {"network": "intranet"}, "'intranet' must be one of public, vpc"),
        ("alibaba", {"endpoint": "http://x.example"}, "is plain http"),
        ("alibaba", {"credentials": "nowhere:x"}, "names 'nowhere'; there is"),
        ("huawei", {"project_id": ".."}, "'..' is not an id"),
        ("huawei", {"project_id": "x" * 1025}, "'x{59} is not an id"),
    ],
)
def test_a_setting_has_its_values(cloud: str, settings: Mapping[str, str], said: str, tmp_path: Path) -> None:
    """It is named by where it stands: a path in the file, or a variable."""
    (name, value), file = next(iter(settings.items())), tmp_path / "syncmux.toml"
    with pytest.raises(ConfigError, match=f"^SYNCMUX_{cloud.upper()}_{name.upper()} {said}"):
        account(cloud, **settings)
    file.write_text(f'[accounts.h]\ncloud = "{cloud}"\nregion = "{REGIONS[cloud]}"\n{name} = "{value}"\n')
    with pytest.raises(ConfigError, match=rf"^accounts\.h\.{name} {said}"):
        accounts(load(file, {}), KEYS)


def test_the_vendors_own_variable_is_named() -> None:
    environ = KEYS | {"SYNCMUX_HUAWEI_REGION": "cn-north-4", "HUAWEICLOUD_SDK_PROJECT_ID": ".."}
    with pytest.raises(ConfigError, match=r"^HUAWEICLOUD_SDK_PROJECT_ID '\.\.' is not an id"):
        accounts(load(None, environ), environ, only={"huawei"})


def test_an_account_made_by_hand_cannot_have_another_signature() -> None:
    made = Account("mine", "alibaba", "", Credentials("k", "s"), {"sgw": "https://x"}, {"signature": "v2"})
    with pytest.raises(ConfigError, match="account mine: signature 'v2' must be one of acs3, rpc"):
        clouds()["alibaba"].signer(made)


LOCAL = "http://127.0.0.1:8080"


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
@pytest.mark.parametrize("url", [LOCAL, "http://localhost:8080", "http://[::1]:8080", "https://127.0.0.1"])
def test_an_emulator_is_all_of_its_cloud(cloud: str, url: str) -> None:
    assert account(cloud, endpoint=url).endpoints == dict.fromkeys(clouds()[cloud].services, url)
    elsewhere = {"alibaba": "sts", "huawei": "iam"}[cloud]
    domain = clouds()[cloud].domains[0]
    named: dict[str, Any] = {f"{elsewhere}_endpoint": f"https://a{domain}"}
    assert base(cloud, elsewhere, endpoint=url, **named) == f"https://a{domain}"


@pytest.mark.parametrize("url", ["HTTPS://SGW.cn-Shanghai.aliyuncs.com", "Https://sgw.cn-shanghai.aliyuncs.com/"])
def test_scheme_and_host_may_be_in_capitals(url: str) -> None:
    assert base("alibaba", "sgw", endpoint=url) == "https://sgw.cn-shanghai.aliyuncs.com"


@pytest.mark.parametrize("url", ["https://me:MARKED@sgw.aliyuncs.com", "me:MARKED@a@b", "https:///:MARKED@[::1"])
def test_a_password_in_an_endpoint_is_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match=r"\*\*\*@") as refused:
        account("alibaba", endpoint=url)
    assert "MARKED" not in str(refused.value)


def test_a_real_endpoint_leaves_the_other_services_where_they_are() -> None:
    found = account("huawei", region="cn-north-4", endpoint="https://oms.cn-north-4.myhuaweicloud.eu/")
    assert found.endpoints["oms"] == "https://oms.cn-north-4.myhuaweicloud.eu"
    assert found.endpoints["iam"] == "https://iam.cn-north-4.myhuaweicloud.com"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://sgw.example", r"leads to sgw.example, outside .aliyuncs.com; name it in allow_hosts"),
        ("https://aliyuncs.com.example", "outside"),
        ("https://xaliyuncs.com", "outside"),
        ("https://sgw.aliyuncs.com.evil.example", "leads to sgw.aliyuncs.com.evil.example, outside"),
        ("https://sgw.aliyuncs.com@evil.example", "not a base URL"),
        ("http://sgw.cn-shanghai.aliyuncs.com", "plain http"),
        ("http://localhost.example", "plain http"),
        ("http://10.0.0.1", "plain http"),
        ("https://me@sgw.cn-shanghai.aliyuncs.com", "not a base URL"),
        ("https://x.aliyuncs.com/path", "not a base URL"),
        ("https://x.aliyuncs.com//", "not a base URL"),
        ("https://x.aliyuncs.com?a=1", "not a base URL"),
        ("https://x.aliyuncs.com?", "not a base URL"),
        ("https://x.aliyuncs.com#a", "not a base URL"),
        ("https://a b.aliyuncs.com", "not a base URL"),
        ("https://ü.aliyuncs.com", "not a base URL"),
        ("https://x.aliyuncs.com\n", "not a base URL"),
        ("https://", "not a base URL"),
        ("sgw.cn-shanghai.aliyuncs.com", "not a base URL"),
        ("ftp://x.aliyuncs.com", "not a base URL"),
        ("https://x.aliyuncs.com:port", "not a URL"),
        ("https://[::1", "not a URL"),
    ],
)
def test_where_signed_requests_may_not_go(url: str, said: str) -> None:
    for setting in ("endpoint", "sts_endpoint", "metadata_endpoint"):
        with pytest.raises(ConfigError, match=f"^SYNCMUX_ALIBABA_{setting.upper()} .*{said}"):
            account("alibaba", region="cn-shanghai", **{setting: url})


def test_a_host_outside_is_allowed_by_name() -> None:
    environ = KEYS | {"SYNCMUX_ALIBABA_ENDPOINT": "https://sgw.example:8443", "SYNCMUX_ALLOW_HOSTS": "a.b, SGW.example"}
    (found,) = accounts(load(None, environ), environ, only={"alibaba"})
    assert found.endpoints["sgw"] == "https://sgw.example:8443"
    environ["SYNCMUX_ALIBABA_ENDPOINT"] = "https://x.sgw.example"
    with pytest.raises(ConfigError, match="outside"):
        accounts(load(None, environ), environ, only={"alibaba"})
