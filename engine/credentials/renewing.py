"""Credentials that stay in force: renewed before they end, once for everybody, behind everybody's back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from copy import copy
from datetime import UTC, datetime
from typing import NamedTuple

from engine.errors import CallError, CredentialsError, SyncmuxError
from engine.model import Fetched

LOG = logging.getLogger("syncmux.credentials")

MARGIN_S = 600.0  # renewed that long before their end, or a fifth of their life, whichever is less
MARGIN_SHARE = 0.2
PAUSE_S = 0.5  # after a renewal that did not help; it doubles
MAX_PAUSE_S = 30.0
NEVER = float("inf")


class Unrenewed(NamedTuple):
    """Credentials whose last renewal failed."""

    why: str
    left_s: float  # that they stay in force, or less than 0; infinite if nobody knows of an end

    def __str__(self) -> str:
        if self.left_s == NEVER:
            return f"cannot be renewed: {self.why}"
        fate = f"end in {self.left_s:,.0f} s" if self.left_s > 0 else "have ended"
        return f"cannot be renewed, and {fate}: {self.why}"


class Renewing:
    """The credentials of one account. What it hands out is whole: halves of two sets never meet.

    A renewal that fails leaves the old ones in force while they are valid, and is tried again after a pause.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Fetched]],
        account: str = "",
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` tells the cloud's time, in seconds since the epoch. `fetch` is a `Source` that has its transport."""
        self.held: Fetched | None = None
        self.failure: CredentialsError | CallError | None = None  # of the last renewal, if it failed
        self._fetch = fetch
        self._account = account
        self._clock = clock
        self._monotonic = monotonic
        self._renew_at = 0.0
        self._valid_until = 0.0
        self._doubted = False  # until a renewal has ended, however it did
        self._not_before = 0.0  # the next renewal, on the monotonic clock
        self._failures = 0  # in a row
        self._task: asyncio.Task[Fetched] | None = None

    @property
    def fresh(self) -> Fetched | None:
        """What is in force, and need not be renewed yet."""
        return self.held if self._clock() < self._renew_at else None

    @property
    def unrenewed(self) -> Unrenewed | None:
        """None if the last renewal did not fail, and before anything was fetched: then whoever asks is told."""
        if self.held is None or self.failure is None:
            return None
        return Unrenewed(str(self.failure), self._valid_until - self._clock())

    async def current(self) -> Fetched:
        """What is in force. Waits only if nothing is, or after a doubt.

        Raises:
            CredentialsError, CallError: nothing is in force, and nothing could be fetched.
        """
        if fresh := self.fresh:
            return fresh
        held = self.held
        task = self._renewal()
        if held and not self._doubted and self._clock() < self._valid_until:
            return held
        if task:
            try:
                return await self._outcome(task)
            except SyncmuxError:
                if self.held and self._clock() < self._valid_until:
                    return self.held
                raise
        if held is None or self.failure:
            raise copy(self.failure) if self.failure else CredentialsError("no credentials")
        return held  # ended when it came, it seems: it may be our clock that is wrong, and the cloud will tell

    async def renew(self, refused: Fetched) -> bool:
        """Fetch others in place of those that the cloud says have ended. False if there are no others.

        Of many callers that are refused at once, the first one renews and the others find it done.

        Raises:
            CallError: it could not be found out now.
        """
        if self.held is refused:
            self._renew_at = self._valid_until = 0.0
            if not self.failure:
                self._not_before = 0.0
            task = self._renewal()
            try:
                if task:
                    await self._outcome(task)
                elif self.failure:
                    raise copy(self.failure)
            except CredentialsError:
                return False
        return self.held is not None and self.held.credentials != refused.credentials

    def doubt(self) -> None:
        """Have whoever needs them next wait for what is in force by then: something may have changed. What is held
        stays in force if that cannot be found out."""
        self._renew_at = self._not_before = 0.0
        self._doubted = True

    async def close(self) -> None:
        """Give up a renewal under way."""
        if self._task:
            self._task.cancel()
            await asyncio.wait((self._task,))

    def _renewal(self) -> asyncio.Task[Fetched] | None:
        """The renewal under way, begun now if there is none; None if it is too early after the last one."""
        if self._task is None and self._monotonic() >= self._not_before:
            self._task = asyncio.create_task(self._renewed(), name=f"syncmux credentials {self._account}")
            self._task.add_done_callback(_seen)
        return self._task

    async def _outcome(self, task: asyncio.Task[Fetched]) -> Fetched:
        try:
            return await asyncio.shield(task)  # who waits may be cancelled; the others wait on
        except SyncmuxError as error:
            raise copy(error) from None  # everybody's own, or the one's traceback would grow with every waiter

    async def _renewed(self) -> Fetched:
        try:
            fetched = await self._fetch()
        except (CredentialsError, CallError) as error:
            failure: CredentialsError | CallError = error
        except SyncmuxError as error:  # a source of the user's own, here and below
            failure = CredentialsError(str(error))
        except Exception as error:  # what it says may hold anything
            failure = CredentialsError(f"the source of credentials failed ({type(error).__name__})")
        else:
            self._adopt(fetched)
            return fetched
        finally:
            self._task = None
        self._fail(failure)
        raise failure

    def _adopt(self, fetched: Fetched) -> None:
        now = self._clock()
        ends_at = NEVER if fetched.expires_at is None else fetched.expires_at
        left_s = max(0.0, ends_at - now)
        self.held, self.failure, self._failures, self._doubted = fetched, None, 0, False
        self._valid_until = ends_at
        self._renew_at = ends_at - min(MARGIN_S, MARGIN_SHARE * left_s)
        if fetched.look_again_s is not None:
            self._renew_at = min(self._renew_at, now + fetched.look_again_s)
        self._not_before = 0.0 if left_s else self._monotonic() + MAX_PAUSE_S
        LOG.debug("account %s: credentials from %s, %s", self._account, fetched.source, _until(ends_at))

    def _fail(self, failure: CredentialsError | CallError) -> None:
        self.failure, self._doubted = failure, False
        self._failures += 1
        pause_s = min(MAX_PAUSE_S, PAUSE_S * 2.0 ** min(self._failures - 1, 10))
        self._not_before = self._monotonic() + pause_s
        if self.held is None:
            return  # whoever asked for them is told
        in_force = self._clock() < self._valid_until
        fate = f"those in force are used {_until(self._valid_until)}" if in_force else "none are in force"
        level = logging.WARNING if self._failures == 1 else logging.DEBUG  # once for each time of trouble
        LOG.log(level, "account %s: credentials cannot be renewed (%s); %s", self._account, failure, fate)


def _seen(task: asyncio.Task[Fetched]) -> None:
    if not task.cancelled():
        task.exception()  # told to those who wait, and to the log


def _until(moment: float) -> str:
    if moment == NEVER:
        return "with no end known"
    return f"until {datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
