"""The whole of it: events in over real sockets, effects in the ledger of the clouds, whatever happens in between."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from random import Random
from urllib.parse import quote_plus

import pytest

from tests.cli.conftest import Clouds
from tests.daemon.conftest import COMMAND, LISTENER, Serve, event, request

# Each is the name of an object as it is.
KEYS = [
    "plain.txt", "a b", "a+b", "a%2Bb", "a%252Fb", "a%20b", "100%", "目录/文件.jpg", "🎞/🎬.mov", "é.txt", "e\u0301.txt",
    "tab\there", "bell\x07", "quote\"'", "back\\slash", "a?b#c&d=e", "a//b", "…", "\u202eright",
]  # fmt: skip


def running(serve: Serve, *destinations: str, **settings: object) -> None:
    serve.configure(LISTENER, serve.route(), *(destinations or (serve.push(),)), **settings)
    serve.start()


@pytest.mark.parametrize("form", ["lines", "s3"])
def test_keys_are_decoded_once_and_encoded_once(serve: Serve, cloud: Clouds, form: str) -> None:
    listener = f'[[listeners]]\nname = "own"\nformat = "{form}"\n'
    serve.configure(listener, serve.route(), serve.push(), linger_s=0.05)
    serve.start()
    body = b"\n".join(event(key) for key in KEYS)
    if form == "s3":
        objects = [{"bucket": {"name": "b"}, "object": {"key": quote_plus(key)}} for key in KEYS]
        body = json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": each} for each in objects]}).encode()
    assert serve.post(body).status == 202
    serve.until(lambda: len(cloud.keys) >= len(KEYS))
    assert cloud.keys == dict.fromkeys(KEYS, 1)
    assert serve.end() == 0


def test_a_message_that_comes_again_is_acknowledged_and_not_done_again(serve: Serve, cloud: Clouds) -> None:
    running(serve, linger_s=0.0)
    assert serve.post(event("k", id="1")).json["waiting"] == 1
    serve.until(lambda: cloud.keys == {"k": 1})
    again = serve.post(event("k", id="1"), event("l", id="2"), event("l", id="2"))
    assert (again.status, again.json["repeated"], again.json["rows"]) == (202, 2, 1)
    serve.kill()
    serve.start()
    assert serve.post(event("k", id="1")).json["repeated"] == 1, "it is remembered by another process"
    assert serve.post(event("k", id="3")).json["waiting"] == 1, "another message asks for it anew"
    serve.until(lambda: cloud.keys.get("k") == 2)
    assert serve.end() == 0
    assert cloud.keys == {"k": 2, "l": 1}


def test_nothing_that_was_acknowledged_is_lost_by_sigkill(serve: Serve, cloud: Clouds) -> None:
    serve.configure(LISTENER, serve.route(), serve.push(), serve.trigger(), linger_s=0.05)
    chance = Random(5)
    acknowledged: set[str] = set()
    sent = 0
    for _ in range(4):
        serve.start()
        with serve.wire() as wire:
            for _ in range(chance.randrange(5, 60)):
                keys = [f"d{(sent + i) % 30}/{sent + i}" for i in range(chance.randrange(1, 40))]
                sent += len(keys)
                wire.send(request(b"\n".join(event(key, id=key) for key in keys)))
                if wire.answer().status == 202:
                    acknowledged.update(keys)
            wire.send(request(b"\n".join(event(f"unanswered/{sent + i}") for i in range(50))))
            serve.kill()
    serve.start()
    serve.until(lambda: len(cloud.directories) >= 30 and set(cloud.keys) >= acknowledged)
    assert {name.rpartition("|")[2] for name in cloud.directories} >= {f"/d{i}" for i in range(30)}
    assert serve.end() == 0


def test_what_waits_is_done_once_however_often_it_is_asked_for(serve: Serve, cloud: Clouds) -> None:
    running(serve, serve.push(), serve.trigger(), linger_s=0.5)
    first = serve.post(*[event(f"d/{i % 5}") for i in range(100)])
    assert (first.json["rows"], first.json["waiting"]) == (200, 6)
    assert serve.post(event("d/1"), event("d/7")).json["waiting"] == 1
    serve.until(lambda: len(cloud.keys) >= 6 and bool(cloud.directories))
    assert cloud.keys == {f"d/{i}": 1 for i in (0, 1, 2, 3, 4, 7)}
    assert list(cloud.directories.values()) == [1]
    assert cloud.calls("CreateSyncEvents") == 1, "they shared a call"


def test_where_the_rate_is_low_too(serve: Serve, cloud: Clouds) -> None:
    """Rows that wait for permits wait where they coalesce."""
    serve.environ["SYNCMUX_RATE"] = "10"
    running(serve, linger_s=0.05)
    serve.post(*[event(f"k{i:03}") for i in range(300)])  # 30 calls, in three seconds
    for number in range(20):
        serve.post(event("hot"), event(f"l{number}"))
        serve.until(lambda: cloud.calls("CreateSyncEvents") > number)  # noqa: B023 - at once
    serve.until(lambda: len(cloud.keys) == 321)
    assert serve.end() == 0
    assert cloud.keys["hot"] < 8, cloud.keys["hot"]


def test_what_runs_is_done_once_more_after_it(serve: Serve, cloud: Clouds) -> None:
    cloud.set(task_s=1.5)
    running(serve, serve.trigger("gw-runs"), linger_s=0.0)
    serve.post(event("d/1"))
    serve.until(lambda: list(cloud.directories.values()) == [1])
    for i in range(20):  # each by itself: they come while the sync runs
        serve.post(event(f"d/{i}"))
    serve.until(lambda: list(cloud.directories.values()) == [2])
    serve.post(event("e/1"))
    serve.until(lambda: len(cloud.directories) == 2)
    cloud.set(task_s=0.05)
    assert serve.end() == 0
    assert sorted(cloud.directories.values()) == [1, 2]


def test_what_runs_is_done_once_more_after_a_restart_too(serve: Serve, cloud: Clouds) -> None:
    cloud.set(task_s=2.0)
    running(serve, serve.trigger("gw-restart"), linger_s=0.0)
    serve.post(event("d/1"))
    serve.until(lambda: cloud.calls("DescribeTasks") >= 1)  # the task is recorded
    serve.post(event("d/2"))
    serve.kill()
    serve.start()
    serve.until(lambda: list(cloud.directories.values()) == [2])


def test_batches_fill_up_for_at_most_the_linger(serve: Serve, cloud: Clouds) -> None:
    running(serve, linger_s=30.0)
    serve.post(*[event(f"k{i}") for i in range(25)])
    serve.until(lambda: len(cloud.keys) == 20)  # two full batches do not wait
    assert cloud.calls("CreateSyncEvents") == 2
    serve.post(*[event(f"k{i}") for i in range(20, 30)])
    serve.until(lambda: len(cloud.keys) == 30)
    assert cloud.calls("CreateSyncEvents") == 3


def test_too_much_is_put_off(serve: Serve, cloud: Clouds) -> None:
    cloud.set(operations={"CreateSyncEvents": {"delay_s": 25.0}})
    running(serve, max_waiting=10, linger_s=60.0)
    assert serve.post(*[event(f"a{i}") for i in range(8)]).status == 202
    put_off = serve.post(event("b1", id="b1"), event("b2"), event("b3"))
    assert put_off.status == 429
    assert int(put_off.headers["retry-after"]) >= 1
    taken = serve.post(event("b1", id="b1"), event("b2"))
    assert (taken.status, taken.json["repeated"]) == (202, 0), "nothing of the refused message was remembered"
    serve.kill()


def test_events_without_a_route_are_counted_or_rejected(serve: Serve, cloud: Clouds) -> None:
    serve.configure(LISTENER, serve.route(prefix="in/"), serve.push(), linger_s=0.0)
    serve.start()
    assert serve.post(event("in/a"), event("out/a")).json["unrouted"] == 1
    serve.configure(LISTENER, serve.route(prefix="in/"), serve.push(), linger_s=0.0, no_route="reject")
    serve.signal(signal.SIGHUP)
    serve.says("reloaded")
    refused = serve.post(event("in/b", id="b"), event("out/b"))
    assert refused.status == 422
    assert "event 2" in refused.json["error"]
    assert serve.post(event("in/b", id="b")).json["repeated"] == 0
    serve.until(lambda: cloud.keys == {"in/a": 1, "in/b": 1})


def test_a_reload_takes_new_routes_and_keeps_the_old_ones_if_they_are_wrong(serve: Serve, cloud: Clouds) -> None:
    running(serve, linger_s=0.0)
    with serve.wire() as wire:
        wire.send(request(event("one")))
        assert wire.answer().status == 202
        serve.configure(LISTENER, serve.route(suffix=7), serve.push())
        serve.signal(signal.SIGHUP)
        assert "suffix" in serve.says("reload_refused")["error"]
        wire.send(request(event("two")))
        assert wire.answer().json["waiting"] == 1, "the old routes go on"
        serve.configure(LISTENER.replace("own", "other"), serve.route(suffix=".jpg"), serve.push(), linger_s=0.0)
        serve.signal(signal.SIGHUP)
        assert serve.says("reloaded")["routes"] == 1
        wire.send(request(event("three") + b"\n" + event("three.jpg"), "/v1/events/other"))
        answer = wire.answer()
        assert (answer.json["unrouted"], answer.json["waiting"]) == (1, 1), "on a connection that was open before"
    assert serve.post(event("four.jpg")).status == 404
    serve.until(lambda: cloud.keys == {"one": 1, "two": 1, "three.jpg": 1})
    assert serve.end() == 0


def test_a_drain_finishes_what_is_in_flight_and_leaves_the_rest_for_the_next_start(serve: Serve, cloud: Clouds) -> None:
    cloud.set(operations={"CreateSyncEvents": {"delay_s": 1.0}})
    running(serve, linger_s=0.0)
    serve.post(event("flying"))
    serve.until(lambda: cloud.calls("CreateSyncEvents") == 1)
    with serve.wire() as idle, serve.wire() as late:
        late.send(request(event("late"))[:-1])
        serve.signal(signal.SIGTERM)
        serve.says("draining")
        assert idle.closed()
        with suppress(ConnectionError):  # it ends without an answer, unless even the head of the request came too late
            assert late.answer().status == 503
    assert serve.process.wait(20) == 0
    assert cloud.keys == {"flying": 1}
    cloud.clear()
    serve.start()
    assert serve.post(event("next")).status == 202
    serve.until(lambda: "next" in cloud.keys)
    assert serve.end() == 0
    assert cloud.keys == {"flying": 1, "next": 1}, "after a clean end, never twice"


def test_what_lingers_at_the_end_is_done_at_the_next_start(serve: Serve, cloud: Clouds) -> None:
    running(serve, linger_s=60.0)
    serve.post(event("k"))
    assert serve.end() == 0
    assert cloud.keys == {}
    serve.configure(LISTENER, serve.route(), serve.push(), linger_s=0.0)
    serve.start()
    serve.until(lambda: cloud.keys == {"k": 1})


def test_the_grace_time_bounds_the_drain(serve: Serve, cloud: Clouds) -> None:
    cloud.set(operations={"CreateSyncEvents": {"delay_s": 25.0}})
    running(serve, linger_s=0.0, grace_s=0.5)
    serve.post(event("k"))
    serve.until(lambda: cloud.calls("CreateSyncEvents") == 1)
    assert serve.end(timeout_s=10) == 0
    cloud.clear()
    serve.start()
    serve.until(lambda: cloud.calls("CreateSyncEvents") == 2)


def test_an_address_that_is_taken_is_worth_another_start(serve: Serve) -> None:
    """What systemd does not try again are wrong settings (2) and no credentials (4)."""
    running(serve)
    (serve.directory / "second").mkdir()
    second = Serve(serve.directory / "second", serve.environ, serve.sync_task)
    text = (serve.directory / "serve.toml").read_text().replace("127.0.0.1:0", f"127.0.0.1:{serve.port}")
    (second.directory / "serve.toml").write_text(text)
    refused = second.run()
    assert refused.returncode == 1
    assert f"serve.bind: cannot listen at 127.0.0.1:{serve.port}: Address already in use" in refused.stderr


def test_check_names_what_is_wrong_and_starts_nothing(serve: Serve) -> None:
    serve.configure(LISTENER, serve.route(), serve.push())
    right = serve.run("--check")
    assert (right.returncode, "photos" in right.stdout) == (0, True)
    serve.configure(LISTENER, serve.route(), serve.push(), bind="0.0.0.0:80")
    text = (serve.directory / "serve.toml").read_text().replace('bind = "127.0.0.1:0"\n', "", 1)
    (serve.directory / "serve.toml").write_text(text)
    open_to_all = serve.run("--check")
    assert (open_to_all.returncode, "listeners.own.tokens" in open_to_all.stderr) == (2, True)
    assert not (serve.directory / "backlog.db").exists()


@pytest.mark.parametrize(
    ("backlog", "why"),
    [
        ("", "backlog is '', not the name of a file"),
        (5, "backlog is 5, not the name of a file"),
        (["b.db"], "backlog is ['b.db'], not the name of a file"),
        ("b\0", "backlog is 'b\\x00', not the name of a file"),
        ("/", "backlog: / is no file"),
        ("serve.toml/deep/b.db", "serve.toml is no directory"),
        ("/dev/full", "backlog: /dev/full is no file"),
        ("/dev/null", "backlog: /dev/null is no file"),
        ("serve.toml", "backlog: serve.toml is no backlog, but some other file"),
        (":memory:", "backlog: :memory: would lose at the end of the process what senders were told is taken"),
        ("x" * 300, "File name too long"),
        ("new/deep/b.db", ""),
    ],
)
def test_a_backlog_cannot_be_anywhere(serve: Serve, backlog: object, why: str) -> None:
    """`--check` says so, and makes nothing; the daemon ends with what systemd does not try again after."""
    serve.configure(LISTENER, serve.route(), serve.push())
    file = serve.directory / "serve.toml"
    file.write_text(f"backlog = {json.dumps(backlog)}\n{file.read_text()}")
    for arguments in (["--check"], []) if why else (["--check"],):
        ended = subprocess.run(
            [*COMMAND, "--config", "serve.toml", "serve", *arguments],
            cwd=serve.directory, env=serve.environ, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (ended.returncode, why in ended.stderr) == (2 if why else 0, True)
    assert [path.name for path in serve.directory.iterdir()] == ["serve.toml"]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda whole: whole[:60] + b"\0\0\0\x63" + whole[64:], "was written by a newer syncmux (schema 99, and not"),
        (lambda whole: whole[:60] + b"\0\0\0\x01" + whole[64:], "was written by an older syncmux (schema 1, and not"),
        (lambda whole: whole[:9000], "is damaged, or something else (database disk image is malformed)"),
    ],
    ids=["newer", "older", "damaged"],
)
def test_a_backlog_that_can_only_be_put_right_by_somebody(
    serve: Serve, spoil: Callable[[bytes], bytes], why: str
) -> None:
    """`user_version` is at byte 60: https://sqlite.org/fileformat.html#the_database_header."""
    running(serve)
    assert serve.run("--check").returncode == 0, "also while the daemon has it"
    assert serve.end() == 0
    backlog = serve.directory / "backlog.db"
    assert (serve.run("--check").returncode, backlog.exists()) == (0, True)
    spoilt = spoil(backlog.read_bytes())
    backlog.write_bytes(spoilt)
    for arguments in (["--check"], []):
        ended = serve.run(*arguments)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert f"the backlog backlog.db {why}" in ended.stderr
        assert backlog.read_bytes() == spoilt


def test_what_nothing_could_come_of_is_named(serve: Serve) -> None:
    serve.configure(LISTENER)
    for arguments in (["--check"], []):
        nowhere = serve.run(*arguments)
        assert (nowhere.returncode, nowhere.stdout) == (2, "")
        assert "routes: there is none" in nowhere.stderr
    serve.configure(LISTENER, serve.route(), serve.push(), serve.trigger(), max_waiting=1)
    assert "serve.max_waiting is 1; one event alone may make 2 rows" in serve.run("--check").stderr
    serve.configure(serve.route(), serve.push())
    assert "warning: nobody brings events in" in serve.run("--check").stdout
    assert "warning" not in serve.run("--check", "--stdin").stdout
    serve.start()
    with serve.wire() as wire:
        wire.send(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        ready = wire.answer().json
    assert (ready["ready"], [why.partition(":")[0] for why in ready["warnings"]]) == (True, ["nobody brings events in"])


def test_tokens_are_scoped_to_their_listener_and_its_routes(serve: Serve, cloud: Clouds) -> None:
    one, other = (f"sha256:{sha256(token.encode()).hexdigest()}" for token in ("one-token", "other-token"))
    serve.configure(
        LISTENER + f'tokens = ["{one}", "{other}"]\nroutes = ["a"]\n',
        serve.route("a", prefix="a/"), serve.push(), serve.route("b", prefix="b/"), serve.push(), linger_s=0.0,
    )  # fmt: skip
    serve.start()
    assert serve.post(event("a/k")).status == 401
    assert serve.post(event("a/k"), path="/v1/events/own?token=one-token").status == 401
    assert serve.post(event("a/k"), headers="Authorization: Bearer wrong\r\n").status == 401
    assert serve.post(event("a/k"), headers="Authorization: Bearer other-token\r\n").status == 202
    taken = serve.post(event("a/l"), event("b/l"), headers="Authorization: Bearer one-token\r\n")
    assert (taken.json["unrouted"], taken.json["waiting"]) == (1, 1)
    serve.until(lambda: cloud.keys == {"a/k": 1, "a/l": 1})


def test_an_account_that_had_to_stop_is_named_and_its_rows_wait(serve: Serve, cloud: Clouds) -> None:
    wrong = {**serve.environ, "HUAWEICLOUD_SDK_SK": "wrong"}
    right, serve.environ = serve.environ, wrong
    running(serve, linger_s=0.0)
    assert serve.post(event("k")).status == 202
    assert serve.says("stopped")["account"] == "huawei"
    serve.post(event("l"))
    assert serve.end() == 0
    assert serve.says("draining")["inbox_rows"] == 2, "in the inbox, where they coalesce"
    serve.environ = right
    serve.start()
    serve.until(lambda: cloud.keys == {"k": 1, "l": 1})


def test_a_row_that_no_cloud_takes_is_put_aside_and_named(serve: Serve, cloud: Clouds) -> None:
    running(serve, serve.trigger(), linger_s=0.0)
    assert serve.post(event("a/../b/k"), event("c/k")).status == 202
    assert ".." in serve.says("rejected")["why"]
    serve.until(lambda: [name.rpartition("|")[2] for name in cloud.directories] == ["/c"])
