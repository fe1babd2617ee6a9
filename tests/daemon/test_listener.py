"""Every format that a listener can have: what comes in it is taken once, and what is forged is turned away."""

from __future__ import annotations

import asyncio
import io
import json
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from itertools import permutations
from pathlib import Path

import pytest

from engine.backlog.sqlite import SqliteBacklog
from engine.daemon.access import Tokens
from engine.daemon.connection import Limits
from engine.daemon.http_head import Head, Response
from engine.daemon.intake import Intake
from engine.daemon.listener import Listener
from engine.daemon.listener_settings import ListenerSettings
from engine.daemon.log import Log
from engine.daemon.readers import LINES_AT_ONCE, reader
from engine.daemon.rows import filed
from engine.daemon.subscriptions import Subscriptions
from engine.daemon.vendors import Vendors
from engine.errors import TransportError
from engine.model import Reply
from engine.notifications import lines
from engine.routes import read_routes
from engine.transport import Transport
from signers import SignedRequest
from tests.notifications.samples import (
    SIMPLIFIED,
    TOPIC,
    URN,
    binary_event,
    cloud_event,
    line,
    oss_message,
    push_headers,
    push_request,
    s3_document,
    smn_message,
    smn_signed,
)
from tests.notifications.signing import KEY, SIGNER
from tests.test_routes import ACCOUNTS

NOW = datetime.now(UTC)
AT = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
ROUTE = {"name": "r", "bucket": "b", "push": {"sync_task_id": "t"}}


class Vendor(Transport):
    """Answers in the vendor's place, as long as it can be reached."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.reachable = True
        self.answers = asyncio.Event()
        self.answers.set()

    async def send(self, request: SignedRequest) -> Reply:
        self.asked.append(f"{request.method} {request.url}")
        await self.answers.wait()
        if not self.reachable:
            raise TransportError("nobody is there", sent=False)
        return Reply(200, {}, SIGNER.pem)


class Post:
    """Posts to listeners that feed one inbox."""

    def __init__(self, backlog: SqliteBacklog) -> None:
        self.vendor = Vendor()
        self.name = ""  # of listeners; that of their format, if there is none
        self.inbox = backlog.inbox
        self.intake = Intake(self.inbox, read_routes([ROUTE], ACCOUNTS))
        self._vendors = Vendors(self.vendor)
        self._log = io.StringIO()
        self.subscriptions = Subscriptions(Log(self._log))

    def listener(self, form: str, tokens: Tokens | None = None, header: str = "authorization") -> Listener:
        settings = ListenerSettings(
            self.name or form,
            form,
            tokens or Tokens([]),
            header,
            topics=frozenset({TOPIC, URN}),
            key=KEY if form == "smn" else None,
        )
        return Listener(settings, reader(settings, self._vendors, self.subscriptions), self.intake)

    def said(self) -> list[tuple[str, str, str]]:
        """What the log tells of subscriptions."""
        told = [json.loads(line) for line in self._log.getvalue().splitlines()]
        return [(each["event"], each["listener"], each["topic"]) for each in told]

    async def __call__(self, form: str, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        head = Head("POST", "/notifications", "", headers or {}, len(body), keep_alive=True)
        return await self.listener(form).answer(head, body)


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with SqliteBacklog(tmp_path / "backlog.db") as backlog:
        await backlog.inbox.open(86_400.0, 1_000)
        yield Post(backlog)


def written(form: str, key: str) -> tuple[bytes, Mapping[str, str]]:
    if form == "lines":
        return line(key), {}
    if form in {"s3", "obs"}:
        return s3_document(key, store=form).encode(), {}
    if form == "eventbridge":
        return json.dumps(cloud_event(key)).encode(), {}
    if form == "smn":
        return smn_signed(smn_message(s3_document(key, store="obs"), timestamp=AT)), {}
    request = push_request(oss_message(key), push_headers(**SIMPLIFIED, date=format_datetime(NOW, usegmt=True)))
    return request.body, request.headers


@pytest.mark.parametrize("form", ["lines", "s3", "obs", "eventbridge", "smq", "smn"])
async def test_what_is_sent_twice_is_taken_once(post: Post, form: str) -> None:
    body, headers = written(form, "a b+c%20d")
    first, second = await post(form, body, headers), await post(form, body, headers)
    assert (first.status, second.status) == (202, 202)
    assert json.loads(first.body) == {"events": 1, "repeated": 0, "unrouted": 0, "rows": 1, "waiting": 1}
    counts = post.intake.counts[form]
    assert (counts.events, post.inbox.rows) == (2, 1)
    assert counts.repeated + counts.coalesced == 1


async def test_a_cloud_event_may_come_in_headers(post: Post) -> None:
    headers, body = binary_event("k")
    assert (await post("eventbridge", body, headers)).status == 202
    assert post.inbox.rows == 1


async def test_all_lines_or_none(post: Post) -> None:
    count = 2 * LINES_AT_ONCE + 10
    sent = [line(f"k{i}", id=f"{i}") for i in range(count)]
    refused = await post("lines", b"\n".join([*sent, b"{}"]))
    assert refused.status == 400
    assert f"line {count + 1}:" in json.loads(refused.body)["error"]
    assert post.inbox.rows == 0
    taken = await post("lines", b"\n".join(sent))
    assert json.loads(taken.body)["waiting"] == count


def test_all_that_can_be_under_way_fits_into_half_a_gigabyte() -> None:
    """Events take more room than their lines, most of all if these are short."""
    limits = Limits()
    shortest = [b'{"bucket":"b","key":"%x"}' % number for number in range(limits.body_bytes // 4 // 24)]
    body = b"\n".join(shortest)
    routes = read_routes([{**ROUTE, "trigger": {"gateway_id": "gw", "index_id": "NFSx"}}], ACCOUNTS)
    tracemalloc.start()
    made = [(event.id, [filed(row) for row in routes.routed(event).rows]) for event in lines.events(body)]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(made) == len(shortest)
    assert most / len(body) * limits.bodies_bytes < 512 << 20


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"bucket":"b","key":' + b"9" * 100_000 + b"}",
        b'{"bucket":"b","key":"k","size":1e400}',
        b"{" + b",".join(b'"f%d":1' % i for i in range(100_000)) + b"}",
        b'{"bucket":"b","key":"k","key":7}',
        b'{"bucket":"b","key":"k","key":"k"}',
        b'{"bucket":"b","key":"\\ud800"}',
        b"\xff\xfe",
    ],
)
async def test_bombs_are_turned_away(post: Post, bomb: bytes) -> None:
    for form in ("lines", "s3", "eventbridge", "smn"):
        assert (await post(form, bomb)).status == 400
    assert post.inbox.rows == 0


async def test_what_is_forged_is_turned_away(post: Post) -> None:
    body, headers = written("smq", "k")
    assert (await post("smq", body + b" ", headers)).status == 403
    assert (await post("smq", body, {**headers, "x-mns-topic-name": "another"})).status == 403
    body, _ = written("smn", "k")
    assert (await post("smn", body.replace(b"ObjectCreated", b"ObjectRemoved"))).status == 403
    other = smn_signed(smn_message(s3_document("k", store="obs"), timestamp=AT, topic_urn=URN + "-other"))
    assert (await post("smn", other)).status == 403
    old = smn_signed(smn_message(s3_document("k", store="obs"), timestamp="2020-01-01T00:00:00Z"))
    assert (await post("smn", old)).status == 403
    assert post.inbox.rows == 0


async def test_a_certificate_that_is_known_waits_for_no_other(post: Post) -> None:
    body, headers = written("smq", "k")
    assert (await post("smq", body, headers)).status == 202
    made_up = b64encode(b"https://mns-cert.oss-cn-hangzhou.aliyuncs.com/made-up.pem").decode()
    post.vendor.answers.clear()
    forged = asyncio.create_task(post("smq", body, {**headers, "x-mns-signing-cert-url": made_up}))
    while len(post.vendor.asked) < 2:  # noqa: ASYNC110 - it is not to know of tests
        await asyncio.sleep(0)
    assert (await post("smq", body, headers)).status == 202
    post.vendor.answers.set()
    assert (await forged).status == 403


async def test_in_which_order_events_come_makes_no_difference(post: Post) -> None:
    """They say what to look at, not what is there: an old one that comes late undoes nothing."""
    told = [line("d/k", op="created", id="1", time="2026-05-01T12:00:00Z", sequencer="01"),
            line("d/k", op="removed", id="2", time="2026-05-01T12:00:01Z", sequencer="02"),
            line("d/k", op="created", id="3", time="2026-05-01T12:00:02Z", sequencer="03")]  # fmt: skip
    trigger = {"gateway_id": "gw", "index_id": "NFSx"}
    post.intake.routes = read_routes([{**ROUTE, "trigger": trigger}], ACCOUNTS)
    for number, order in enumerate(permutations(told)):
        waiting = post.inbox.rows
        post.name = f"sender{number}"  # with a memory of ids of its own
        taken = [json.loads((await post("lines", each)).body)["rows"] for each in order]
        assert sorted(taken) == [1, 2, 2], "a removal is not pushed, and all of them trigger"
        assert post.inbox.rows == (waiting or 2), "the key and its directory, once"


async def test_a_certificate_is_fetched_once_and_only_from_the_vendor(post: Post) -> None:
    body, headers = written("smq", "k")
    foreign = "aHR0cHM6Ly9ldmlsLmV4YW1wbGUvY2VydC5wZW0="  # https://evil.example/cert.pem
    assert (await post("smq", body, {**headers, "x-mns-signing-cert-url": foreign})).status == 403
    assert post.vendor.asked == []
    post.vendor.reachable = False
    answer = await post("smq", body, headers)
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "10")
    post.vendor.reachable = True
    assert [(await post("smq", body, headers)).status for _ in range(3)] == [202] * 3
    assert len(post.vendor.asked) == 2


async def test_a_subscription_is_confirmed_if_the_vendor_signed_it(post: Post) -> None:
    fields = smn_message(kind="SubscriptionConfirmation", timestamp=AT)
    assert (await post("smn", smn_signed(fields))).status == 202
    assert post.vendor.asked == [f"GET {fields['subscribe_url']}"]
    inside = smn_signed({**fields, "subscribe_url": "https://169.254.169.254/latest"})
    assert (await post("smn", inside)).status == 403
    forged = json.dumps({**fields, "signature": "AAAA"}).encode()
    assert (await post("smn", forged)).status == 403
    assert len(post.vendor.asked) == 1
    post.vendor.reachable = False
    assert (await post("smn", smn_signed(fields))).status == 503, "SMN is to ask again"
    stopped = smn_signed(smn_message(kind="UnsubscribeConfirmation", timestamp=AT))
    assert (await post("smn", stopped)).status == 202
    assert len(post.vendor.asked) == 2, "this would subscribe anew"


async def test_what_becomes_of_a_subscription_is_told(post: Post) -> None:
    begin = smn_signed(smn_message(kind="SubscriptionConfirmation", timestamp=AT))
    end = smn_signed(smn_message(kind="UnsubscribeConfirmation", timestamp=AT))
    notify, _ = written("smn", "k")
    post.vendor.reachable = False
    await post("smn", begin)
    assert post.said() == [], "it was not confirmed"
    post.vendor.reachable = True
    for again in (begin, notify):
        await post("smn", end)
        assert post.subscriptions.ended == {("smn", URN)}
        assert (await post("smn", again)).status == 202
        assert not post.subscriptions.ended
    ended = ("subscription_ended", "smn", URN)
    assert post.said() == [ended, ("subscription_confirmed", "smn", URN), ended]


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:8470", "null", ""])
async def test_without_a_token_nothing_is_taken_from_a_browser(post: Post, origin: str) -> None:
    guarded = post.listener("lines", Tokens(["sha256:" + sha256(b"secret").hexdigest()]))
    headers = {"origin": origin, "content-type": "text/plain", "authorization": "Bearer secret"}
    head = Head("POST", "/", "", headers, 0, keep_alive=True)
    for form in ("lines", "s3", "smq"):
        refused = post.listener(form).admit(head)
        assert refused
        assert refused.status == 403
        assert post.listener(form).admit(head._replace(headers={})) is None
    assert guarded.admit(head) is None


@pytest.mark.parametrize(
    ("header", "value", "admitted"),
    [
        ("authorization", "Bearer secret", True),
        ("authorization", "secret", False),
        ("authorization", "bearer secret", True),
        ("authorization", "Bearer  secret", False),
        ("x-eventbridge-signature-token", "secret", True),
        ("x-eventbridge-signature-token", "Bearer secret", False),
    ],
)
async def test_a_token_comes_in_its_header(post: Post, header: str, value: str, admitted: bool) -> None:
    listener = post.listener("lines", Tokens(["sha256:" + sha256(b"secret").hexdigest()]), header)
    answer = listener.admit(Head("POST", "/", "", {header: value}, 0, keep_alive=True))
    assert (answer is None) == admitted
    if answer:
        assert (answer.status, answer.headers) == (401, (("WWW-Authenticate", "Bearer"),))
