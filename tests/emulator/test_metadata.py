"""The emulated metadata services and STS, asked by the vendors' own providers and by hand."""

from __future__ import annotations

import time
from typing import Any

import pytest
from alibabacloud_credentials.exceptions import CredentialException  # type: ignore[import-untyped]
from alibabacloud_credentials.provider.ecs_ram_role import (  # type: ignore[import-untyped]
    EcsRamRoleCredentialsProvider,
)
from huaweicloudsdkcore.auth.internal import MetadataAccessor

from engine.emulator import AccessKey, Emulator, EmulatorProcess
from engine.emulator.sts import OIDC_TOKEN

from .control import Control
from .signed import Seen, SignedClient

ROLES = "/latest/meta-data/ram/security-credentials/"
ALIBABA_TTL, ALIBABA_TOKEN = "x-aliyun-ecs-metadata-token-ttl-seconds", "x-aliyun-ecs-metadata-token"
ROLE_ARN = "acs:ram::1:role/worker"


def alibabas_provider(process: EmulatorProcess, *, disable_imds_v1: bool = True) -> EcsRamRoleCredentialsProvider:
    provider = EcsRamRoleCredentialsProvider(async_update_enabled=False, disable_imds_v1=disable_imds_v1)
    provider._EcsRamRoleCredentialsProvider__metadata_service_host = process.alibaba.removeprefix("http://")
    return provider


def huaweis_accessor(process: EmulatorProcess) -> MetadataAccessor:
    accessor = MetadataAccessor()
    accessor._METADATA_ENDPOINT = process.huawei
    return accessor


def test_alibabas_sdk_finds_the_role_and_its_keys(process: EmulatorProcess, control: Control) -> None:
    found = alibabas_provider(process).get_credentials()
    assert found.get_access_key_id().startswith("STS.")
    assert found.get_expiration() == pytest.approx(time.time() + 3600, abs=1801)
    assert alibabas_provider(process).get_credentials().get_access_key_id() == found.get_access_key_id()
    control.set(metadata="v1")
    assert alibabas_provider(process, disable_imds_v1=False).get_credentials().get_security_token()
    control.set(metadata="no_role")
    with pytest.raises(CredentialException, match="HttpCode=404"):
        alibabas_provider(process).get_credentials()


def test_huaweis_sdk_finds_the_agencys_keys(process: EmulatorProcess, control: Control) -> None:
    for kind in ("v2", "v1"):
        control.set(metadata=kind)
        found = huaweis_accessor(process).get_credential()
        assert found.access.startswith("STS.")
        assert found.secret
        assert found.security_token
        assert found.expire_at == pytest.approx(time.time() + 3600, abs=1801)


async def handed_out(client: SignedClient) -> AccessKey:
    token = await client.send("PUT", "/latest/api/token", {ALIBABA_TTL: "60"})
    seen = await client.send("GET", f"{ROLES}emulator-role", {ALIBABA_TOKEN: token.body.decode()})
    assert seen.status == 200, seen.body
    return AccessKey(seen.json["AccessKeyId"], seen.json["AccessKeySecret"], seen.json["SecurityToken"])


async def with_keys(client: SignedClient, key: AccessKey, url: str) -> Seen:
    return await SignedClient(client._session, url, key).alibaba("DescribeTasks", TargetId="gw-1")


async def test_the_keys_open_the_cloud_until_they_end(client: SignedClient, emulator: Emulator) -> None:
    await client.faults(temporary_s=600)
    key = await handed_out(client)
    assert (await with_keys(client, key, emulator.url)).status == 200
    without = AccessKey(key.access_key_id, key.secret)
    assert (await with_keys(client, without, emulator.url)).code == "MissingSecurityToken"
    await client.faults(temporary_s=600, clock_skew_s=300)
    assert (await handed_out(client)).access_key_id != key.access_key_id, "half of its life is over"
    assert (await with_keys(client, key, emulator.url)).status == 200
    await client.faults(temporary_s=600, clock_skew_s=700)
    assert (await with_keys(client, key, emulator.url)).code == "InvalidSecurityToken.Expired"


@pytest.mark.parametrize(
    ("put", "get", "ttl", "token", "refused"),
    [
        ("/latest/api/token", ROLES, ALIBABA_TTL, ALIBABA_TOKEN, 403),
        (
            "/meta-data/latest/api/token",
            "/openstack/latest/securitykey",
            "x-metadata-token-ttl-seconds",
            "x-metadata-token",
            401,
        ),
    ],
    ids=["alibaba", "huawei"],
)
async def test_nothing_is_told_without_a_token(
    client: SignedClient, put: str, get: str, ttl: str, token: str, refused: int
) -> None:
    assert (await client.send("GET", get, {})).status == refused
    assert (await client.send("GET", get, {token: "made up"})).status == refused
    for wrong in ({}, {ttl: "0"}, {ttl: "21601"}, {ttl: "x"}):
        assert (await client.send("PUT", put, wrong)).status == 400
    issued = (await client.send("PUT", put, {ttl: "5"})).body.decode()
    assert (await client.send("GET", get, {token: issued})).status == 200
    await client.faults(clock_skew_s=6)
    assert (await client.send("GET", get, {token: issued})).status == refused
    assert (await client.send("POST", get, {token: issued})).status == 404


async def test_faults_strike_here_too(client: SignedClient) -> None:
    await client.faults(operations={"AlibabaMetadataToken": {"unavailable": 1}, "HuaweiMetadataToken": {"throttle": 1}})
    assert (await client.send("PUT", "/latest/api/token", {ALIBABA_TTL: "60"})).status == 503
    seen = await client.send("PUT", "/meta-data/latest/api/token", {"x-metadata-token-ttl-seconds": "60"})
    assert seen.status == 429


async def assumed(client: SignedClient, **changes: str) -> Seen:
    given: dict[str, Any] = {"Version": "2015-04-01", "RoleArn": ROLE_ARN, "RoleSessionName": "me", "Format": "JSON"}
    return await client.rpc("AssumeRole", **{**given, **changes})


async def test_a_role_may_be_assumed(client: SignedClient, emulator: Emulator) -> None:
    seen = await assumed(client)
    assert seen.json.keys() == {"RequestId", "AssumedRoleUser", "Credentials"}
    issued = seen.json["Credentials"]
    key = AccessKey(issued["AccessKeyId"], issued["AccessKeySecret"], issued["SecurityToken"])
    assert (await with_keys(client, key, emulator.url)).status == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"RoleArn": "worker"}, "EntityNotExist.Role"),
        ({"RoleSessionName": ""}, "InvalidParameter.RoleSessionName"),
        ({"DurationSeconds": "60"}, "InvalidParameter.DurationSeconds"),
        ({"Version": "2018-05-11"}, "InvalidApi.NotFound"),
    ],
)
async def test_what_sts_refuses(client: SignedClient, changes: dict[str, str], code: str) -> None:
    assert (await assumed(client, **changes)).code == code


async def test_an_oidc_token_stands_for_a_signature(client: SignedClient) -> None:
    base = f"/?Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=JSON&RoleArn={ROLE_ARN}&RoleSessionName=me"
    given = f"{base}&OIDCProviderArn=p&OIDCToken="
    assert (await client.send("POST", f"{given}{OIDC_TOKEN}", {})).json["Credentials"]["SecurityToken"]
    assert (await client.send("POST", f"{given}x", {})).code == "AuthenticationFail.OIDCToken.Invalid"
    assert (await client.send("POST", f"{base}&OIDCToken={OIDC_TOKEN}", {})).code == "MissingOIDCProviderArn"
