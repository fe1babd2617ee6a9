"""What is there at the cloud of something that is to be created once."""

from __future__ import annotations

import asyncio
import time

from engine.clouds.creation import Creation, Existing
from engine.engine import Engine
from engine.errors import CallError, ProtocolError, TargetError
from engine.intents import Absence, Patience, Sight, choose, sight

MAX_PAGES = 101  # the offset ends at 10,000


class Lookup:
    """Looks for one creation in one account. Every method raises `CallError` if the cloud cannot be asked."""

    def __init__(self, engine: Engine, creation: Creation, account: str, patience: Patience) -> None:
        self.creation = creation
        self.account = account
        self._engine = engine
        self._patience = patience
        self.unsure_s = creation.unsure_s if patience.unsure_s is None else patience.unsure_s

    async def sight(self, token: str) -> Sight:
        things: list[Existing] = []
        listed, total = 0, None
        for _ in range(MAX_PAGES):
            answer = await self._engine.do(self.creation.listing(listed), self.account)
            page = self.creation.page(answer, token)
            things += page.things
            listed, total = listed + page.listed, page.total
            if total is None or listed >= total or not page.listed:
                break
        return sight(things, listed, total)

    async def lost(self, token: str) -> Existing | None:
        """What a lost request created; None once listings have lacked it for long enough."""
        absence, began, pause_s = Absence(), time.time(), self._patience.look_s
        while True:
            asked = time.time()  # a listing tells nothing of what happened after it was asked for
            seen = await self.sight(token)
            if kept := choose(seen).kept:
                return kept
            absence = absence.again(asked) if seen.whole else absence
            if absence.proven(asked, self.unsure_s):
                return None
            if asked - began > self._patience.give_up_s + self.unsure_s:
                raise ProtocolError(
                    f"whether the {self.creation.noun} was created cannot be told: the listings contradict "
                    "themselves; run it again later",
                    cloud=self.creation.operation.cloud,
                    operation=type(self.creation.operation).__name__,
                )
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, self._patience.most_s, max(self.unsure_s / 2, 0.001))

    async def alike(self, token: str, *, admit: bool = False) -> Existing | None:
        """What is wanted, if it is there already, whoever created it.

        `admit`: it is to be created if not. Raises `QuotaError` if there is no room for it.
        """
        things = (await self.sight(token)).things
        found = min([thing for thing in things if thing.alike], key=lambda thing: (thing.born, thing.id), default=None)
        if admit and not found:
            self.creation.admit(len(things))
        return found

    async def there(self, thing: str) -> bool:
        try:
            await self._engine.do(self.creation.probe(thing, time.time()), self.account)
        except TargetError:
            return False
        return True

    async def removed(self, thing: str) -> bool:
        """Delete one that was created a second time, if nobody has begun to use it."""
        try:
            now = time.time()
            probed = [await self._engine.do(self.creation.probe(thing, now), self.account)]
            questions = self.creation.earlier(thing, probed[0], now)
            probed += [await self._engine.do(question, self.account) for question in questions]
            steps = self.creation.undo(thing, probed)
            for step in steps:
                await self._engine.do(step, self.account)
        except TargetError:
            return True
        except CallError:
            return False
        return bool(steps)
