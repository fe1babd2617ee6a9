"""Commands that print credentials."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE, Popen
from typing import IO

from engine.errors import PASSING, CredentialsError, CredentialsNotReadyError

TIMEOUT_S = 30.0
MAX_BYTES = 1 << 16


async def output(argv: Sequence[str], environ: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> bytes:
    """What a command writes to standard output, run without a shell and without our terminal.

    What it writes to standard error is thrown away, and of its arguments only the first is ever named: either may hold
    a secret. However this ends but well, the command ends with it, and whatever of its process group is left.

    Raises:
        CredentialsNotReadyError: it fails, does not end in time, or cannot be run for now.
        CredentialsError: it cannot be run, or has too much to say.
    """
    name = argv[0]
    try:
        # Not asyncio's, which takes as long to fork but returns later: cancelled meanwhile, it would forget the group.
        process = Popen(  # noqa: ASYNC220, S603 - the user's own command
            argv, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env=dict(environ), start_new_session=True
        )
    except OSError as error:
        kind = CredentialsNotReadyError if error.errno in PASSING else CredentialsError
        raise kind(f"cannot run {name}: {error.strerror}") from None
    assert process.stdout  # noqa: S101 - a pipe, as asked for
    try:
        async with asyncio.timeout(timeout_s):
            body = await _read(process.stdout, name)
            status = await asyncio.to_thread(process.wait)
    except TimeoutError:
        raise CredentialsNotReadyError(f"{name} did not end within {timeout_s:g} s") from None
    finally:
        process.stdout.close()
        if process.returncode is None:  # not waited for, so that its number is still that of its group and no other
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.wait)
    if status:
        raise CredentialsNotReadyError(f"{name} failed with status {status}; run it by hand to see why")
    return body


async def _read(pipe: IO[bytes], name: str) -> bytes:
    """Everything up to the end of a pipe."""
    loop = asyncio.get_running_loop()
    body = b""
    ended: asyncio.Future[None] = loop.create_future()

    def take() -> None:
        nonlocal body
        block = os.read(pipe.fileno(), MAX_BYTES)
        body += block
        if not ended.done() and (not block or len(body) > MAX_BYTES):
            ended.set_result(None)

    loop.add_reader(pipe.fileno(), take)
    try:
        await ended
    finally:
        loop.remove_reader(pipe.fileno())
    if len(body) > MAX_BYTES:
        raise CredentialsError(f"{name} prints more than {MAX_BYTES:,} bytes")
    return body
