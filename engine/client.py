"""One attempt at one call: signed at the last moment, sent, read, and every failure given its name.

A signature carries the time and, at one of the clouds, a number used once, so each attempt is signed afresh.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from random import random
from typing import TypeVar

from engine.clouds import Cloud, Sign, clouds
from engine.errors import CallError
from engine.model import Account, Call, Reply
from engine.retry import Backoff, reaction
from engine.transport import Transport

Value = TypeVar("Value")
LOOKUP_ATTEMPTS = 5


class Client:
    """Calls the clouds in the name of accounts. Needs an open `Transport`."""

    def __init__(
        self, transport: Transport, accounts: Iterable[Account], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._accounts: dict[str, tuple[Account, Cloud, Sign]] = {}
        for account in accounts:
            self._adopt(account)

    def account(self, name: str) -> Account:
        return self._accounts[name][0]

    async def call(self, account: str, call: Call, read: Callable[[Reply], Value]) -> Value:
        """Make one attempt and return what `read` makes of the answer.

        Raises:
            CallError: anything else than a valid success, with its cloud, operation and request id.
        """
        _, cloud, sign = self._accounts[account]
        try:
            reply = await self._transport.send(sign(call, self._clock(), secrets.token_hex(16)))
            cloud.check(call, reply)
            return read(reply)
        except CallError as error:
            error.cloud = cloud.name
            error.operation = call.operation
            raise

    async def prepare(self, account: str) -> None:
        """Find out what the account needs and was not told, such as a project's id. Repeats what may be repeated.

        Raises:
            ConfigError: the cloud cannot tell; the message says what to set.
            CallError: it could not be asked.
        """
        known, cloud, _ = self._accounts[account]
        call = cloud.lookup(known)
        if call is None:
            return
        reply = await self.insist(account, call, lambda reply: reply)
        self._adopt(cloud.looked_up(known, reply))

    async def insist(self, account: str, call: Call, read: Callable[[Reply], Value]) -> Value:
        """`call`, a few times if need be. For calls that may be repeated without harm."""
        backoff = Backoff(cap_s=10.0)
        for attempt in range(1, LOOKUP_ATTEMPTS + 1):
            try:
                return await self.call(account, call, read)
            except CallError as error:
                how = reaction(error)
                if not how.again or how.stops or attempt == LOOKUP_ATTEMPTS:
                    raise
                await asyncio.sleep(max(0.001, backoff.delay_s(attempt, random(), error.retry_after_s)))  # noqa: S311
        raise AssertionError("unreachable")

    def _adopt(self, account: Account) -> None:
        cloud = clouds()[account.cloud]
        self._accounts[account.name] = account, cloud, cloud.signer(account)
