"""A unix socket takes the place of one that nobody listens on, and of nothing else."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from engine.backlog.owner import Owner
from engine.daemon.server import Bind, Server
from engine.daemon.unix_socket import MOST_BYTES, UnixSocket, check
from engine.errors import ConfigError, ListenError


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return "s"  # which is short, wherever the tests are


def answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as asking:
        return asking.connect_ex(path) == 0


async def test_a_second_one_leaves_the_first_alone(path: str) -> None:
    async with Server(Bind(path=path), {}):
        with pytest.raises(
            ListenError, match=rf"serve\.bind: cannot listen at unix:s: s is in use by process {os.getpid()}"
        ):
            async with Server(Bind(path=path), {}):
                pass
        assert answers(path)
    assert not os.path.lexists(path)


async def test_one_that_has_much_to_do_is_left_alone(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(path)
        busy.listen(0)
        waiting.connect(path)
        with pytest.raises(ListenError, match="another process does"):
            UnixSocket(path, 1)
    assert os.path.lexists(path)


async def test_what_a_crash_has_left_is_replaced(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(path)
        crashed.listen()
    assert not answers(path)
    async with Server(Bind(path=path), {}):
        assert answers(path)
        assert stat.S_IMODE(os.lstat(path).st_mode) == 0o660


async def test_two_do_not_replace_at_once_what_a_crash_has_left(path: str) -> None:
    """The second would take the place of the first, which has looked and not yet listened."""
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(path)
    first, before = Owner(Path(path)), os.lstat(path).st_ino
    with pytest.raises(ListenError, match="in use by process"):
        UnixSocket(path, 1)
    assert os.lstat(path).st_ino == before
    first.release()
    second = UnixSocket(path, 1)
    assert answers(path)
    second.remove()
    second.listening.close()


async def test_at_the_end_only_its_own_is_removed(path: str) -> None:
    async with Server(Bind(path=path), {}):
        Path(path).rename("aside")  # so that the inode is not used again
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
    assert os.path.lexists(path)


@pytest.mark.parametrize("kind", ["file", "link", "directory"])
async def test_what_is_no_socket_is_never_removed(path: str, kind: str) -> None:
    if kind == "directory":
        Path(path).mkdir()
    elif kind == "link":
        Path(path).symlink_to("nowhere")
    else:
        Path(path).write_text("precious")
    with pytest.raises(ConfigError, match="s is there already, and is no socket"):
        async with Server(Bind(path=path), {}):
            pass
    assert os.path.lexists(path)


def test_a_path_that_no_socket_can_have_is_named(path: str) -> None:
    longest = "x" * MOST_BYTES
    check(longest)
    with pytest.raises(ConfigError, match=r"serve\.bind: 'x+' is longer than the 107 bytes"):
        check(longest + "x")
    with pytest.raises(ConfigError, match=r"serve\.bind: there is no directory /no/where"):
        check("/no/where/s")
    with pytest.raises(ConfigError, match=r"serve\.bind: there is no directory /dev/null"):
        check("/dev/null/s")


def test_a_directory_in_which_nothing_may_be_made_is_named() -> None:
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(65534)
    try:
        with pytest.raises(ConfigError, match=r"serve\.bind: nothing may be made in /$"):
            check("/s")
    finally:
        if privileged:
            os.seteuid(0)
