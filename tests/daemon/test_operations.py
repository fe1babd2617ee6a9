"""Health, status, metrics and switches of a real daemon: what it tells, to whom, and what it does for whom."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import orjson
import pytest

from tests.cli.conftest import Clouds
from tests.daemon.conftest import LISTENER, Answer, Serve, event
from tests.daemon.prometheus import parsed

READER, OPERATOR = "reader-0123456789abcdef", "operator-0123456789abcdef"
LANE = "alibaba/TriggerGatewayRemoteSync"


def digest(token: str) -> str:
    return f"sha256:{sha256(token.encode()).hexdigest()}"


def ask(
    serve: Serve, path: str, token: str = "", method: str = "GET", host: str = "127.0.0.1", more: str = ""
) -> Answer:
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    with serve.wire() as wire:
        wire.send(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{bearer}{more}Content-Length: 0\r\n\r\n".encode())
        return wire.answer()


def status(serve: Serve) -> Any:
    return ask(serve, "/v1/status", OPERATOR).json


def until(serve: Serve, holds: Callable[[Any], bool]) -> Any:
    """The first status of which it holds; asking takes a round trip."""
    while not holds(found := status(serve)):
        assert serve.process.poll() is None, "the daemon ended"
    return found


def start(serve: Serve, *destinations: str, **settings: Any) -> None:
    serve.configure(LISTENER, serve.route(), *(destinations or (serve.trigger(),)), linger_s=0.05, **settings)
    serve.start()


def test_work_is_seen_in_status_and_metrics(serve: Serve, cloud: Clouds) -> None:
    start(serve)
    before = status(serve)
    assert (before["ready"], before["obstacles"], before["warnings"], before["oldest"]) == (True, [], [], None)
    assert serve.post(*[event(f"d{i}/x") for i in range(30)]).status == 202
    found = until(serve, lambda found: found["rows"]["succeeded"] == 30)
    (lane,) = [each for each in found["lanes"] if each["name"] == LANE]
    assert lane["calls"] == lane["answered"] == 30
    assert found["senders"]["own"]["events"] == 30
    assert found["moved"]["rows"] == 30
    assert found["accounts"][0]["succeeded"] == 30
    answer = ask(serve, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    told = parsed(answer.body.decode())
    labels = {"account": "alibaba", "operation": "TriggerGatewayRemoteSync"}
    assert told["syncmux_lane_calls_total"].value(**labels) == 30
    durations = told["syncmux_lane_call_duration_seconds"].samples
    assert durations["syncmux_lane_call_duration_seconds_count", frozenset(labels.items())] == 30
    assert durations["syncmux_lane_call_duration_seconds_sum", frozenset(labels.items())] > 0
    assert told["syncmux_backlog_rows"].value(state="succeeded") == 30
    assert told["syncmux_http_answers_total"].value(path="/v1/events/own", status="202") == 1
    assert told["process_open_fds"].value() > 5
    assert told["syncmux_coroutines"].value() > 5
    assert told["syncmux_memory_blocks"].value() > 10_000
    assert told["process_resident_memory_bytes"].value() > 10e6
    assert 0 <= told["syncmux_loop_lag_seconds"].value() < 30


def test_failures_and_what_waits_are_named(serve: Serve, cloud: Clouds) -> None:
    start(serve, serve.push())
    serve.post(event("first"))
    until(serve, lambda found: found["rows"]["accepted"] == 1)
    cloud.set(throttle=1.0)
    key = "<img src=x onerror=alert(1)>\u202e"
    assert serve.post(event(key)).status == 202
    found = until(serve, lambda found: found["oldest"] and found["oldest"]["why"])
    assert found["oldest"]["row"]["key"] == key
    assert "CreateSyncEvents" in found["oldest"]["why"]
    assert [each["throttled"] > 0 for each in found["lanes"] if each["operation"] == "CreateSyncEvents"] == [True]
    cloud.set(throttle=0.0)
    until(serve, lambda found: found["rows"]["accepted"] == 2 and not found["oldest"])


def test_a_paused_lane_sends_nothing_until_it_is_resumed(serve: Serve, cloud: Clouds) -> None:
    start(serve, operate_tokens=[digest(OPERATOR)])
    paused = ask(serve, f"/v1/lanes/{LANE}/pause", OPERATOR, "POST")
    assert (paused.status, paused.json) == (200, {"lane": LANE, "paused": True})
    assert serve.post(event("d/1")).status == 202
    found = until(serve, lambda found: found["rows"]["waiting"] == 1)
    assert found["ready"]
    assert found["warnings"] == [f"lane {LANE} is paused by an operator"]
    serve.kill()
    serve.start()
    found = until(serve, lambda found: found["rows"]["waiting"] == 1 and found["lanes"][0]["rate"])
    assert [each["paused"] for each in found["lanes"] if each["name"] == LANE] == [True], "also after a crash"
    assert not cloud.directories
    assert ask(serve, f"/v1/lanes/{LANE}/resume", OPERATOR, "POST").json == {"lane": LANE, "paused": False}
    serve.until(lambda: list(cloud.directories.values()) == [1])
    assert serve.end() == 0
    serve.start()
    assert status(serve)["warnings"] == []


def test_what_waits_for_a_paused_lane_is_done_once(serve: Serve, cloud: Clouds) -> None:
    start(serve, serve.push(), serve.trigger(), operate_tokens=[digest(OPERATOR)])
    switches = [f"/v1/lanes/{lane}" for lane in (LANE, "huawei/CreateSyncEvents")]
    assert [ask(serve, f"{switch}/pause", OPERATOR, "POST").status for switch in switches] == [200, 200]
    for number in range(4):
        serve.post(event("d/1"), event("d/2"))
        until(serve, lambda found: found["moved"]["jobs"] + found["moved"]["covered"] > number)  # noqa: B023 - at once
    for switch in switches:
        ask(serve, f"{switch}/resume", OPERATOR, "POST")
    serve.until(lambda: len(cloud.directories) == 1 and len(cloud.keys) == 2)
    assert serve.end() == 0
    assert [*cloud.directories.values(), *cloud.keys.values()] == [1, 1, 1]


def test_a_daemon_with_a_paused_lane_ends(serve: Serve, cloud: Clouds) -> None:
    start(serve, operate_tokens=[digest(OPERATOR)])
    ask(serve, f"/v1/lanes/{LANE}/pause", OPERATOR, "POST")
    serve.post(event("d/1"))
    until(serve, lambda found: found["rows"]["waiting"] == 1)
    assert serve.end() == 0
    assert not cloud.directories


def test_the_log_tells_at_the_start_and_the_end_what_waits(serve: Serve, cloud: Clouds) -> None:
    start(serve, serve.push(), serve.route("shares"), serve.trigger(), operate_tokens=[digest(OPERATOR)])
    for lane in (LANE, "huawei/CreateSyncEvents"):
        ask(serve, f"/v1/lanes/{lane}/pause", OPERATOR, "POST")
    serve.post(event("d/1"), event("d/2"))
    until(serve, lambda found: found["rows"]["waiting"] == 1 and found["inbox"]["rows"] == 2)
    assert serve.end() == 0
    waiting = {"inbox_rows": 2, "backlog_jobs": 1, "backlog_rows": 1}
    assert waiting.items() <= serve.says("draining").items()
    assert waiting.items() <= serve.says("ended").items()
    again = subprocess.run(
        serve.command("--stdin", "--until-end"), input=b"", capture_output=True, cwd=serve.directory,
        env=serve.environ, timeout=60, check=True,
    )  # fmt: skip
    said = {line["event"]: line for line in map(orjson.loads, again.stderr.splitlines())}
    for name in ("serving", "draining", "ended"):
        assert waiting.items() <= said[name].items()


@pytest.mark.parametrize("token", ["", READER, OPERATOR[:-1], OPERATOR + "x"])
def test_nothing_changes_without_an_operators_token(serve: Serve, token: str) -> None:
    start(serve, operate_tokens=[digest(OPERATOR)], read_tokens=[digest(READER)])
    assert ask(serve, f"/v1/lanes/{LANE}/pause", token, "POST").status == 401
    assert [each["paused"] for each in status(serve)["lanes"]] == [False] * 3


def test_there_is_a_switch_for_each_lane_that_starts_work(serve: Serve) -> None:
    start(serve, operate_tokens=[digest(OPERATOR)])
    switch = f"/v1/lanes/{LANE}/pause"
    assert ask(serve, switch, OPERATOR).status == 405, "GET changes nothing"
    for path in ("/v1/lanes/alibaba/DescribeTasks/pause", "/v1/lanes/nobody/CreateSyncEvents/pause"):
        assert ask(serve, path, OPERATOR, "POST").status == 404
    assert ask(serve, "/v1/lanes/huawei/CreateSyncEvents/resume", OPERATOR, "POST").status == 200


SECRET_PATHS = ("/v1/status", "/metrics")


def test_this_machines_users_may_read_if_no_tokens_are_set(serve: Serve) -> None:
    start(serve)
    for path in SECRET_PATHS:
        for host in ("127.0.0.1", f"localhost:{serve.port}", "[::1]:80", "[::1]"):
            assert ask(serve, path, host=host).status == 200
        for host in ("evil.example", f"evil.example:{serve.port}", "127.0.0.1.evil.example", "10.0.0.1", ":", "[::2]"):
            assert ask(serve, path, host=host).status == 401, "a page whose name was made to lead here"
    assert ask(serve, "/readyz", host="evil.example").json == {"ready": True}
    assert ask(serve, "/readyz").json == {"ready": True, "obstacles": [], "warnings": []}


def test_whoever_reads_needs_a_token_where_tokens_are_set(serve: Serve) -> None:
    start(serve, read_tokens=[digest("another"), digest(READER)], operate_tokens=[digest(OPERATOR)])
    for path in SECRET_PATHS:
        assert ask(serve, path).status == 401
        assert ask(serve, path).headers["www-authenticate"] == "Bearer"
        assert ask(serve, path, READER).status == 200
        assert ask(serve, path, OPERATOR).status == 200
        assert ask(serve, path, digest(READER)).status == 401
        assert ask(serve, f"{path}?token={READER}").status == 401
    for path in ("/", "/livez", "/readyz"):
        assert ask(serve, path).status == 200
    assert ask(serve, "/readyz").json == {"ready": True}, "without details"


def test_a_bind_that_others_reach_needs_tokens_to_read(serve: Serve) -> None:
    listener = f'{LISTENER}tokens = ["{digest("sender")}"]\n'
    serve.configure(listener, serve.route(), serve.push(), operate_tokens=[digest(OPERATOR)], plain_http=True)
    toml = serve.directory / "serve.toml"
    toml.write_text(toml.read_text().replace("127.0.0.1:0", "0.0.0.0:0"))
    serve.start()
    for path in SECRET_PATHS:
        assert ask(serve, path).status == 401
        assert ask(serve, path, "sender").status == 401
        assert ask(serve, path, OPERATOR).status == 200
    assert ask(serve, "/readyz").json == {"ready": True}


def test_tokens_are_read_anew(serve: Serve) -> None:
    start(serve, read_tokens=[digest(READER)])
    assert ask(serve, "/metrics", READER).status == 200
    toml = serve.directory / "serve.toml"
    toml.write_text(toml.read_text().replace(digest(READER), digest("newer")))
    serve.signal(signal.SIGHUP)
    serve.says("reloaded")
    assert ask(serve, "/metrics", READER).status == 401
    assert ask(serve, "/metrics", "newer").status == 200


def test_a_refused_reload_is_a_warning(serve: Serve) -> None:
    start(serve)
    toml = serve.directory / "serve.toml"
    toml.write_text(toml.read_text() + "colour = 1\n")
    serve.signal(signal.SIGHUP)
    serve.says("reload_refused")
    ready = ask(serve, "/readyz")
    assert ready.status == 200
    assert [each.startswith("the last reload was refused") for each in ready.json["warnings"]] == [True]
    assert parsed(ask(serve, "/metrics").body.decode())["syncmux_reload_failed"].value() == 1


def test_an_inbox_that_is_full_is_not_ready(serve: Serve, cloud: Clouds) -> None:
    start(serve, operate_tokens=[digest(OPERATOR)], max_waiting=3)
    ask(serve, f"/v1/lanes/{LANE}/pause", OPERATOR, "POST")
    toml = serve.directory / "serve.toml"
    toml.write_text(toml.read_text().replace("linger_s = 0.05", "linger_s = 60.0"))
    serve.signal(signal.SIGHUP)
    serve.says("reloaded")
    assert serve.post(event("d/1"), event("e/1")).status == 202
    assert ask(serve, "/readyz").status == 200
    assert serve.post(event("f/1"), event("g/1")).status == 429
    ready = ask(serve, "/readyz")
    assert (ready.status, ready.json["obstacles"]) == (503, ["the inbox is full: 2 rows wait, and 3 may"])
    assert serve.post(event("d/2"), event("e/2")).status == 202, "their directories wait already"
    assert serve.post(event("f/1")).status == 202
    assert serve.post(event("g/1")).status == 429
    ready = ask(serve, "/readyz")
    assert (ready.status, ready.json["obstacles"]) == (503, ["the inbox is full: 3 rows wait, and 3 may"])
    too_many = serve.post(*[event(f"{number}/1") for number in range(4)])
    assert (too_many.status, "4 rows come at once, and 3 may wait (max_waiting)" in too_many.json["error"]) == (
        413,
        True,
    )
    assert ask(serve, "/livez").status == 200
    assert status(serve)["senders"]["own"]["full"] == 2


def test_a_stopped_account_is_a_warning_while_events_are_taken(serve: Serve, cloud: Clouds) -> None:
    serve.environ = {**serve.environ, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}
    start(serve)
    assert serve.post(event("d/1")).status == 202
    found = until(serve, lambda found: found["stopped"])
    assert found["ready"]
    assert "account alibaba has stopped" in found["warnings"][0]
    assert "wrong" not in ask(serve, "/v1/status").body.decode()
    assert parsed(ask(serve, "/metrics").body.decode())["syncmux_account_stopped"].value(account="alibaba") == 1
