"""`syncmux status --daemon`, against a running one and against what is none."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import orjson
import pytest

from tests.cli.conftest import Clouds
from tests.daemon.conftest import COMMAND, LISTENER, Serve, event

TOKEN = "a-reader-0123456789abcdef"


def shown(serve: Serve, daemon: str, *more: str, token: str = "") -> subprocess.CompletedProcess[str]:
    environ = {**serve.environ, "SYNCMUX_DAEMON_TOKEN": token} if token else serve.environ
    done = subprocess.run(
        [*COMMAND, "status", "--daemon", daemon, *more], cwd=serve.directory, env=environ, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert not token or token not in done.stdout + done.stderr
    return done


def url(serve: Serve) -> str:
    return f"http://127.0.0.1:{serve.port}"


def test_it_shows_what_the_daemon_does(serve: Serve, cloud: Clouds) -> None:
    serve.configure(LISTENER, serve.route(), serve.push(), linger_s=0.0)
    serve.start()
    serve.post(*[event(f"k{i}") for i in range(20)])
    serve.until(lambda: len(cloud.keys) == 20)
    found: dict[str, Any] = {}
    while found.get("rows", {}).get("accepted") != 20:
        done = shown(serve, url(serve), "--json")
        assert (done.returncode, done.stderr) == (0, "")
        found = orjson.loads(done.stdout)
    assert (found["event"], found["syncmux"], found["ready"]) == ("status", 1, True)
    told = shown(serve, url(serve)).stdout.splitlines()
    assert told[0].startswith(f"daemon {url(serve)}: ready, version ")
    assert "inbox: 0 of 1,000,000 rows wait" in told
    assert "huawei: keys on 1 targets: 20 accepted" in told
    assert [line for line in told if line.startswith("huawei/CreateSyncEvents: 2 calls")]


def test_what_it_shows_moves_no_cursor(serve: Serve, cloud: Clouds) -> None:
    serve.configure(LISTENER, serve.route(), serve.push(), linger_s=0.0)
    serve.start()
    serve.post(event("first"))
    serve.until(lambda: bool(cloud.keys))
    cloud.set(throttle=1.0)
    serve.post(event("\x1b[2J\x07\u202eegassem\u0085\n"))
    out = ""
    while "waiting longest" not in out:
        out = shown(serve, url(serve)).stdout
    assert r"\x1b[2J\x07\u202eegassem\x85\n" in out
    assert all(each.isprintable() for each in out.replace("\n", ""))


def test_a_unix_socket_and_a_token(serve: Serve) -> None:
    digest = f"sha256:{sha256(TOKEN.encode()).hexdigest()}"
    serve.configure(LISTENER, serve.route(), serve.push(), read_tokens=[digest])
    toml = serve.directory / "serve.toml"
    toml.write_text(toml.read_text().replace("127.0.0.1:0", f"unix:{serve.directory}/s"))
    serve.process = subprocess.Popen(
        serve.command(), cwd=serve.directory, env=serve.environ, stderr=subprocess.PIPE, text=True
    )
    serve.says("serving")
    place = f"unix:{serve.directory}/s"
    assert shown(serve, place, token=TOKEN).returncode == 0
    denied = shown(serve, place)
    assert (denied.returncode, denied.stdout) == (4, "")
    assert "wants a token: set SYNCMUX_DAEMON_TOKEN" in denied.stderr
    denied = shown(serve, place, token="another-0123456789abcdef")
    assert denied.returncode == 4
    assert "does not take this token" in denied.stderr
    assert serve.end() == 0


@pytest.mark.parametrize(
    "place", ["127.0.0.1:8470", "ftp://127.0.0.1", "http://", "unix:serve.sock", "http://me@127.0.0.1", "http://[",
              "http://127.0.0.1:99999", "http://127.0.0.1/v1/status"],
)  # fmt: skip
def test_no_place_of_a_daemon(serve: Serve, place: str) -> None:
    done = shown(serve, place)
    assert done.returncode == 2
    assert "is no daemon's place" in done.stderr


def test_a_token_is_never_sent_where_it_could_be_read_on_its_way(serve: Serve) -> None:
    done = shown(serve, "http://daemon.invalid:8470", token=TOKEN)
    assert done.returncode == 2
    assert "use https" in done.stderr


def test_nobody_is_there(serve: Serve) -> None:
    for place in ("http://127.0.0.1:1", "https://127.0.0.1:1", f"unix:{serve.directory}/nobody"):
        done = shown(serve, place)
        assert done.returncode == 1
        assert f"no daemon answers at {place}" in done.stderr


class Stranger(BaseHTTPRequestHandler):
    """Answers what its server was told to."""

    def do_GET(self) -> None:
        assert isinstance(self.server, Strange)
        self.wfile.write(self.server.says)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Strange(HTTPServer):
    says = b""


@pytest.fixture
def stranger() -> Iterator[Strange]:
    with Strange(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (b"", "no daemon answers"),
        (b"hello\r\n\r\n", "no daemon answers"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"syncmux":1', "no daemon of syncmux"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "no daemon of syncmux"),
        (b"HTTP/1.1 200 OK\r\n\r\n[1]", "no daemon of syncmux"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", "no daemon of syncmux"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"syncmux":9,"version":"9"}', "is of another version: '9'"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "answers with status 302"),
        (b"HTTP/1.1 500 No\r\n\r\n", "answers with status 500"),
    ],
)
def test_a_stranger_answers(serve: Serve, stranger: Strange, says: bytes, why: str) -> None:
    stranger.says = says
    done = shown(serve, f"http://127.0.0.1:{stranger.server_port}")
    assert done.returncode == 1
    assert why in done.stderr


def test_what_waits_in_the_inbox_is_seen_without_the_daemon(serve: Serve) -> None:
    serve.configure(LISTENER, serve.route(), serve.push(), linger_s=60.0)
    serve.start()
    command = [part for part in serve.command() if part != "serve"]

    def status(*more: str) -> str:
        done = subprocess.run(
            [*command, "status", *more], cwd=serve.directory, env=serve.environ, capture_output=True, text=True,
            timeout=60, check=True,
        )  # fmt: skip
        return done.stdout

    assert status().splitlines()[1:] == ["no work yet"]
    assert orjson.loads(status("--json"))["inbox"] == {"rows": 0, "waits_s": 0.0}
    serve.post(*[event(f"k{number}") for number in range(3)])
    for _ in ("while it runs", "when it has ended"):
        (line,) = status().splitlines()[1:]
        assert line.startswith("inbox: 3 rows wait, the oldest for ")
        inbox = orjson.loads(status("--json"))["inbox"]
        assert (inbox["rows"], inbox["waits_s"] > 0) == (3, True)
        if serve.process.poll() is None:
            assert serve.end() == 0
