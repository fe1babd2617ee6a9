"""Calls of all accounts: prepared as they need, and repeated as they may be."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from random import random
from typing import TypeVar

from engine.caller import Caller
from engine.clouds.operation import Operation
from engine.credentials import Unrenewed
from engine.errors import CallError, ConfigError, CredentialsNotReadyError, SyncmuxError
from engine.model import Account, Call, Reply
from engine.retry import Backoff, reaction
from engine.transport import Transport

Value = TypeVar("Value")
LOOKUP_ATTEMPTS = 5
LOOK_S = 15.0  # between looks whether the credentials in force are others
FIRST_S = 5.0  # how long all accounts wait for the first to get its credentials, if they may also get them later
OTHERS_S = 1.0  # how long an account that has its credentials waits at the start for others to get theirs
NO_CONTENT = Reply(204, {}, b"")


class Client:
    """Calls the clouds in the name of accounts. Needs an open `Transport`."""

    def __init__(
        self, transport: Transport, accounts: Iterable[Account], *, clock: Callable[[], float] = time.time
    ) -> None:
        self.callers = {account.name: Caller(account, transport, clock) for account in accounts}
        self._preparing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def account(self, name: str) -> Account:
        return self.callers[name].account

    def accepted(self, name: str) -> bool:
        """Whether the cloud takes the account's calls, as far as it was asked."""
        return self.callers[name].accepted

    @property
    def unrenewed(self) -> dict[str, Unrenewed]:
        """By account."""
        return {name: each for name, caller in self.callers.items() if (each := caller.credentials.unrenewed)}

    async def renew(self, names: Iterable[str]) -> None:
        """Try once more to renew the credentials of accounts, as far as it is not too early after the last time."""
        await asyncio.gather(*[_ready(self.callers[name]) for name in names])

    async def renewed(self, name: str) -> bool:
        """Wait for other credentials of an account than those in force. False: they cannot be told without asking the
        cloud for some, which may hold that against the account."""
        credentials = self.callers[name].credentials
        refused = credentials.held
        while refused and not credentials.failure:
            await asyncio.sleep(LOOK_S)
            with suppress(SyncmuxError):
                if (await credentials.current()).credentials != refused.credentials:
                    return True
        return False

    def doubt(self, name: str) -> None:
        """Before the next call of an account, see which credentials are in force now, if that can be found out."""
        self.callers[name].credentials.doubt()

    async def close(self) -> None:
        """Give up what goes on unseen: renewals of credentials. To be called before the transport is closed."""
        for caller in self.callers.values():
            await caller.credentials.close()

    async def ready(self, *, each: bool = True) -> None:
        """Have credentials for every account, as far as they can be fetched now.

        Raises:
            CredentialsError: an account has none; if not `each` is needed, none has any, nor may come to have.
            ConfigError: the same, as they come with settings that the cloud does not have.
        """
        fetching = [asyncio.create_task(_ready(caller)) for caller in self.callers.values()]
        try:
            if fetching:
                patience_s = None if each else FIRST_S
                await asyncio.wait(fetching, return_when=asyncio.FIRST_COMPLETED, timeout=patience_s)
                await asyncio.wait(fetching, timeout=OTHERS_S)
            errors = [error for task in fetching if task.done() and (error := task.result())]
            for_good = [error for error in errors if not isinstance(error, CredentialsNotReadyError)]
            if errors and (each or len(for_good) == len(fetching)):
                raise errors[0]
        finally:
            for task in fetching:
                task.cancel()  # what it waits for goes on, for the calls

    def call(self, account: str, call: Call, read: Callable[[Reply], Value]) -> Awaitable[Value]:
        """Make one attempt and return what `read` makes of the answer.

        Raises:
            CallError: anything else than a valid success, with its cloud, operation and request id.
        """
        return self.callers[account].call(call, read)

    async def prepare(self, account: str) -> None:
        """Have credentials, and what else the account needs and was not told, such as a project's id.

        Raises:
            CredentialsError: there are none.
            ConfigError: the cloud cannot tell; the message says what to set.
            CallError: it could not be asked.
        """
        async with self._preparing[account]:  # whoever comes second finds it done
            caller = self.callers[account]
            await _repeatedly(caller.ready)
            known, cloud = caller.account, caller.cloud
            call = cloud.lookup(known)
            if call is not None:
                caller.complete(await self.insist(account, call, lambda reply: cloud.looked_up(known, reply)))

    async def do(self, account: str, operation: Operation[Value]) -> Value:
        """Perform an operation, prepared as it needs and repeated as it may be.

        Raises:
            ConfigError: the account lacks something that the cloud cannot tell.
            CallError: it did not succeed. Nothing secret of the operation stands in the message.
        """
        if not operation.service:
            await self.prepare(account)
        call = replace(operation.call(self.account(account)), secrets=tuple(operation.secrets()))
        if operation.repeatable:
            return await self.insist(account, call, operation.read, operation.taken)
        return await self.call(account, call, operation.read)

    async def insist(
        self, account: str, call: Call, read: Callable[[Reply], Value], taken: Collection[str] = ()
    ) -> Value:
        """`call`, a few times if need be. For calls that may be repeated without harm.

        `taken` are codes that refuse a repeat because an attempt before it took effect: then that was the answer.
        """
        # Whether an attempt may have taken effect. A DELETE even before the first answer: when the server drops the
        # connection, the HTTP library itself sends that method once more.
        doubtful = call.method == "DELETE"

        async def attempt() -> Value:
            nonlocal doubtful
            try:
                return await self.call(account, call, read)
            except CallError as error:
                if doubtful and error.code in taken:
                    return read(NO_CONTENT)
                doubtful = doubtful or (reaction(error).sick and error.sent)
                raise

        return await _repeatedly(attempt)


async def _ready(caller: Caller) -> ConfigError | None:
    """Returns why there are no credentials that can be used, if calls cannot bring them."""
    try:
        await caller.ready()
    except ConfigError as error:
        return error
    except CallError:  # the calls will try again
        pass
    return None


async def _repeatedly(attempt: Callable[[], Awaitable[Value]]) -> Value:
    backoff = Backoff(cap_s=10.0)
    for number in range(1, LOOKUP_ATTEMPTS + 1):
        try:
            return await attempt()
        except CallError as error:
            how = reaction(error)
            if not how.again or how.stops or number == LOOKUP_ATTEMPTS:
                raise
            await asyncio.sleep(max(0.001, backoff.delay_s(number, random(), error.retry_after_s)))  # noqa: S311
    raise AssertionError("unreachable")
