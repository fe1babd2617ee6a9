"""Commands that print credentials: what they may do to us, and what of theirs is never shown."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
import traceback
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from engine.credentials import command
from engine.errors import CredentialsError, CredentialsNotReadyError

MARKER = "MARKERdontshow"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def test_standard_output_is_taken_and_standard_error_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    code = f"import sys; print('out'); print('{MARKER}', file=sys.stderr)"
    assert await command.output(python(code), {}) == b"out\n"
    assert capfd.readouterr() == ("", "")


async def test_no_shell_is_involved(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    argv = [*python("import sys; print(sys.argv[1])"), f"$(touch {trap}); touch {trap}"]
    assert await command.output(argv, {}) == f"$(touch {trap}); touch {trap}\n".encode()
    assert not trap.exists()


async def test_it_sees_the_environment_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNSEEN", "x")
    code = "import os; print(os.environ.get('SEEN'), os.environ.get('UNSEEN'))"
    assert await command.output(python(code), {"SEEN": "y"}) == b"y None\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (python(f"print('{MARKER}'); raise SystemExit('{MARKER}')"), "failed with status 1"),
        (python(f"print('{MARKER}' * 10000)"), "prints more than 65,536 bytes"),
        (["/no/such/program", MARKER], "cannot run /no/such/program: No such file"),
    ],
)
async def test_a_command_that_fails_is_named_and_not_quoted(argv: list[str], said: str) -> None:
    with pytest.raises(CredentialsError, match=said) as refused:
        await command.output(argv, {})
    assert MARKER not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    ("number", "passes"),
    [(number, True) for number in (errno.EAGAIN, errno.EMFILE, errno.ENOMEM, errno.ESTALE)] + [(errno.EACCES, False)],
)
async def test_what_the_machine_lacks_it_may_have_later(
    monkeypatch: pytest.MonkeyPatch, number: int, passes: bool
) -> None:
    def refused(*_: Any, **__: Any) -> Popen[bytes]:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(command, "Popen", refused)
    with pytest.raises(CredentialsError, match=os.strerror(number)) as told:
        await command.output(["keys"], {})
    assert isinstance(told.value, CredentialsNotReadyError) is passes


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Popen[bytes]]:
    """Every process that was begun."""
    seen: list[Popen[bytes]] = []

    class Seen(Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            seen.append(self)

    monkeypatch.setattr(command, "Popen", Seen)
    return seen


class Group:
    """A command with a child of its own, that both keep a pipe open as long as they live."""

    def __init__(self, path: Path, then: str) -> None:
        os.mkfifo(path)
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.argv = ["sh", "-c", f'exec 3>"$0"; sleep 1000 & echo x >&3; {then}', str(path)]
        self.environ = {"PATH": os.environ["PATH"]}

    async def begun(self) -> None:
        began = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(self._reader, began.set_result, None)
        await began
        asyncio.get_running_loop().remove_reader(self._reader)
        assert os.read(self._reader, 2) == b"x\n"

    def gone(self) -> bool:
        """Waits for it: a pipe that nobody holds open has an end."""
        os.set_blocking(self._reader, True)
        try:
            return os.read(self._reader, 1) == b""
        finally:
            os.close(self._reader)


HANGS, LEAVES_A_CHILD = "wait", "exit 0"


@pytest.mark.parametrize("then", [HANGS, LEAVES_A_CHILD])
async def test_a_command_that_does_not_end_is_ended_with_its_children(
    tmp_path: Path, started: list[Popen[bytes]], then: str
) -> None:
    group = Group(tmp_path / "pipe", then)
    with pytest.raises(CredentialsError, match=r"sh did not end within 2 s"):
        await command.output(group.argv, group.environ, timeout_s=2.0)
    await group.begun()
    assert group.gone()
    assert [process.returncode for process in started] == [-signal.SIGKILL if then == HANGS else 0]


@pytest.mark.parametrize("then", [HANGS, LEAVES_A_CHILD])
async def test_a_command_that_is_not_wanted_any_more_is_ended_with_its_children(
    tmp_path: Path, started: list[Popen[bytes]], then: str
) -> None:
    group = Group(tmp_path / "pipe", then)
    running = asyncio.create_task(command.output(group.argv, group.environ))
    await group.begun()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert group.gone()
    assert [process.returncode is None for process in started] == [False]


@pytest.mark.parametrize("turns", range(6))
async def test_it_may_be_unwanted_as_soon_as_it_has_begun(started: list[Popen[bytes]], turns: int) -> None:
    running = asyncio.create_task(command.output(["sleep", "1000"], {"PATH": os.environ["PATH"]}))
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [process.returncode for process in started] == ([-signal.SIGKILL] if turns else [])


async def test_a_command_that_says_too_much_is_ended_with_its_children(
    tmp_path: Path, started: list[Popen[bytes]]
) -> None:
    group = Group(tmp_path / "pipe", "exec cat /dev/zero")
    with pytest.raises(CredentialsError, match="sh prints more than 65,536 bytes"):
        await command.output(group.argv, group.environ)
    await group.begun()
    assert group.gone()


async def test_what_a_command_leaves_behind_on_purpose_is_left(tmp_path: Path) -> None:
    """It has closed our pipe: an agent, say, that is to serve the next command too."""
    group = Group(tmp_path / "pipe", "")
    agent = 'sleep 1000 >&- & echo "$!"'
    group.argv[2] = f'exec 3>"$0"; echo x >&3; {agent}'
    left = int(await command.output(group.argv, group.environ))
    await group.begun()
    os.kill(left, signal.SIGKILL)  # it is there
    assert group.gone()
