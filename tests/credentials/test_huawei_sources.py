"""The sources of Huawei's SDK, and IAM users with a password, each by its description."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from engine.clouds.huawei.credentials import SOURCES
from engine.clouds.huawei.token import TokenSigner
from engine.clouds.sources import Setting
from engine.errors import CredentialsError, UnavailableError
from engine.model import AuthToken, Fetched, Reply
from signers import Credentials

from .described import World, replies

FILE = "/home/me/.huaweicloud/credentials"
ENDPOINTS = {"iam": "https://iam.example", "metadata": "http://169.254.169.254"}
PASSWORD = "a pass-word \u00e9 of mine"
ENDS = "2020-01-04T09:08:49.965000Z"
TEMPORARY = {"credential": {"access": "id", "secret": "secret", "securitytoken": "token", "expires_at": ENDS}}


def setting(argument: str = "", project_id: str = "", **environ: str) -> Setting:
    told = {"project_id": project_id} if project_id else {}
    return Setting({"HOME": "/home/me", **environ}, "cn-north-4", ENDPOINTS, told, argument)


def profile(world: World, argument: str = "", **environ: str) -> Fetched | None:
    return world.carry_out(SOURCES["profile"], setting(argument, **environ))


def test_a_section_holds_keys_and_may_name_the_project() -> None:
    body = "[basic]\nak = id\nsk = secret\nsecurity_token = token\nproject_id = p1\n[other]\nak=o\nsk=s\n[global]\nak=g"
    fetched = profile(World({FILE: body}))
    assert fetched
    assert (fetched.credentials, fetched.source) == (Credentials("id", "secret", "token"), f"[basic] of {FILE}")
    assert (fetched.settings, fetched.expires_at) == ({"project_id": "p1"}, None)
    assert fetched.look_again_s
    fetched = profile(World({FILE: body}), "other")
    assert fetched
    assert fetched.credentials == Credentials("o", "s")


def test_the_file_may_be_elsewhere() -> None:
    world = World({"/etc/keys": "[basic]\nak = id\nsk = secret\n"})
    assert profile(world, HUAWEICLOUD_SDK_CREDENTIALS_FILE="/etc/keys")
    with pytest.raises(CredentialsError, match="there is no file /nowhere"):
        profile(world, HUAWEICLOUD_SDK_CREDENTIALS_FILE="/nowhere")
    assert profile(world) is None
    assert world.carry_out(SOURCES["profile"], Setting({})) is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[global]\nak = id\nsk = s\n", r"there is no section \[basic\]"),
        ("[basic]\nak = id\n", "has ak and no sk"),
        ("[basic]\nidp_id = x\nid_token_file = y\n", "federated credentials are not supported"),
        ("[basic]\nuser_name = me\n", "password in .* is empty"),
        ("half a fi", "is not an INI file"),
    ],
)
def test_a_file_that_cannot_be_used_is_not_passed_over(body: str, said: str) -> None:
    with pytest.raises(CredentialsError, match=said):
        profile(World({FILE: body}))


def test_what_the_sdk_would_prefer_is_not_passed_over() -> None:
    assert World().carry_out(SOURCES["federated"], setting()) is None
    for name in ("HUAWEICLOUD_OIDC_PROVIDER_URN", "HUAWEICLOUD_SDK_IDP_ID"):
        with pytest.raises(CredentialsError, match=f"{name} is set"):
            World().carry_out(SOURCES["federated"], setting(**{name: "x"}))


@pytest.mark.parametrize(
    ("first", "headers"), [((200, "the-token"), {"X-Metadata-Token": "the-token"}), ((404, ""), {}), ((405, ""), {})]
)
def test_the_metadata_service_gives_the_agencys_keys(first: tuple[int, str], headers: dict[str, str]) -> None:
    world = World(answer=replies(first, (200, TEMPORARY)))
    fetched = world.carry_out(SOURCES["metadata"], setting())
    assert fetched
    assert (fetched.credentials, fetched.expires_at) == (Credentials("id", "secret", "token"), 1578128929.965)
    put, keys = world.asked
    assert (put.method, put.url) == ("PUT", "http://169.254.169.254/meta-data/latest/api/token")
    assert int(put.headers["X-Metadata-Token-Ttl-Seconds"]) > 10
    assert (keys.method, keys.url) == ("GET", "http://169.254.169.254/openstack/latest/securitykey")
    assert keys.headers == headers


@pytest.mark.parametrize(
    "answers",
    [
        [(403, "another cloud's")],
        [(200, "t"), (404, "")],
        [(200, "t"), (401, "Please configure Cloud Service Agency first.")],
    ],
)
def test_a_machine_without_an_agency_has_no_credentials(answers: list[tuple[int, str]]) -> None:
    assert World(answer=replies(*answers)).carry_out(SOURCES["metadata"], setting()) is None


def test_a_metadata_service_in_trouble_is_asked_again_later() -> None:
    with pytest.raises(UnavailableError):
        World(answer=replies((200, "t"), (500, ""))).carry_out(SOURCES["metadata"], setting())


USER = {"HW_USER_NAME": "me", "HW_USER_PASSWORD": PASSWORD, "HW_DOMAIN_NAME": "company"}
TOLD: dict[str, Any] = {"token": {"expires_at": ENDS, "project": {"id": "p1", "name": "cn-north-4"}}}


def signed_in(reply: Reply, given: Setting, source: str = "password") -> tuple[Fetched | None, World]:
    world = World({FILE: f"[mine]\nuser_name=me\npassword={PASSWORD}\ndomain_name=company\nproject_id=p9"})
    world.answer = lambda request: reply
    return world.carry_out(SOURCES[source], given), world


ISSUED = Reply(201, {"x-subject-token": "MIIabc", "content-type": "application/json"}, orjson.dumps(TOLD))


@pytest.mark.parametrize(
    ("source", "given", "project"),
    [
        ("password", setting(**USER), {"name": "cn-north-4"}),
        ("password", setting(project_id="p7", **USER), {"id": "p7"}),
        ("password", setting("MY_", **{f"MY_{name}": value for name, value in USER.items()}), {"name": "cn-north-4"}),
        ("profile", setting("mine"), {"id": "p9"}),
    ],
)
def test_a_password_gives_a_token_for_one_project(source: str, given: Setting, project: dict[str, str]) -> None:
    fetched, world = signed_in(ISSUED, given, source)
    assert fetched
    assert fetched.credentials == AuthToken("MIIabc")
    assert (fetched.expires_at, fetched.settings) == (1578128929.965, {"project_id": "p1"})
    (request,) = world.asked
    assert (request.method, request.url) == ("POST", "https://iam.example/v3/auth/tokens?nocatalog=true")
    user = {"name": "me", "password": PASSWORD, "domain": {"name": "company"}}
    assert orjson.loads(request.body) == {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": project},
        }
    }
    assert PASSWORD not in repr(request)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(401, {}, b'{"error": {"message": "secret"}}'), "IAM does not accept the name and the password"),
        (Reply(403, {}, b"secret"), "IAM refuses: HTTP 403"),
        (Reply(403, {}, b'{"error": {"code": "IAM.0011", "message": "secret"}}'), "IAM refuses: IAM.0011, HTTP 403"),
        (Reply(201, {}, orjson.dumps(TOLD)), "holds no token"),
        (Reply(201, {"x-subject-token": "a b"}, orjson.dumps(TOLD)), "holds no token"),
        (Reply(201, {"x-subject-token": "secret"}, b'{"token": {}}'), "expires_at in IAM's answer is not a time"),
        (Reply(201, {"x-subject-token": "secret"}, b"[]"), "IAM's answer is not a JSON object"),
    ],
)
def test_what_iam_may_say_instead(reply: Reply, said: str) -> None:
    with pytest.raises(CredentialsError, match=said) as refused:
        signed_in(reply, setting(**USER))
    assert "secret" not in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_half_a_user_is_refused() -> None:
    assert World().carry_out(SOURCES["password"], setting()) is None
    for name in USER:
        with pytest.raises(CredentialsError, match=f"{name} in .* is empty"):
            World().carry_out(SOURCES["password"], setting(**{**USER, name: ""}))


def test_a_token_stands_in_the_place_of_a_signature() -> None:
    signer = TokenSigner(AuthToken("MIIabc"), "https://oms.example", "p1")
    request = signer.sign("post", "/v2/p1/x", [("a", "b c")], b"{}", now=0.0)
    assert (request.method, request.url, request.body) == ("POST", "https://oms.example/v2/p1/x?a=b%20c", b"{}")
    assert request.headers == {
        "host": "oms.example",
        "x-auth-token": "MIIabc",
        "x-project-id": "p1",
        "content-type": "application/json",
    }
    assert signer.sign("GET", "/v2", now=0.0).headers.keys() == {"host", "x-auth-token", "x-project-id"}
    assert "MIIabc" not in repr(request) + repr(AuthToken("MIIabc"))
