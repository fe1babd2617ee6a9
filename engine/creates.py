"""Creates things once: whatever becomes of answers, requests and this process.

The intent is recorded before its request is sent, and the outcome after. What a lost request did is looked up
before it is sent again, in this process or the next.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from random import random

from engine.clouds.creation import Creation, stated
from engine.engine import Engine
from engine.errors import CallError
from engine.intents import Intent, Patience, Verdict, choose, intent_key, ulid, verdict, whose
from engine.lookup import Lookup
from engine.retry import Backoff


@dataclass(frozen=True, slots=True)
class Created:
    """What there is now.

    `how` is ``created``, ``recovered`` (created; the answer was lost, and it was found) or ``exists`` (it was there).
    """

    id: str
    how: str
    attempts: int = 0  # requests of all processes
    removed: tuple[str, ...] = ()  # created by the same intent a second time, and deleted
    surplus: tuple[str, ...] = ()  # created a second time, and still there
    differs: tuple[str, ...] = ()  # parameters in which what exists is not as asked for
    settled_at: float = 0.0  # until then a lost request may still take effect (seconds since the epoch); 0: none


class Creates:
    """Creates in the name of an engine's accounts, recorded in its `intents`."""

    def __init__(
        self, engine: Engine, patience: Patience | None = None, told: Callable[[str], None] = lambda _text: None
    ) -> None:
        """`told` hears what is waited for, when that takes long."""
        self._engine = engine
        self._patience = patience or Patience()
        self._told = told

    async def create(self, creation: Creation, account: str = "", *, if_not_exists: bool = True) -> Created:
        """See to it that the thing exists once.

        An intent that an earlier process left unfinished is brought to its end first. With `if_not_exists` what is
        there already is the answer; without, one more is created.

        Raises:
            CallError: the cloud refuses, or it could not be found out what a request did. Then the same call, also in
                another process with the same `intents`, goes on where this one was left.
            BacklogError: it cannot be recorded, or another process goes on creating the same.
        """
        key, lookup = self._key(creation, account), self._lookup(creation, account)
        async with self._engine.intents.claimed(key, self._told):
            intent = await self._recall(key)
            if intent and intent.id:
                if if_not_exists and await lookup.there(intent.id):
                    return await self._swept(key, lookup, intent, "exists")
                intent = None
            if intent is None:
                token = ulid(time.time(), secrets.token_bytes(10))
                intent = Intent(token, type(creation.operation).__name__, stated(creation.operation))
                if if_not_exists and (found := await lookup.alike(token, admit=True)):
                    return await self._done(key, lookup, intent, found.id, "exists")
                await self._record(key, intent)
            return await self._carry_out(key, lookup, intent, if_not_exists)

    async def settle(self, creation: Creation, account: str = "") -> Created | None:
        """Stay until no lost request can take effect any more, and remove what came too much. None if there is no
        intent, or an unfinished one."""
        key, lookup = self._key(creation, account), self._lookup(creation, account)
        removed: tuple[str, ...] = ()
        while True:
            async with self._engine.intents.claimed(key, self._told):
                intent = await self._recall(key)
                if intent is None or not intent.id:
                    return None
                settled_at = intent.settled_at(self._patience.settle_s)
                over = time.time() >= settled_at
                done = await self._swept(key, lookup, intent, "exists")
            removed += done.removed
            if over:
                return replace(done, removed=removed, settled_at=0.0)
            await asyncio.sleep(max(0.001, min(settled_at - time.time(), self._patience.most_s)))

    async def _carry_out(self, key: str, lookup: Lookup, intent: Intent, if_not_exists: bool) -> Created:
        creation = lookup.creation
        unsure = bool(intent.lost)  # left by an earlier process
        failure: CallError | None = None
        final = False
        backoff = Backoff(self._patience.look_s / 2, self._patience.most_s)
        for number in count(1):
            if unsure:
                self._told(
                    f"{failure or 'an earlier process was not answered'}: whether the {creation.noun} was created is "
                    f"looked up, for {lookup.unsure_s:g} s at least, before it is asked for again"
                )
                if found := await lookup.lost(intent.token):
                    return await self._done(key, lookup, intent.recovered(), found.id, "recovered")
            if failure and (final or number > self._patience.attempts):
                raise failure
            before, intent = intent, intent.sending(time.time())
            await self._record(key, intent)
            try:
                answer = await self._engine.do(creation.marked(intent.token), lookup.account)
            except CallError as error:
                failure, judged = error, verdict(error)
            else:
                return await self._done(key, lookup, intent.answered(before), creation.created(answer), "created")
            taken = failure.code in creation.taken
            unsure = judged is Verdict.IN_DOUBT or (taken and bool(before.lost))
            final = judged is Verdict.REFUSED
            if judged is not Verdict.IN_DOUBT:
                intent = intent.answered(before)
                await self._record(key, intent)
            if final and not unsure:
                if taken and if_not_exists and (there := await lookup.alike(intent.token)):
                    return await self._done(key, lookup, intent, there.id, "exists")
                raise failure
            if not unsure:
                pause_s = max(0.001, backoff.delay_s(number, random(), failure.retry_after_s))  # noqa: S311
                self._told(f"{failure}: asked again in {pause_s:.1f} s")
                await asyncio.sleep(pause_s)
        raise AssertionError("unreachable")

    async def _done(self, key: str, lookup: Lookup, intent: Intent, found: str, how: str) -> Created:
        intent = replace(intent, id=found)
        await self._record(key, intent)
        return await self._swept(key, lookup, intent, how)

    async def _swept(self, key: str, lookup: Lookup, intent: Intent, how: str) -> Created:
        """Look whether the intent was carried out more than once, and undo what was too much."""
        settle_s = self._patience.settle_s
        done = Created(intent.id, how, intent.attempts, settled_at=intent.settled_at(settle_s))
        now = time.time()
        try:
            seen = await lookup.sight(intent.token)
        except CallError:
            return done  # it exists all the same; whoever comes next looks again
        kept, surplus = choose(seen, intent.id)
        removed = tuple([thing.id for thing in surplus if await lookup.removed(thing.id)])
        left = tuple(thing.id for thing in surplus if thing.id not in removed)
        if kept and not left:
            intent = replace(intent, swept_at=now)
            await self._record(key, intent)
        differs = next((thing.differs for thing in seen.things if thing.id == intent.id), ())
        settled_at = 0.0 if intent.settled(settle_s) else done.settled_at
        return replace(done, removed=removed, surplus=left, differs=differs, settled_at=settled_at)

    def _lookup(self, creation: Creation, account: str) -> Lookup:
        return Lookup(self._engine, creation, account, self._patience)

    def _key(self, creation: Creation, account: str) -> str:
        name, region = whose(self._engine.accounts, creation.operation.cloud, account)
        return intent_key(type(creation.operation).__name__, name, region, creation.identity)

    async def _recall(self, key: str) -> Intent | None:
        text = await self._engine.intents.recall(key)
        return Intent.load(text) if text else None

    async def _record(self, key: str, intent: Intent) -> None:
        await self._engine.intents.remember(key, intent.dump())
