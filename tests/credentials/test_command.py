"""Commands that print credentials: what they may do to us, and what of theirs is never shown."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import pytest

from engine.credentials import command
from engine.errors import CredentialsError

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


async def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    os.mkfifo(pids)
    reader = os.open(pids, os.O_RDONLY | os.O_NONBLOCK)
    code = f"import os, signal\nchild = os.fork()\nwriter = os.open({str(pids)!r}, os.O_WRONLY)\nsignal.pause()\n"
    with pytest.raises(CredentialsError, match=r"did not end within 1 s"):
        await command.output(python(code), {}, timeout_s=1.0)
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""  # the end: no writer, neither parent nor child, is left to hold it open
    os.close(reader)
