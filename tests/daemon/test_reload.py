"""What a reload takes, what it says of the rest, and that the rest is judged as it is, not as it is wished."""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import orjson

from tests.cli.conftest import Clouds
from tests.daemon.conftest import LISTENER, Serve, event
from tests.daemon.test_operations import OPERATOR, ask, digest
from tests.doctor.certificates import Authority

ROLE = (
    '[accounts.role]\ncloud = "huawei"\nregion = "cn-north-4"\nendpoint = "https://oms.cn-north-4.myhuaweicloud.com"\n'
)
TOKENS = f'tokens = ["sha256:{sha256(b"sender").hexdigest()}"]\n'


def reload(
    serve: Serve, *parts: str, bind: str = "127.0.0.1:0", top: str = "", **settings: Any
) -> list[dict[str, Any]]:
    """What the log says of it."""
    write(serve, *parts, bind=bind, top=top, **settings)
    serve.signal(signal.SIGHUP)
    assert serve.process.stderr
    said: list[dict[str, Any]] = []
    while not said or said[-1]["event"] not in {"reloaded", "reload_refused"}:
        said.append(orjson.loads(serve.process.stderr.readline()))
    return [each for each in said if each["event"] != "refused"]  # which is about requests


def write(serve: Serve, *parts: str, bind: str, top: str = "", **settings: Any) -> None:
    serve.configure(*parts, **settings)
    file = serve.directory / "serve.toml"
    file.write_text(top + file.read_text().replace("127.0.0.1:0", bind, 1))


def test_what_needs_a_restart_is_named_for_as_long_as_it_does(serve: Serve, cloud: Clouds) -> None:
    parts = LISTENER, serve.route(), serve.push()
    serve.configure(*parts, linger_s=0.0)
    serve.start()
    (serve.directory / "in").mkdir()
    spool = '[[spools]]\nname = "in"\ndirectory = "in"\n'
    everything: dict[str, Any] = {"max_connections": 7, "max_waiting": 9, "task_timeout_s": 60, "linger_s": 0.0}
    for _ in range(2):
        told = reload(serve, *parts, ROLE, spool, bind="127.0.0.1:1", top="concurrency = 5\n", **everything)
        assert [each["event"] for each in told] == ["restart_needed", "reloaded"]
        assert told[0]["settings"] == [
            "concurrency", "accounts.role", "spools", "serve.bind", "serve.max_connections", "serve.max_waiting",
            "serve.task_timeout_s",
        ]  # fmt: skip
        assert "until the process ends" in told[0]["why"]
    assert serve.post(*[event(f"k{i}") for i in range(20)]).status == 202, "the old bounds are in force"
    assert [each["event"] for each in reload(serve, *parts, linger_s=0.1, grace_s=5.0)] == ["reloaded"]
    serve.until(lambda: len(cloud.keys) == 20)
    assert serve.end() == 0


def test_a_route_to_an_account_that_needs_a_restart_is_refused_and_both_are_named(serve: Serve) -> None:
    serve.configure(LISTENER, serve.route(), serve.push())
    serve.start()
    told = reload(serve, LISTENER, serve.route(), serve.push() + 'account = "role"\n', ROLE)
    assert [each["event"] for each in told] == ["restart_needed", "reload_refused"]
    assert told[0]["settings"] == ["accounts.role"]
    assert "routes.photos.push.account is 'role'" in told[1]["error"]


def test_what_others_reach_stays_guarded_whatever_the_file_says(serve: Serve) -> None:
    """The process listens where it did, so that the wish to be reached from here only is worth nothing yet."""
    route = serve.route(), serve.push()
    guarded: dict[str, Any] = {"operate_tokens": [digest(OPERATOR)]}
    write(serve, LISTENER + TOKENS, *route, bind="0.0.0.0:0", plain_http=True, **guarded)
    serve.start()
    told = reload(serve, LISTENER, *route, **guarded)
    assert [each["event"] for each in told] == ["restart_needed", "reload_refused"]
    assert "listeners.own.tokens are needed: serve.bind 0.0.0.0:0 is not this machine only" in told[1]["error"]
    assert serve.post(event("k")).status == 401
    told = reload(serve, LISTENER + TOKENS, *route, **guarded)
    assert [(each["event"], each.get("settings")) for each in told] == [
        ("restart_needed", ["serve.bind", "serve.plain_http"]),
        ("reloaded", None),
    ]
    assert serve.post(event("k")).status == 401
    assert ask(serve, "/v1/status").status == 401
    assert ask(serve, "/v1/status", OPERATOR).status == 200


def test_no_source_is_left_without_its_route(serve: Serve, cloud: Clouds) -> None:
    """It keeps its routes until the process ends, and would drop what it is told."""
    (serve.directory / "in").mkdir()
    spool = '[[spools]]\nname = "in"\ndirectory = "in"\nbucket = "b"\npoll_s = 0.05\nroutes = ["{}"]\n'
    serve.configure(LISTENER, spool.format("photos"), serve.route(), serve.push())
    serve.start()
    told = reload(serve, LISTENER, spool.format("pictures"), serve.route("pictures"), serve.push())
    assert [each["event"] for each in told] == ["restart_needed", "reload_refused"]
    assert "there is no route 'photos' any more, which in takes until a restart" in told[1]["error"]
    told = reload(serve, LISTENER, spool.format("photos"), serve.route("pictures"), serve.push())
    assert "spools.in.routes: there is no route 'photos'" in told[-1]["error"], "as at the start"
    (serve.directory / "in" / "keys.txt").write_text("still pushed\n")
    serve.until(lambda: cloud.keys == {"still pushed": 1})
    assert serve.end() == 0


def test_a_renewed_certificate_is_taken(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "authority").mkdir()
    authority, chain = Authority(tmp_path / "authority"), serve.directory / "tls.pem"

    def renewed(days: int) -> str:
        authority.server(days)
        chain.write_bytes((tmp_path / "authority" / f"127.0.0.1{days}.pem").read_bytes())
        return chain.read_text()

    def shown() -> str:
        return ssl.get_server_certificate(("127.0.0.1", serve.port))

    parts, tls = (LISTENER, serve.route(), serve.push()), {"tls_certificate": str(chain)}
    first = renewed(30)
    serve.configure(*parts, **tls)
    serve.start()
    assert shown() in first
    second = renewed(60)
    assert [each["event"] for each in reload(serve, *parts, **tls)] == ["reloaded"]
    assert shown() in second
    chain.write_text("half of it")
    assert "serve.tls_certificate" in reload(serve, *parts, **tls)[-1]["error"]
    assert shown() in second


@contextmanager
def slow(serve: Serve, file: Path) -> Iterator[IO[str]]:
    """A pipe in the place of a file, once somebody reads from it, who gets what is written to it and then its end."""
    opened: list[int] = []

    def read() -> bool:
        with suppress(OSError):  # nobody does yet
            opened.append(os.open(file, os.O_WRONLY | os.O_NONBLOCK))
        return bool(opened)

    serve.until(read)
    with os.fdopen(opened[0], "w") as writing:
        yield writing


def test_what_takes_long_to_read_holds_up_nothing(serve: Serve, cloud: Clouds) -> None:
    file, parts = serve.directory / "serve.toml", (LISTENER, serve.route(), serve.push())
    serve.configure(*parts, linger_s=0.0)
    serve.start()
    settings = file.read_text()
    file.unlink()
    os.mkfifo(file)
    serve.signal(signal.SIGHUP)
    with slow(serve, file) as writing:
        for number in (1, 2):
            serve.signal(signal.SIGHUP)
            assert serve.post(event(f"k{number}")).status == 202, "as it was"
        serve.until(lambda: cloud.keys == {"k1": 1, "k2": 1})
        writing.write(settings.replace('"own"', '"other"'))
    assert serve.says("reloaded")
    assert (serve.post(event("k3")).status, serve.post(event("k3"), path="/v1/events/other").status) == (404, 202)
    with slow(serve, file) as writing:  # once for both
        writing.write(settings)
    assert serve.says("reloaded")
    assert serve.post(event("k4")).status == 202
    serve.signal(signal.SIGHUP)
    with slow(serve, file):
        assert serve.end() == 0
    assert serve.process.stderr
    assert [orjson.loads(line)["event"] for line in serve.process.stderr] == ["draining", "ended"]


def test_a_certificate_that_takes_long_to_read_holds_up_nothing(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "authority").mkdir()
    Authority(tmp_path / "authority").server(30)
    chain = tmp_path / "authority" / "127.0.0.130.pem"
    serve.configure(LISTENER, serve.route(), serve.push(), tls_certificate=str(chain))
    serve.start()
    before = chain.read_text()
    chain.unlink()
    os.mkfifo(chain)
    serve.signal(signal.SIGHUP)
    with slow(serve, chain):
        assert ssl.get_server_certificate(("127.0.0.1", serve.port), timeout=20) in before
        assert serve.end() == 0
