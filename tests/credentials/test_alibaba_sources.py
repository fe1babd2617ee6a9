"""The sources of Alibaba's tools, each by its description."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from engine.clouds.alibaba.credentials import SOURCES
from engine.clouds.sources import Setting
from engine.errors import CredentialsError, UnavailableError
from engine.model import Fetched, Reply
from signers import Credentials

from .described import World, replies

TOOL, SDK = "/home/me/.aliyun/config.json", "/home/me/.alibabacloud/credentials.ini"
ENDPOINTS = {"sts": "https://sts.example", "metadata": "http://100.100.100.200"}
KEYS = {"access_key_id": "id", "access_key_secret": "secret"}
ROLE = "acs:ram::1:role/worker"
ENDS = "2026-01-02T03:04:05Z"
TEMPORARY = {"AccessKeyId": "STS.id", "AccessKeySecret": "secret", "SecurityToken": "token", "Expiration": ENDS}
FOUND = Credentials("STS.id", "secret", "token")


def setting(argument: str = "", **environ: str) -> Setting:
    return Setting({"HOME": "/home/me", **environ}, "cn-shanghai", ENDPOINTS, argument=argument)


def config(*profiles: dict[str, Any], current: str = "mine") -> dict[str, Any]:
    return {"current": current, "profiles": [{"name": "mine", **profile} for profile in profiles]}


def profile(world: World, argument: str = "", **environ: str) -> Fetched | None:
    return world.carry_out(SOURCES["profile"], setting(argument, **environ))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"mode": "AK", **KEYS, "sts_token": "of another mode"}, Credentials("id", "secret")),
        (KEYS, Credentials("id", "secret")),
        ({"mode": "StsToken", **KEYS, "sts_token": "token"}, Credentials("id", "secret", "token")),
    ],
)
def test_a_profile_of_the_tool_holds_keys(values: dict[str, Any], found: Credentials) -> None:
    fetched = profile(World({TOOL: config(values)}))
    assert fetched
    assert (fetched.credentials, fetched.source) == (found, f"profile mine of {TOOL}")
    assert fetched.expires_at is None
    assert fetched.look_again_s, "whoever renews a file says nothing"


def test_the_profile_is_the_named_one_or_the_current_one() -> None:
    document = config({}, current="b")
    document["profiles"] = [{"name": name, "access_key_id": name, "access_key_secret": "s"} for name in "abc"]
    world = World({TOOL: document})
    for fetched, name in (
        (profile(world), "b"),
        (profile(world, ALIBABA_CLOUD_PROFILE="c"), "c"),
        (profile(world, "a", ALIBABA_CLOUD_PROFILE="c"), "a"),
    ):
        assert fetched
        assert fetched.credentials == Credentials(name, "s")


def test_the_tool_comes_before_the_sdks_file_unless_it_is_disabled() -> None:
    sdk = "[default]\ntype = access_key # a comment\naccess_key_id = sdk\naccess_key_secret = s\n"
    world = World({TOOL: config(KEYS), SDK: sdk})
    fetched = profile(world)
    assert fetched
    assert fetched.source.endswith(TOOL)
    fetched = profile(world, ALIBABA_CLOUD_CLI_PROFILE_DISABLED="true")
    assert fetched
    assert fetched.credentials == Credentials("sdk", "s")
    other = World({"/etc/keys": sdk.replace("default", "prod"), SDK: sdk})
    fetched = profile(other, ALIBABA_CLOUD_CREDENTIALS_FILE="/etc/keys", ALIBABA_CLOUD_PROFILE="prod")
    assert fetched
    assert fetched.source == "[prod] of /etc/keys"


def test_the_sdks_disagree_on_the_name_of_their_file() -> None:
    fetched = profile(World({SDK.removesuffix(".ini"): "[default]\naccess_key_id=id\naccess_key_secret=s\n"}))
    assert fetched
    assert fetched.credentials == Credentials("id", "s")


def test_without_files_there_is_nothing_unless_a_profile_was_named() -> None:
    assert profile(World()) is None
    assert World().carry_out(SOURCES["profile"], Setting({})) is None
    with pytest.raises(CredentialsError, match="there is no profile prod in /home/me"):
        profile(World({TOOL: config(KEYS)}), "prod")


def test_an_external_profile_runs_its_command() -> None:
    world = World(
        {TOOL: config({"mode": "External", "process_command": "vault read 'a b'"})},
        output={"mode": "StsToken", **KEYS, "sts_token": "token", "expiration": ENDS},
    )
    fetched = profile(world)
    assert world.ran == [("vault", "read", "a b")]
    assert fetched
    assert (fetched.credentials, fetched.expires_at) == (Credentials("id", "secret", "token"), 1767323045.0)


@pytest.mark.parametrize("chained", [False, True])
def test_a_role_is_assumed_with_the_profiles_keys(chained: bool) -> None:
    role = {"ram_role_arn": ROLE, "ram_session_name": "me", "expired_seconds": 900, "policy": ""}
    if chained:
        document = config({"mode": "ChainableRamRoleArn", "source_profile": "keys", **role})
        document["profiles"].append({"name": "keys", "mode": "AK", **KEYS})
    else:
        document = config({"mode": "RamRoleArn", **KEYS, **role})
    world = World({TOOL: document}, replies((200, {"RequestId": "r", "Credentials": TEMPORARY})))
    fetched = profile(world)
    assert fetched
    assert (fetched.credentials, fetched.expires_at) == (FOUND, 1767323045.0)
    (request,) = world.asked
    assert (request.method, request.url) == ("POST", "https://sts.example/")
    form = {name: value[0] for name, value in parse_qs(request.body.decode()).items()}
    assert form.items() >= {
        "Action": "AssumeRole", "Version": "2015-04-01", "RoleArn": ROLE, "RoleSessionName": "me",
        "DurationSeconds": "900", "AccessKeyId": "id", "SignatureNonce": "a-nonce",
    }.items()  # fmt: skip
    assert "Policy" not in form
    assert form["Signature"]


def test_a_chain_of_profiles_may_not_be_a_circle() -> None:
    circle = {"mode": "ChainableRamRoleArn", "source_profile": "mine", "ram_role_arn": ROLE}
    with pytest.raises(CredentialsError, match="leads back to it"):
        profile(World({TOOL: config(circle)}))


@pytest.mark.parametrize("mode", ["CloudSSO", "OAuth", "RsaKeyPair", 7])
def test_a_profile_of_another_mode_is_not_passed_over(mode: object) -> None:
    with pytest.raises(CredentialsError, match=r"mode .* is not supported"):
        profile(World({TOOL: config({"mode": mode})}))
    sdk = "[default]\ntype = rsa_key_pair\n"
    with pytest.raises(CredentialsError, match=r"type .* is not supported"):
        profile(World({SDK: sdk}))


@pytest.mark.parametrize("content", ["{", '{"profiles": 7}', '{"profiles": [7]}'])
def test_a_broken_file_is_not_passed_over(content: str) -> None:
    with pytest.raises(CredentialsError, match=f"{TOOL} "):
        profile(World({TOOL: content}))


def test_a_workloads_role_is_assumed_with_its_token() -> None:
    names = {
        "ALIBABA_CLOUD_ROLE_ARN": ROLE,
        "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1:oidc-provider/ack",
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "/var/run/token",
    }
    world = World({"/var/run/token": "jwt\n"}, replies((200, {"Credentials": TEMPORARY})))
    fetched = world.carry_out(SOURCES["oidc"], setting(**names))
    assert fetched
    assert fetched.credentials == FOUND
    assert world.read[0].private is False
    form = parse_qs(world.asked[0].body.decode())
    assert (form["Action"], form["OIDCToken"], form["RoleArn"]) == (["AssumeRoleWithOIDC"], ["jwt"], [ROLE])
    assert form["Timestamp"] == ["2023-11-14T22:13:20Z"]
    assert world.carry_out(SOURCES["oidc"], setting(ALIBABA_CLOUD_ROLE_ARN=ROLE)) is None


def test_sts_is_asked_once_more_with_its_own_time() -> None:
    document = config({"mode": "RamRoleArn", **KEYS, "ram_role_arn": ROLE})
    stale = Reply(400, {"date": "Tue, 14 Nov 2023 23:13:20 GMT"}, b'{"Code":"InvalidTimeStamp.Expired"}')
    answers = iter((stale, Reply(200, {}, orjson.dumps({"Credentials": TEMPORARY}))))
    world = World({TOOL: document}, lambda request: next(answers))
    assert profile(world)
    times = [parse_qs(request.body.decode())["Timestamp"] for request in world.asked]
    assert times == [["2023-11-14T22:13:20Z"], ["2023-11-14T23:13:20Z"]]
    for headers in (stale.headers, {"date": "Thu, 14 Nov 2024 23:13:20 GMT"}, {"date": "x"}, {}):
        world = World({TOOL: document}, lambda request, headers=headers: Reply(400, headers, stale.body))  # type: ignore[misc]
        with pytest.raises(CredentialsError, match=r"STS refuses: InvalidTimeStamp\.Expired, HTTP 400"):
            profile(world)
        times = [parse_qs(request.body.decode())["Timestamp"] for request in world.asked]
        assert len(times) <= 2
        assert ["2024-11-14T23:13:20Z"] not in times, "no clock is off by a year"


def test_sts_may_refuse_and_may_be_away() -> None:
    document = config({"mode": "RamRoleArn", **KEYS, "ram_role_arn": ROLE})
    with pytest.raises(CredentialsError, match="STS refuses: NoPermission, HTTP 403"):
        profile(World({TOOL: document}, replies((403, {"Code": "NoPermission"}))))
    for told in ({"Code": "not a code: secret"}, {"Code": 403}, ["Code"], "Code"):
        with pytest.raises(CredentialsError, match="STS refuses: HTTP 403"):
            profile(World({TOOL: document}, replies((403, told))))
    with pytest.raises(UnavailableError, match="STS cannot serve now"):
        profile(World({TOOL: document}, replies((503, ""))))


def metadata(world: World, argument: str = "", **environ: str) -> Fetched | None:
    return world.carry_out(SOURCES["metadata"], setting(argument, **environ))


def test_the_metadata_service_is_asked_with_a_token() -> None:
    world = World(answer=replies((200, "the-token"), (200, "my role\n"), (200, {"Code": "Success", **TEMPORARY})))
    fetched = metadata(world)
    assert fetched
    assert (fetched.credentials, fetched.expires_at) == (FOUND, 1767323045.0)
    base = "http://100.100.100.200/latest"
    put, role, keys = world.asked
    assert (put.method, put.url) == ("PUT", f"{base}/api/token")
    assert int(put.headers["x-aliyun-ecs-metadata-token-ttl-seconds"]) > 10
    assert role.url == f"{base}/meta-data/ram/security-credentials/"
    assert keys.url == f"{base}/meta-data/ram/security-credentials/my%20role"
    assert role.headers == keys.headers == {"x-aliyun-ecs-metadata-token": "the-token"}


@pytest.mark.parametrize(("argument", "environ"), [("r", {}), ("", {"ALIBABA_CLOUD_ECS_METADATA": "r"})])
def test_a_role_that_is_named_is_not_asked_for(argument: str, environ: dict[str, str]) -> None:
    world = World(answer=replies((200, "the-token"), (200, {"Code": "Success", **TEMPORARY})))
    assert metadata(world, argument, **environ)
    assert world.asked[-1].url.endswith("/security-credentials/r")


def test_an_old_metadata_service_is_asked_without_a_token_unless_that_is_forbidden() -> None:
    world = World(answer=replies((404, ""), (200, "r"), (200, {"Code": "Success", **TEMPORARY})))
    assert metadata(world)
    assert world.asked[-1].headers == {}
    assert metadata(World(answer=replies((404, ""))), ALIBABA_CLOUD_IMDSV1_DISABLED="true") is None


@pytest.mark.parametrize("answers", [[(403, "another cloud's")], [(404, ""), (404, "")], [(200, "t"), (404, "")]])
def test_a_machine_without_a_role_has_no_credentials(answers: list[tuple[int, str]]) -> None:
    assert metadata(World(answer=replies(*answers))) is None
    world = World()
    assert metadata(world, ALIBABA_CLOUD_ECS_METADATA_DISABLED="true") is None
    assert not world.asked


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([(200, "t"), (200, "r"), (200, {"Code": "Failed"})], "gives no keys"),
        ([(200, "t"), (200, "r"), (404, "")], "there is no such role"),
        ([(200, "t"), (200, "r"), (200, "<html>")], "is not a JSON object"),
        ([(200, "two\nlines")], "something else than a line"),
        ([(200, "t"), (200, "")], "something else than a line"),
    ],
)
def test_what_the_metadata_service_may_not_say(answers: list[tuple[int, object]], said: str) -> None:
    with pytest.raises(CredentialsError, match=said):
        metadata(World(answer=replies(*answers)))


def test_a_metadata_service_in_trouble_is_asked_again_later() -> None:
    with pytest.raises(UnavailableError):
        metadata(World(answer=replies((503, ""))))


def test_keys_behind_a_url() -> None:
    world = World(answer=replies((200, TEMPORARY)))
    fetched = world.carry_out(SOURCES["uri"], setting(ALIBABA_CLOUD_CREDENTIALS_URI="http://127.0.0.1:80/keys"))
    assert fetched
    assert fetched.credentials == FOUND
    assert world.carry_out(SOURCES["uri"], setting()) is None
    for url in ("http://10.0.0.1/keys", "http://127.0.0.1.evil.example/", "http://localhost.evil.example/"):
        with pytest.raises(CredentialsError, match="neither https nor on this machine"):
            World(answer=replies((200, TEMPORARY))).carry_out(
                SOURCES["uri"], setting(ALIBABA_CLOUD_CREDENTIALS_URI=url)
            )
