"""Does what a description of a source (`engine.clouds.sources`) asks for, step by step."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.clouds.sources import Ask, Read, Run, Steps
from engine.credentials import command, private_file
from engine.errors import TransportError
from engine.model import Fetched, Reply, Send


class ElsewhereError(Exception):
    """A step leads out of this machine's files."""


async def carry_out(steps: Steps, send: Send, environ: Mapping[str, str], clock: Callable[[], float]) -> Fetched | None:
    """The credentials that the description leads to; None if the source is not there. Never blocks the loop.

    Raises:
        CredentialsError: it is there and cannot be used.
        CallError: it could not be asked.
    """
    answer: Any = None
    try:
        while True:
            match steps.send(answer):
                case Read(path, private):
                    answer = await asyncio.to_thread(private_file.read, path, private=private)
                case Ask() as ask:
                    answer = await _ask(ask, send, clock)
                case Run(argv):
                    answer = await command.output(argv, environ)
    except StopIteration as end:
        found: Fetched | None = end.value
        return found


def carry_out_locally(steps: Steps) -> Fetched | None:
    """`carry_out` for what needs nothing but files. Blocks.

    Raises:
        CredentialsError: the source is there and cannot be used.
        ElsewhereError: somebody must be asked.
    """
    answer: bytes | None = None
    try:
        while True:
            step = steps.send(answer)
            if not isinstance(step, Read):
                raise ElsewhereError
            answer = private_file.read(step.path, private=step.private)
    except StopIteration as end:
        found: Fetched | None = end.value
        return found


async def _ask(ask: Ask, send: Send, clock: Callable[[], float]) -> Reply:
    request = ask.request(clock(), secrets.token_hex(16))
    where = urlsplit(request.url).netloc.rpartition("@")[2]
    try:
        async with asyncio.timeout(ask.timeout_s):
            return await send(request)
    except TimeoutError:
        raise TransportError(f"{where}: no whole answer within {ask.timeout_s:g} s") from None
    except TransportError as error:
        named = error.message if where in error.message else f"{where}: {error.message}"
        raise TransportError(named, sent=error.sent) from None
