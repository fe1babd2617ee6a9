"""Huawei Cloud IAM's tokens: how they are had, what they open, when they end."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from engine.emulator import Emulator

from .signed import SYNC_TASK, Seen, SignedClient


def _body(project: object = None, *, domain: str = "other", **user: str) -> dict[str, Any]:
    """Asks for a token of the other account, for one project or for all."""
    known = {"name": "other-ak", "password": "other-sk", "domain": {"name": domain}, **user}
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": known}}}
    return {"auth": {**auth, "scope": {"project": project}} if project else auth}


async def _sign_in(client: SignedClient, document: object) -> Seen:
    target = "/v3/auth/tokens?nocatalog=true"
    return await client.send("POST", target, {"content-type": "application/json;charset=utf8"}, orjson.dumps(document))


async def _create(client: SignedClient, token: str, project: str) -> Seen:
    headers = {"x-auth-token": token, "content-type": "application/json"}
    return await client.send("POST", f"/v2/{project}/sync-tasks", headers, orjson.dumps(SYNC_TASK))


async def test_a_token_stands_in_for_a_signature(client: SignedClient) -> None:
    issued = await _sign_in(client, _body({"id": "cn-project"}))
    assert issued.status == 201
    assert issued.headers["X-IAM-Trace-Id"]
    told = issued.json["token"]
    assert (told["project"]["id"], told["user"]["name"]) == ("cn-project", "other-ak")
    assert told["expires_at"] > told["issued_at"]
    token = issued.headers["X-Subject-Token"]
    created = await _create(client, token, "cn-project")
    assert created.status == 200
    assert (await _create(client, token, "another-project")).code == "APIGW.0302"
    other = client.with_key("other-ak", "other-sk")
    listed = await other.huawei("GET", "/v2/cn-project/sync-tasks")
    assert [task["sync_task_id"] for task in listed.json["tasks"]] == [created.json["sync_task_id"]]


async def test_a_token_for_a_region_is_for_its_project(client: SignedClient) -> None:
    other = client.with_key("other-ak", "other-sk")
    (project,) = (await other.huawei("GET", "/v3/projects", query="name=cn-north-4")).json["projects"]
    issued = await _sign_in(client, _body({"name": "cn-north-4"}))
    assert issued.json["token"]["project"] == {"name": "cn-north-4", "id": project["id"]}
    assert (await _create(client, issued.headers["X-Subject-Token"], project["id"])).status == 200


async def test_a_token_for_the_whole_domain(client: SignedClient) -> None:
    issued = await _sign_in(client, _body())
    assert "project" not in issued.json["token"]
    assert (await _create(client, issued.headers["X-Subject-Token"], "any")).status == 200


@pytest.mark.parametrize("wrong", [{"name": "nobody"}, {"password": "wrong"}, {"domain": "emulator"}])
async def test_a_wrong_password_is_refused(client: SignedClient, wrong: dict[str, str]) -> None:
    refused = await _sign_in(client, _body(None, **wrong))
    assert refused.status == 401
    assert refused.json["error"] == {
        "code": 401,
        "message": "The username or password is wrong.",
        "title": "Unauthorized",
    }


@pytest.mark.parametrize("document", [{}, [], {"auth": {"identity": []}}, {"auth": None}])
async def test_a_request_for_a_token_that_cannot_be_read(client: SignedClient, document: object) -> None:
    assert (await _sign_in(client, document)).status == 400


async def test_forged_and_stale_tokens(client: SignedClient, emulator: Emulator) -> None:
    token = (await _sign_in(client, _body())).headers["X-Subject-Token"]
    for forged in ("nonsense", "", token[:-8] + "AAAAAAAA", token[8:]):
        refused = await _create(client, forged, "p1")
        assert (refused.status, refused.code) == (401, "APIGW.0301")
    await client.faults(clock_skew_s=23 * 3600)
    assert (await _create(client, token, "p1")).status == 200
    await client.faults(clock_skew_s=25 * 3600)
    stale = await _create(client, token, "p1")
    assert (stale.status, stale.code) == (401, "APIGW.0307")
    assert "other-sk" not in repr(emulator.ledger)
