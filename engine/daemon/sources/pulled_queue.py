"""An SMQ queue that is pulled: several long polls at once, and a message is deleted once its events are committed.

Whatever goes wrong before that, the message comes again after the queue's visibility timeout, and is known by its id if
it was taken. What cannot be read after some deliveries is put aside in a directory, and then deleted.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import random

from engine.caller import Caller
from engine.credentials import Renewing, Unrenewed
from engine.daemon.intake import EventSource, Intake
from engine.daemon.log import Log
from engine.daemon.sources.offering import UNROUTED, Offering
from engine.daemon.sources.whole_file import write_whole
from engine.errors import CallError
from engine.model import Account, Call
from engine.notifications import NotificationError
from engine.notifications.smq_queue import QueueMessage, delete_call, deleted, receive_call, received
from engine.retry import Backoff, reaction
from engine.transport import Transport

MARGIN_S = 15.0  # that an answer may take beyond the wait that was asked for
STOPPED_S = 60.0  # until what only people can set right is tried again
EARLY_S = 1.0  # an answer without messages that comes sooner is not the end of a wait


@dataclass(frozen=True, slots=True)
class QueueSettings:
    name: str  # of the source
    queue: str
    put_aside: Path  # where messages go that cannot be read
    receivers: int = 2
    wait_s: int = 30
    max_deliveries: int = 5  # of a message that cannot be read, before it is put aside
    routes: frozenset[str] | None = None


class PulledQueue(EventSource):
    """`trouble` says why nothing comes, while nothing can."""

    def __init__(
        self, settings: QueueSettings, account: Account, log: Log, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.name = settings.name
        self.scope = settings.routes
        self.put_aside = 0  # messages, since the process began
        self._settings = settings
        self._account = account
        self._log = log
        self._clock = clock
        self._offering = Offering(settings.name, settings.routes, log)
        self._backoff = Backoff()
        self._calls_fail = ""
        self._credentials: Renewing | None = None

    @property
    def trouble(self) -> str:
        return self._calls_fail or self._offering.trouble

    @property
    def unrenewed(self) -> Mapping[str, Unrenewed]:
        unrenewed = self._credentials and self._credentials.unrenewed
        return {self._account.name: unrenewed} if unrenewed else {}

    async def run(self, intake: Intake) -> None:
        """Until cancelled. What was received and not deleted by then comes again.

        Raises:
            BacklogError: nothing can be written any more.
        """
        async with Transport(attempt_s=self._settings.wait_s + MARGIN_S) as transport:
            caller = Caller(self._account, transport, self._clock)
            self._credentials = caller.credentials
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self._settings.receivers):
                        group.create_task(self._receive(caller, intake))
            finally:
                await caller.credentials.close()

    async def _receive(self, caller: Caller, intake: Intake) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                messages = await caller.call(self._receive_call(), received)
                failures, self._calls_fail = 0, ""
                # Each is taken by itself: one that cannot be keeps no other waiting.
                taken = await asyncio.gather(*[self._take(intake, message) for message in messages])
                handles = [message.handle for message, done in zip(messages, taken, strict=True) if done]
                if handles:
                    await caller.call(delete_call(self._settings.queue, handles), deleted)
            except CallError as error:
                failures += 1
                await self._rest(error, failures)
                continue
            if not messages and time.monotonic() - began < EARLY_S:
                await asyncio.sleep(EARLY_S)

    def _receive_call(self) -> Call:
        return receive_call(self._settings.queue, wait_s=self._settings.wait_s)

    async def _take(self, intake: Intake, message: QueueMessage) -> bool:
        """Whether a message is done with."""
        try:
            events = message.events()
        except NotificationError as error:
            return await self._unusable(message, str(error))
        offered = await self._offering.offer(intake, events)
        return not offered.refused or await self._unusable(message, f"event {offered.refused[0] + 1}: {UNROUTED}")

    async def _unusable(self, message: QueueMessage, why: str) -> bool:
        """Whether a message that cannot be used was put aside. If not, it comes again, and may be usable then."""
        facts = {"id": message.id, "deliveries": message.deliveries, "why": why}
        if message.deliveries < self._settings.max_deliveries:
            self._log.event("message_unusable", source=self.name, **facts)
            return False
        now = time.time()
        body = message.body.decode("utf-8", "backslashreplace")
        report = {"queue": self._settings.queue, **facts, "at": round(now, 3), "body": body}
        name = f"{now:.3f}-{re.sub('[^A-Za-z0-9-]', '_', message.id)[:100]}.json"
        try:
            await asyncio.to_thread(self._write, self._settings.put_aside / name, report)
        except OSError as error:
            self._log.event("message_not_put_aside", source=self.name, error=str(error), **facts)
            return False
        self.put_aside += 1
        self._log.event("message_put_aside", source=self.name, file=name, **facts)
        return True

    @staticmethod
    def _write(path: Path, report: object) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, report)

    async def _rest(self, error: CallError, failures: int) -> None:
        """Wait as long as the failure of a call asks for."""
        how = reaction(error)
        rest_s = STOPPED_S if how.stops else self._backoff.delay_s(failures, random(), error.retry_after_s)  # noqa: S311
        self._calls_fail = str(error)
        self._log.event("queue_call_failed", source=self.name, error=str(error), again_in_s=round(rest_s, 1))
        await asyncio.sleep(max(0.01, rest_s))
