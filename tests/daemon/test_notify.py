"""What the service manager is told, over real sockets."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from engine.daemon.notify import Notifier
from tests.daemon.conftest import LISTENER, Serve

Manager = socket.socket


@pytest.fixture
def manager() -> Iterator[Manager]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(20)
        yield listening


@pytest.fixture(params=["file", "abstract"])
def address(request: pytest.FixtureRequest, manager: Manager, tmp_path: Path) -> str:
    """As the manager gives it."""
    if request.param == "file":
        manager.bind(str(tmp_path / "notify"))
        return str(tmp_path / "notify")
    if sys.platform != "linux":
        pytest.fail("abstract sockets are Linux's")
    name = f"syncmux-{secrets.token_hex(8)}"
    manager.bind("\0" + name)
    return "@" + name


def test_words(manager: Manager, address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready()
    assert manager.recv(4096) == b"READY=1"
    before = time.monotonic_ns() // 1000
    with notifier.reloading():
        first, second = manager.recv(4096).split(b"\n")
        assert first == b"RELOADING=1"
        assert before <= int(second.removeprefix(b"MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    assert manager.recv(4096) == b"READY=1"
    notifier.alive("fine")
    assert manager.recv(4096) == b"WATCHDOG=1\nSTATUS=fine"
    notifier.status("not so fine")
    assert manager.recv(4096) == b"STATUS=not so fine"
    notifier.stopping()
    assert manager.recv(4096) == b"STOPPING=1"


def test_a_reload_that_is_given_up_is_followed_by_no_word(manager: Manager, tmp_path: Path) -> None:
    """Or the last word of a daemon that ends would be that it is ready."""
    manager.bind(str(tmp_path / "notify"))
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    with suppress(asyncio.CancelledError), notifier.reloading():
        notifier.stopping()
        raise asyncio.CancelledError
    assert manager.recv(4096).startswith(b"RELOADING=1")
    assert manager.recv(4096) == b"STOPPING=1"
    notifier.status("over")
    assert manager.recv(4096) == b"STATUS=over"


@pytest.mark.parametrize("address", ["", "/nobody/there", "vsock:2:1234", "@" + 200 * "x"])
def test_nobody_listens(address: str) -> None:
    Notifier({"NOTIFY_SOCKET": address}).ready()


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
    ],
)
def test_watchdog(environ: dict[str, str], watchdog_s: float) -> None:
    assert Notifier(environ).watchdog_s == watchdog_s


def test_the_daemon_tells_of_itself(manager: Manager, address: str, serve: Serve) -> None:
    serve.environ = {**serve.environ, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "600000"}
    serve.configure(LISTENER, serve.route(), serve.push())
    serve.start()
    said = [manager.recv(4096)]
    while b"READY=1" not in said:
        said.append(manager.recv(4096))
    fed_at: list[float] = []
    while len(fed_at) < 4:
        if b"WATCHDOG=1" in manager.recv(4096):
            fed_at.append(time.monotonic())
    assert fed_at[3] - fed_at[0] < 3 * 0.6, "well before it is too late"
    assert serve.end() == 0
    manager.setblocking(False)
    left = []
    try:
        while True:
            left.append(manager.recv(4096))
    except BlockingIOError:
        pass
    assert b"STOPPING=1" in left
