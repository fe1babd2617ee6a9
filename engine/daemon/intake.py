"""The one way in: events of whatever sender take their routes, and what comes of them is durable before it returns."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

from engine.backlog.inbox import Inbox
from engine.backlog.inbox_tables import Delivery, Destination
from engine.credentials import Unrenewed
from engine.daemon.rows import filed
from engine.errors import BacklogError, InboxFullError, InputError
from engine.notifications import ObjectEvent
from engine.routes import Routes

EVENTS_AT_ONCE = 256  # are routed before others get their turn


class UnroutedError(InputError):
    """An event fits no route, and such are to be rejected. It will not get better by being sent again."""


class Taken(NamedTuple):
    """What became of a message's events."""

    events: int
    repeated: int  # of them, that this sender had sent before: acknowledged again, and not done again
    unrouted: int  # that fit no route, and were dropped
    rows: int  # that the others made
    waiting: int  # of these, new; the others waited already


@dataclass(slots=True)
class Counts:
    """What one sender's events came to, since the process began."""

    events: int = 0
    repeated: int = 0
    unrouted: int = 0
    left_out: int = 0  # destinations that could do nothing about an event: a removal is not pushed
    rows: int = 0
    coalesced: int = 0  # of these, that waited already
    full: int = 0  # messages that were put off because too much waited
    failed: int = 0  # messages that could not be written


class EventSource(ABC):
    """Brings events in by itself, as a queue or a directory does."""

    name: str  # unlike those of all other senders
    scope: Collection[str] | None = None  # names of the routes that its events may take; None: all

    @property
    @abstractmethod
    def trouble(self) -> str:
        """Why nothing comes, or not all that should; else ""."""

    @property
    def unrenewed(self) -> Mapping[str, Unrenewed]:
        """Credentials of its own that could not be renewed the last time, by account: they are used to their end."""
        return {}

    def held(self) -> AbstractContextManager[None]:
        """Keeps other processes from it. It is entered before anything can be told to the daemon, and while it runs.

        Raises:
            ConfigError: it cannot be used.
            BacklogError: another process uses it, or it cannot be used for now.
        """
        return nullcontext()

    @abstractmethod
    async def run(self, intake: Intake) -> None:
        """Until cancelled, or until there is no more to come. What it raises ends the daemon."""


class Intake:
    """`routes` may be replaced at any time."""

    def __init__(self, inbox: Inbox, routes: Routes) -> None:
        self.routes = routes
        self.counts: defaultdict[str, Counts] = defaultdict(Counts)
        self._inbox = inbox

    @property
    def full(self) -> bool:
        """Whether there is still no room for what there was none for of late."""
        return self._inbox.full

    async def take(self, sender: str, events: Sequence[ObjectEvent], scope: Collection[str] | None = None) -> Taken:
        """Take all of a message's events, or none. Only after it returned may the message be acknowledged.

        Each sender has a memory of ids of its own. `scope` are the routes that may be taken, by name; None: all.

        Raises:
            UnroutedError: an event fits no route, and such are rejected.
            TooManyRowsError: they make more rows than may wait at all. Parts of them may be taken.
            InboxFullError: too much waits. The same message is to be offered again.
            NoSpaceError: the disk is full. The same message is to be offered again.
            BacklogGoneError: the backlog's file is gone. The same message is to be offered again.
            BacklogError: nothing can be written any more.
        """
        routes, counts = self.routes, self.counts[sender]
        made: list[tuple[str, list[tuple[Destination, str]]]] = []
        unrouted = left_out = 0
        for number, event in enumerate(events, 1):
            routed = routes.routed(event, scope)
            if not routed.routes:
                if routes.no_route == "reject":
                    raise UnroutedError(f"event {number} fits no route: bucket {event.bucket!r}, key {event.key!r:.80}")
                unrouted += 1
            left_out += routed.left_out
            made.append((event.id, [filed(row) for row in routed.rows]))
            if number % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
        try:
            accepted = await self._inbox.accept(Delivery(sender, made))
        except InboxFullError:
            counts.full += 1
            raise
        except BacklogError:
            counts.failed += 1
            raise
        counts.events += len(events)
        counts.repeated += accepted.repeated
        counts.unrouted += unrouted
        counts.left_out += left_out
        counts.rows += accepted.rows
        counts.coalesced += accepted.rows - accepted.waiting
        return Taken(len(events), accepted.repeated, unrouted, accepted.rows, accepted.waiting)
