"""Calls in the name of one account: with credentials in force, at the cloud's time, signed at the last moment.

A signature carries the time and, at one of the clouds, a number used once, so each attempt is signed afresh.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import TypeVar

from engine.clouds import Sign, clouds
from engine.credentials import Renewing, mask_error, masked
from engine.errors import (
    BusyError,
    CallError,
    CredentialsError,
    ExpiredCredentialsError,
    ForbiddenError,
    RejectedError,
    StaleSignatureError,
    UnauthorizedError,
)
from engine.model import Account, AuthToken, Call, Fetched, Reply
from engine.server_clock import ServerClock
from engine.transport import Transport
from signers import Credentials

Value = TypeVar("Value")


class Caller:
    """One account, its credentials, and the time where it calls."""

    def __init__(self, account: Account, transport: Transport, clock: Callable[[], float]) -> None:
        self.account = account
        self.cloud = clouds()[account.cloud]
        self.clock = ServerClock(clock)
        self.accepted = False  # by the cloud's last word on it; until then many calls at once would be refused alike
        self.credentials = Renewing(self._fetch, account.name, clock=self.clock.now)
        self._transport = transport
        self._signing: tuple[Fetched, Sign] | None = None
        self._nonces = map(f"{secrets.token_hex(8)}%016x".__mod__, count())  # random bytes for each cost a system call

    async def ready(self) -> None:
        """Have credentials in force.

        Raises:
            CredentialsError: there are none.
            ConfigError: they come with settings that the cloud does not have.
            CallError: they could not be fetched now.
        """
        self._adopt(await self.credentials.current())

    def complete(self, account: Account) -> None:
        """The account, with what was not known of it before."""
        self.account = account
        self._signing = None

    async def call(self, call: Call, read: Callable[[Reply], Value]) -> Value:
        """Make one attempt and return what `read` makes of the answer.

        An attempt that was refused for its time, or for credentials that have ended, is made once more when that could
        be set right: a refusal is never met with more of the same.

        Raises:
            CallError: anything else than a valid success, with its cloud, operation and request id, and no secret.
        """
        tried: tuple[type[CallError], ...] = ()
        fetched = None
        try:
            while True:
                fetched = self.credentials.fresh or await self._in_force()
                sign = self._adopt(fetched)
                offset_s = self.clock.offset_s
                reply = await self._transport.send(sign(call, self.clock.now(), next(self._nonces)))
                try:
                    value = self._read(call, reply, read, fetched)
                    self.accepted = True
                    return value
                except (RejectedError, BusyError):
                    self.accepted = True
                    raise
                except ForbiddenError:  # which tells of one target, and nothing of the next one
                    raise
                except UnauthorizedError as error:
                    self.accepted = False
                    if type(error) in tried or not await self._remedied(error, reply, fetched, offset_s):
                        raise
                    tried += (type(error),)
        except CallError as error:
            error.cloud = self.cloud.name
            error.operation = call.operation
            if fetched:
                mask_error(error, fetched.credentials, call.secrets)
            raise

    def _read(self, call: Call, reply: Reply, read: Callable[[Reply], Value], fetched: Fetched) -> Value:
        """What the answer says. A failure holds no secret, even if the answer repeats the whole request."""
        clean = reply
        try:
            self.cloud.check(call, reply)
            return read(reply)
        except CallError:
            clean = masked(reply, fetched.credentials, call.secrets)
            if clean is reply:
                raise
        self.cloud.check(call, clean)
        return read(clean)

    async def _remedied(self, error: CallError, reply: Reply, fetched: Fetched, offset_s: float) -> bool:
        if isinstance(error, StaleSignatureError):
            return self.clock.correct(reply.headers.get("date", ""), offset_s, self.account.name)
        return isinstance(error, ExpiredCredentialsError) and await self.credentials.renew(fetched)

    async def _in_force(self) -> Fetched:
        try:
            return await self.credentials.current()
        except CredentialsError as error:  # while work goes on, this ends the account's and nobody else's
            raise UnauthorizedError(str(error), sent=False) from None

    async def _fetch(self) -> Fetched:
        given = self.account.credentials
        if isinstance(given, Credentials | AuthToken):
            return Fetched(given, "the environment, or the script")
        try:
            return await given(self._transport.send)
        except CallError as error:
            error.message = f"credentials: {error.message}"
            error.args = (error.message,)
            error.sent = False  # the call that needs them
            raise

    def _adopt(self, fetched: Fetched) -> Sign:
        """How to sign with these."""
        if self._signing and self._signing[0] is fetched:
            return self._signing[1]
        if fetched.settings:
            self.account = replace(self.account, settings={**fetched.settings, **self.account.settings})
        sign = self.cloud.signer(replace(self.account, credentials=fetched.credentials))
        self._signing = fetched, sign
        return sign
