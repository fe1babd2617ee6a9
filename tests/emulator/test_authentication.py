"""Who may call: signatures over the raw bytes, dates, nonces, tokens, projects, the lock on a guessed key."""

from __future__ import annotations

from typing import Any

import pytest

from engine.emulator import AccessKey, Emulator
from engine.emulator.clock import Clock
from engine.emulator.exchange import Call, Received, RefusedError
from engine.emulator.keys import AccessKeys
from engine.emulator.nonces import SeenNonces
from engine.emulator.verify_huawei import HuaweiVerifier

from .signed import SignedClient


async def test_any_change_to_a_signed_v3_call_is_noticed(client: SignedClient) -> None:
    for headers in ({"accept": "application/xml"}, {"x-acs-extra": "1"}, {"user-agent": "mine"}):
        assert (await client.trigger(headers=headers)).status == 200
    refused = await client.with_key("emulator-ak", "wrong").trigger()
    assert (refused.status, refused.code) == (400, "SignatureDoesNotMatch")
    assert "server StringToSign is [ACS3-HMAC-SHA256\n" in refused.json["Message"]
    assert "server CanonicalRequest is [POST\n/\nGatewayId=gw-1&" in refused.json["Message"]
    assert (await client.ledger())["calls"] == {"TriggerGatewayRemoteSync": 3}


async def test_every_x_acs_header_must_be_signed(client: SignedClient) -> None:
    assert (await client.trigger(unsigned={"x-request-source": "1"})).status == 200
    refused = await client.trigger(unsigned={"x-acs-source": "1"})
    assert (refused.status, refused.code) == (400, "IncompleteSignature")


async def test_signed_headers_must_have_been_sent(client: SignedClient) -> None:
    for name in ("x-acs-content-sha256", "x-extra"):
        refused = await client.trigger(headers={name: ""})
        assert (refused.status, refused.code) == (400, "IncompleteSignature")


async def test_the_body_hash_must_be_the_bodys(client: SignedClient) -> None:
    refused = await client.trigger(headers={"x-acs-content-sha256": "0" * 64})
    assert (refused.status, refused.code) == (400, "InvalidContentSha256")


async def test_malformed_dates(client: SignedClient) -> None:
    refused = await client.trigger(headers={"x-acs-date": "yesterday"})
    assert refused.code == "InvalidTimeStamp.Format"
    assert (await client.rpc("DescribeTasks", Format="JSON", Timestamp="20240101")).code == "InvalidTimeStamp.Format"


async def test_rpc_calls_by_query_form_and_get(client: SignedClient) -> None:
    for form, method in ((False, "POST"), (True, "POST"), (False, "GET")):
        seen = await client.rpc("DescribeTasks", form=form, method=method, Format="json", TargetId="gw-ä +*~%/")
        assert seen.json["TotalCount"] == 0


@pytest.mark.parametrize("name", ["AccessKeyId", "SignatureNonce", "Timestamp", "SignatureMethod"])
async def test_rpc_calls_need_every_common_parameter(client: SignedClient, name: str) -> None:
    without: dict[str, Any] = {"Format": "JSON", name: ""}
    refused = await client.rpc("DescribeTasks", **without)
    assert (refused.status, refused.code) == (400, f"Missing{name}")


async def test_unknown_operations_and_versions(client: SignedClient) -> None:
    for answer in (
        await client.alibaba("NoSuchOperation"),
        await client.alibaba("DescribeTasks", version="2017-01-01", TargetId="gw-1"),
    ):
        assert (answer.status, answer.code) == (404, "InvalidApi.NotFound")
    missing = await client.huawei("POST", "/v2/p1/no-such-thing")
    assert (missing.status, missing.code) == (404, "APIGW.0101")


async def test_a_nonce_may_be_used_by_two_keys(client: SignedClient) -> None:
    assert (await client.trigger(nonce="n")).status == 200
    assert (await client.with_key("other-ak", "other-sk").trigger(nonce="n")).status == 200
    assert (await client.trigger(nonce="n")).code == "SignatureNonceUsed"


async def test_a_wrong_signature_does_not_use_up_a_nonce(client: SignedClient) -> None:
    assert (await client.with_key("emulator-ak", "wrong").trigger(nonce="n")).status == 400
    assert (await client.trigger(nonce="n")).status == 200


def test_nonces_are_remembered_in_bounded_memory() -> None:
    seen = SeenNonces(Clock(), capacity=100)
    for number in range(10_050):
        assert seen.use("ak", str(number))
        assert len(seen) <= 200
    assert not seen.use("ak", "10049")
    assert not seen.use("ak", "9950")


class _SetClock(Clock):
    at = 1000.0

    def elapsed(self) -> float:
        return self.at


def test_nonces_are_forgotten_after_a_quarter_of_an_hour_at_the_earliest() -> None:
    clock = _SetClock()
    seen = SeenNonces(clock)
    assert seen.use("ak", "first")
    clock.at += 899
    assert not seen.use("ak", "first")
    for number in range(2):
        clock.at += 901
        assert seen.use("ak", f"later {number}")
    assert seen.use("ak", "first")


async def test_huawei_echoes_its_canonical_request(client: SignedClient) -> None:
    refused = await client.with_key("emulator-ak", "wrong").huawei(
        "GET", "/v2/p%20x/sync-tasks/t", query="query_time=1"
    )
    assert (refused.status, refused.code) == (401, "APIGW.0301")
    assert (
        "canonicalRequest:GET|/v2/p%20x/sync-tasks/t/|query_time=1|content-type:application/json|host:"
        in (refused.json["error_msg"])
    )
    assert refused.json["request_id"] == refused.headers["X-Request-Id"]


async def test_huawei_signs_the_body(client: SignedClient) -> None:
    task = await client.new_sync_task()
    wrong = await client.huawei("POST", f"{task}/events", body=b"{}", headers={"x-sdk-content-sha256": "0" * 64})
    assert wrong.code != "APIGW.0301"  # the header is not believed, the real hash is what was signed
    seen = await client.send("POST", f"{task}/events", {"authorization": "SDK-HMAC-SHA256 nonsense"}, b"{}")
    assert (seen.status, seen.code) == (401, "APIGW.0301")


def _stolen(key: AccessKey, clock: Clock) -> HuaweiVerifier:
    return HuaweiVerifier(AccessKeys(clock, [key]), clock)


def _call(access_key_id: str, date: str) -> Call:
    authorization = f"SDK-HMAC-SHA256 Access={access_key_id}, SignedHeaders=x-sdk-date, Signature={'0' * 64}"
    headers = {"authorization": authorization, "x-sdk-date": date}
    return Call(Received("GET", "/", "", headers, b""), "X", {})


async def test_more_than_five_failures_lock_a_key_for_five_minutes(client: SignedClient) -> None:
    guessing = client.with_key("other-ak", "guess")
    right = client.with_key("other-ak", "other-sk")
    for _ in range(5):
        assert "verify aksk signature fail" in (await guessing.huawei("GET", "/v3/projects")).json["error_msg"]
    assert (await right.huawei("GET", "/v3/projects")).status == 200  # a success starts the count anew
    for _ in range(6):
        assert "verify aksk signature fail" in (await guessing.huawei("GET", "/v3/projects")).json["error_msg"]
    locked = await right.huawei("GET", "/v3/projects")
    assert (locked.status, locked.code) == (401, "APIGW.0301")
    assert "AK access failed to reach the limit,forbidden" in locked.json["error_msg"]
    assert (await client.huawei("GET", "/v3/projects")).status == 200  # the other key is not locked


def test_the_lock_ends_after_five_minutes() -> None:
    clock = _SetClock()
    key = AccessKey("ak", "sk")
    keys = AccessKeys(clock, [key])
    for _ in range(6):
        keys.failed(key)
    clock.at += 299
    assert keys.locked(key)
    clock.at += 2
    assert not keys.locked(key)


def test_stale_dates_do_not_lock_a_key() -> None:
    clock = _SetClock()
    verifier = _stolen(AccessKey("ak", "sk"), clock)
    for _ in range(20):
        with pytest.raises(RefusedError, match="signature expired"):
            verifier.verify(_call("ak", "20200101T000000Z"))


async def test_a_project_belongs_to_the_first_account_that_uses_it(client: SignedClient) -> None:
    other = client.with_key("other-ak", "other-sk")
    await client.new_sync_task("adopted")
    refused = await other.create_sync_task("adopted")
    assert (refused.status, refused.code) == (403, "APIGW.0302")
    assert (await other.create_sync_task("another")).status == 200
    assert (await client.create_sync_task("another")).status == 403


async def test_projects_that_iam_names_are_taken(client: SignedClient) -> None:
    listed = await client.huawei("GET", "/v3/projects", query="name=cn-north-4")
    (project,) = listed.json["projects"]
    assert listed.headers["X-IAM-Trace-Id"]
    other = client.with_key("other-ak", "other-sk")
    assert (await other.create_sync_task(project["id"])).status == 403
    (others,) = (await other.huawei("GET", "/v3/projects", query="name=cn-north-4")).json["projects"]
    assert others["id"] != project["id"]
    every = (await client.huawei("GET", "/v3/projects")).json["projects"]
    assert project in every
    assert len(every) > 1


async def test_the_project_header_must_be_the_paths(client: SignedClient) -> None:
    task = await client.new_sync_task("p1")
    query = "query_time=1"
    assert (await client.huawei("GET", task, query=query, headers={"x-project-id": "p1"})).status == 200
    refused = await client.huawei("GET", task, query=query, headers={"x-project-id": "p2"})
    assert (refused.status, refused.code) == (403, "APIGW.0302")


async def test_other_accounts_see_neither_tasks_nor_sync_tasks(client: SignedClient, emulator: Emulator) -> None:
    other = client.with_key("other-ak", "other-sk")
    await client.trigger("gw-1")
    assert (await client.alibaba("DescribeTasks", TargetId="gw-1")).json["TotalCount"] == 1
    assert (await other.alibaba("DescribeTasks", TargetId="gw-1")).json["TotalCount"] == 0
    assert emulator.ledger.refused == {}
