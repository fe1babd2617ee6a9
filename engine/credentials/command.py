"""Commands that print credentials."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress

from engine.errors import CredentialsError

TIMEOUT_S = 30.0
MAX_BYTES = 1 << 16


async def output(argv: Sequence[str], environ: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> bytes:
    """What a command writes to standard output, run without a shell and without our terminal.

    What it writes to standard error is thrown away, and of its arguments only the first is ever named: either may hold
    a secret.

    Raises:
        CredentialsError: it cannot be run, fails, does not end in time, or has too much to say.
    """
    name = argv[0]
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env=dict(environ), start_new_session=True
        )
    except OSError as error:
        raise CredentialsError(f"cannot run {name}: {error.strerror}") from None
    try:
        async with asyncio.timeout(timeout_s):
            body = await _read(process, name)
            status = await process.wait()
    except TimeoutError:
        raise CredentialsError(f"{name} did not end within {timeout_s:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and whatever it has started
            await process.wait()
    if status:
        raise CredentialsError(f"{name} failed with status {status}; run it by hand to see why")
    return body


async def _read(process: Process, name: str) -> bytes:
    body = b""
    while process.stdout and (block := await process.stdout.read(MAX_BYTES)):
        body += block
        if len(body) > MAX_BYTES:
            raise CredentialsError(f"{name} prints more than {MAX_BYTES:,} bytes")
    return body
