"""Offers events to the intake until they are taken: what cannot be taken now is kept in hand, and nothing more read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from engine.daemon.intake import Intake, UnroutedError
from engine.daemon.log import Log
from engine.errors import BacklogGoneError, InboxFullError, NoSpaceError, TooManyRowsError
from engine.notifications import ObjectEvent

NO_SPACE_S = 10.0  # until a full disk, or a backlog that is gone, is tried again
LOOK_S = 0.5  # until it is looked at whether there is room
UNROUTED = "it fits no route"


@dataclass(slots=True)
class Offered:
    """What became of events. `refused` are those that fit no route where such are rejected, by their index."""

    taken: int = 0
    repeated: int = 0
    unrouted: int = 0
    refused: list[int] = field(default_factory=list)


class Offering:
    """The way of one source into the intake."""

    def __init__(self, name: str, scope: Collection[str] | None, log: Log) -> None:
        self.trouble = ""  # why nothing goes in, while nothing does
        self._name = name
        self._scope = scope
        self._log = log

    async def offer(self, intake: Intake, events: Sequence[ObjectEvent]) -> Offered:
        """Returns when all of them are durable or refused. Raises BacklogError: nothing can be written any more."""
        offered = Offered()
        parts = [(0, events)] if events else []
        while parts:
            first, part = parts.pop()
            half = len(part) // 2
            try:
                taken = await intake.take(self._name, part, self._scope)
            except UnroutedError:
                if half:  # find the one
                    parts += [(first + half, part[half:]), (first, part[:half])]
                else:
                    offered.refused.append(first)
                continue
            except TooManyRowsError:  # more than one event: the settings see to it that any one fits
                parts += [(first + half, part[half:]), (first, part[:half])]
                continue
            except InboxFullError as error:
                await self._wait(str(error), error.retry_after_s, lambda: intake.full)
                # Smaller parts fit sooner.
                parts += [(first + half, part[half:]), (first, part[:half])] if half else [(first, part)]
                continue
            except (NoSpaceError, BacklogGoneError) as error:
                await self._wait(str(error), NO_SPACE_S)
                parts.append((first, part))
                continue
            self.trouble = ""
            offered.taken += taken.events - taken.repeated - taken.unrouted
            offered.repeated += taken.repeated
            offered.unrouted += taken.unrouted
        return offered

    async def _wait(self, why: str, wait_s: float, as_long_as: Callable[[], bool] = lambda: True) -> None:
        if not self.trouble:
            self._log.event("source_waits", source=self._name, why=why, again_in_s=round(wait_s, 1))
        self.trouble = why
        until = time.monotonic() + wait_s
        while True:
            await asyncio.sleep(min(LOOK_S, max(0.0, until - time.monotonic())))
            if time.monotonic() >= until or not as_long_as():
                return
