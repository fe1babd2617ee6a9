"""Which source wins: what is named, else the vendors' order; and what the settings may say."""

from __future__ import annotations

import os
from collections.abc import Callable
from errno import ESTALE
from pathlib import Path
from typing import Any

import pytest

from engine.client import Client
from engine.config import accounts, load
from engine.errors import ConfigError, CredentialsError, CredentialsNotReadyError
from engine.model import Account, Fetched
from engine.transport import Transport
from signers import Credentials

from .conftest import Emulated

KEYS = {"access_key_id": "id", "access_key_secret": "secret"}
VARIABLES = {
    "alibaba": {"ALIBABA_CLOUD_ACCESS_KEY_ID": "env", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"},
    "huawei": {"HUAWEICLOUD_SDK_AK": "env", "HUAWEICLOUD_SDK_SK": "secret"},
}


async def fetched(account: Account) -> Fetched:
    async with Transport() as transport:
        client = Client(transport, [account])
        await client.callers[account.name].ready()
        held = client.callers[account.name].credentials.held
        assert held
        return held


def a_profile(emulated: Emulated, cloud: str) -> Path:
    if cloud == "alibaba":
        return emulated.file(".aliyun/config.json", {"profiles": [{"name": "default", **KEYS}]})
    return emulated.file(".huaweicloud/credentials", "[basic]\nak = id\nsk = secret\n")


def stale(path: Path) -> Callable[..., int]:
    """`os.open` while the server that keeps a file has forgotten it."""
    opened = os.open

    def open_(name: str, *rest: Any, **named: Any) -> int:
        if name == str(path):
            raise OSError(ESTALE, os.strerror(ESTALE), name)
        return opened(name, *rest, **named)

    return open_


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_the_environment_then_the_file_then_the_metadata_service(emulated: Emulated, cloud: str) -> None:
    emulated.set(metadata="v2")
    found = await fetched(emulated.account(cloud))
    assert found.source.startswith("the metadata service")
    path = a_profile(emulated, cloud)
    found = await fetched(emulated.account(cloud))
    assert (found.credentials, found.source.endswith(str(path))) == (Credentials("id", "secret"), True)
    account = emulated.account(cloud, **VARIABLES[cloud])
    assert account.credentials == Credentials("env", "secret"), "known without a loop"
    for name in ("profile", "metadata"):
        found = await fetched(emulated.account(cloud, name, **VARIABLES[cloud]))
        assert found.credentials != Credentials("env", "secret"), "a source that is named is the only one"


async def test_a_workloads_role_comes_before_files(emulated: Emulated) -> None:
    a_profile(emulated, "alibaba")
    token = emulated.file("token", "emulator-oidc-token", 0o644)
    account = emulated.account(
        "alibaba",
        ALIBABA_CLOUD_ROLE_ARN="acs:ram::1:role/pod",
        ALIBABA_CLOUD_OIDC_PROVIDER_ARN="acs:ram::1:oidc-provider/ack",
        ALIBABA_CLOUD_OIDC_TOKEN_FILE=str(token),
    )
    found = await fetched(account)
    assert found.source == "the role acs:ram::1:role/pod: STS"


async def test_the_source_that_won_is_asked_again_and_no_other(emulated: Emulated) -> None:
    account = emulated.account("alibaba")
    found = await fetched(account)
    assert found.source.startswith("the metadata service")
    a_profile(emulated, "alibaba")
    assert (await fetched(account)).source == found.source


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
async def test_nothing_anywhere_names_what_to_set(emulated: Emulated, cloud: str) -> None:
    emulated.set(metadata="no_role")
    with pytest.raises(CredentialsError) as missing:
        await fetched(emulated.account(cloud))
    for name in VARIABLES[cloud]:
        assert name in str(missing.value)


async def test_no_metadata_service_is_no_error_by_itself(emulated: Emulated) -> None:
    account = emulated.account("alibaba", SYNCMUX_ALIBABA_METADATA_ENDPOINT="http://127.0.0.1:1")
    with pytest.raises(CredentialsError, match=r"set ALIBABA_.*; metadata: cannot connect to 127\.0\.0\.1:1") as failed:
        await fetched(account)
    assert not isinstance(failed.value, CredentialsNotReadyError), (
        "whoever has set nothing is told so, also by a daemon"
    )


def test_an_unusable_file_is_told_before_anything_is_sent(emulated: Emulated) -> None:
    path = a_profile(emulated, "alibaba")
    path.chmod(0o644)
    with pytest.raises(CredentialsError, match=f"run: chmod 600 {path}"):
        emulated.account("alibaba")
    assert emulated.account("alibaba", **VARIABLES["alibaba"]).name == "alibaba"


def test_half_of_a_set_is_told(emulated: Emulated) -> None:
    with pytest.raises(CredentialsError, match="HUAWEICLOUD_SDK_AK is set and HUAWEICLOUD_SDK_SK is not"):
        emulated.account("huawei", HUAWEICLOUD_SDK_AK="x")
    with pytest.raises(CredentialsError, match="E_HUAWEICLOUD_SDK_SK is set and E_HUAWEICLOUD_SDK_AK is not"):
        emulated.account("huawei", "environment:E_", E_HUAWEICLOUD_SDK_SK="x")


@pytest.mark.parametrize("spec", ["E_", "environment:E_"])
def test_variables_may_have_a_prefix(emulated: Emulated, spec: str) -> None:
    prefixed = {f"E_{name}": value for name, value in VARIABLES["huawei"].items()}
    assert emulated.account("huawei", spec, **prefixed).credentials == Credentials("env", "secret")
    with pytest.raises(CredentialsError, match="set E_HUAWEICLOUD_SDK_AK and E_HUAWEICLOUD_SDK_SK"):
        emulated.account("huawei", spec, **VARIABLES["huawei"])


@pytest.mark.parametrize(
    ("content", "end"),
    [
        ({"AccessKeyId": "id", "AccessKeySecret": "secret", "SecurityToken": "t"}, "keys"),
        ("[a]\nak = id\nsk = secret\nsecurity_token = t\n", "keys"),
        ("[a]\nx = y\n[default]\naccess_key_id = id\naccess_key_secret = secret\nsecurity_token = t\n", "keys"),
    ],
)
async def test_a_file_of_ones_own(emulated: Emulated, content: object, end: str) -> None:
    path = emulated.file("keys", content)
    for spec in (f"file:{path}", "file:~/keys"):
        found = await fetched(emulated.account("huawei", spec))
        assert found.credentials == Credentials("id", "secret", "t")
        assert found.source.endswith(end)


async def test_a_command(emulated: Emulated) -> None:
    program = emulated.file(
        "print keys", '#!/bin/sh\necho MARKER >&2\necho "{\\"ak\\": \\"id\\", \\"sk\\": \\"$1\\"}"\n', 0o700
    )
    account = emulated.account("huawei", f"command:'{program}' secret")
    assert "secret" not in repr(account)
    found = await fetched(account)
    assert found.credentials == Credentials("id", "secret")
    assert found.source == f"the output of {program}"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("vault", "there is environment, oidc, profile, metadata, uri, file, command, and a prefix"),
        ("file:", "needs a path"),
        ("file:/nowhere/at/all", "nothing at file /nowhere/at/all"),
        ("command:", "needs a command"),
        ("command:'open", "needs a command"),
        ("command:cat a\0b", "needs a command"),
        ("password:MARKERdontshow", "there is environment"),
    ],
)
def test_a_source_that_makes_no_sense(emulated: Emulated, spec: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        emulated.account("alibaba", spec)
    assert "MARKER" not in str(refused.value)


async def test_several_accounts_each_with_a_source(emulated: Emulated, tmp_path: Path) -> None:
    emulated.file(".aliyun/config.json", {"profiles": [{"name": "b", **KEYS}]})
    config = tmp_path / "syncmux.toml"
    tables = {"one": "ONE_", "two": "profile:b", "three": "metadata:emulator-role"}
    config.write_text(
        "\n".join(
            f'[accounts.{name}]\ncloud = "alibaba"\nregion = "cn-shanghai"\ncredentials = "{spec}"\n'
            f'metadata_endpoint = "{emulated.url}"\n'
            for name, spec in tables.items()
        )
    )
    environ = {"HOME": str(emulated.home), **{f"ONE_{k}": v for k, v in VARIABLES["alibaba"].items()}}
    found = accounts(load(config, environ), environ, only={"alibaba"})
    sources = [(account.name, (await fetched(account)).source) for account in found]
    assert sources == [
        ("one", "the environment, or the script"),
        ("two", f"profile b of {emulated.home}/.aliyun/config.json"),
        ("three", "the metadata service, role emulator-role"),
    ]


def test_of_all_clouds_those_are_meant_whose_credentials_are_at_hand(emulated: Emulated) -> None:
    def found(**more: str) -> list[str]:
        environ = {**emulated.environ, **more}
        return [account.name for account in accounts(load(None, environ), environ)]

    assert found(**VARIABLES["alibaba"]) == ["alibaba"]
    assert found() == ["alibaba", "huawei"], "the metadata service may have some for either"
    assert found(SYNCMUX_HUAWEI_CREDENTIALS="metadata", **VARIABLES["alibaba"]) == ["alibaba", "huawei"]
    a_profile(emulated, "huawei")
    assert found() == ["huawei"]
    bare = {"HOME": str(emulated.home / "none")}
    with pytest.raises(CredentialsError, match="no credentials: ALIBABA_CLOUD_ACCESS_KEY_ID and"):
        accounts(load(None, bare), bare)


@pytest.mark.parametrize("url", ["http://10.0.0.1", "http://100.100.100.201", "https://example.com"])
def test_metadata_hosts_are_the_vendors_or_this_machine(emulated: Emulated, url: str) -> None:
    with pytest.raises(ConfigError, match=r"^SYNCMUX_ALIBABA_METADATA_ENDPOINT "):
        emulated.account("alibaba", SYNCMUX_ALIBABA_METADATA_ENDPOINT=url)


@pytest.mark.parametrize("name", ["file:keys.json", "profile", ""])
async def test_a_file_that_cannot_be_read_for_now_is_read_later(
    emulated: Emulated, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = emulated.file("keys.json", KEYS) if name.startswith("file") else a_profile(emulated, "alibaba")
    name = f"file:{path}" if name.startswith("file") else name
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", stale(path))
        account = emulated.account("alibaba", name)
        async with Transport() as transport:
            with pytest.raises(CredentialsNotReadyError, match="Stale file handle"):
                await Client(transport, [account]).ready()
    assert (await fetched(account)).credentials == Credentials("id", "secret")


async def test_an_account_of_the_environment_whose_file_cannot_be_read_for_now(
    emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = a_profile(emulated, "alibaba")
    environ = {"HOME": str(path.parent.parent)}
    settings = load(None, environ=environ)
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", stale(path))
        with pytest.raises(CredentialsNotReadyError):
            accounts(settings, environ)
        others = {"HUAWEICLOUD_SDK_AK": "id", "HUAWEICLOUD_SDK_SK": "secret", "SYNCMUX_HUAWEI_REGION": "cn-north-4"}
        assert [account.cloud for account in accounts(settings, environ | others)] == ["huawei"], "it may be unused"
        (account,) = accounts(settings, environ | {"SYNCMUX_ALIBABA_REGION": "cn-hangzhou"})
    assert (await fetched(account)).credentials == Credentials("id", "secret")
