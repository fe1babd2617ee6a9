"""Requests have a name in the answer and in the log, and the log holds nothing that was secret in them."""

from __future__ import annotations

import io
import re
from typing import Any

import orjson
import pytest

from engine.daemon.http_head import Head, refusal
from engine.daemon.log import Log
from engine.daemon.request_log import MOST_PER_S, RequestLog, request_id
from tests.daemon.conftest import LISTENER, Serve, event, request

TOKEN = "never-to-be-seen-0123456789"


def head(given: str) -> Head:
    return Head("POST", "/", "", {"x-request-id": given} if given else {}, 0, keep_alive=True)


@pytest.mark.parametrize("given", ["7", "0af7651916cd43dd", "a.b_c-D", 64 * "x"])
def test_a_client_may_name_its_request(given: str) -> None:
    assert request_id(head(given)) == given


@pytest.mark.parametrize("given", ["", "two words", 65 * "x", "<b>", "é", '"', "a\x7f"])
def test_others_get_a_name_of_ours(given: str) -> None:
    names = {request_id(head(given)), request_id(head(given)), request_id(None)}
    assert len(names) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]+", name) for name in names)


def test_a_refused_request_is_found_again_in_the_log(serve: Serve) -> None:
    serve.configure(f'{LISTENER}tokens = ["sha256:{64 * "0"}"]\n', serve.route(), serve.push())
    serve.start()
    path = f"/v1/events/own?token={TOKEN}"
    answer = serve.post(event("k"), path=path, headers=f"Authorization: Bearer {TOKEN}\r\nX-Request-Id: mine-1\r\n")
    assert (answer.status, answer.headers["x-request-id"]) == (401, "mine-1")
    said = serve.says("refused")
    assert (said["request"], said["path"], said["status"]) == ("mine-1", "/v1/events/own", 401)
    assert said["address"] == "127.0.0.1"
    assert orjson.loads(said["answer"]) == answer.json
    assert TOKEN not in str(said)
    with serve.wire() as wire:
        wire.send(request(b"", f"/{TOKEN}"))
        answer = wire.answer()
    said = serve.says("refused")
    assert (said["request"], said["path"], said["status"]) == (answer.headers["x-request-id"], "", 404)
    assert TOKEN not in str(said)


def test_what_is_taken_has_a_name_too(serve: Serve) -> None:
    serve.configure(LISTENER, serve.route(), serve.push())
    serve.start()
    first, second = serve.post(event("k")), serve.post(event("k"), headers="X-Request-Id: mine\r\n")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]+", first.headers["x-request-id"])
    assert second.headers["x-request-id"] == "mine"


def test_a_flood_is_counted_rather_than_told() -> None:
    stream, now = io.StringIO(), 100.0
    log = RequestLog(Log(stream), clock=lambda: now)
    for _ in range(3 * MOST_PER_S):
        log.refused("a", "/", refusal(404, "no"), "")
    now = 101.0
    log.refused("b", "/", refusal(404, "no"), "")
    said: list[dict[str, Any]] = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    assert [each["event"] for each in said] == MOST_PER_S * ["refused"] + ["more_refused", "refused"]
    assert said[-2]["requests"] == 2 * MOST_PER_S
    assert said[-1]["request"] == "b"
