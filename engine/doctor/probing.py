"""Probes of one account: whether each operation is allowed, and what else the answers say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from itertools import chain
from typing import Any, TypeVar

from engine.client import Client
from engine.clouds.change import once
from engine.clouds.examination import Examination, Finding, Probe, Status
from engine.clouds.operation import Operation
from engine.doctor.advice import advice, facts, said
from engine.errors import (
    BusyError,
    CallError,
    SyncmuxError,
    TargetError,
    TransportError,
    UnauthorizedError,
)
from engine.retry import reaction

Value = TypeVar("Value")
ATTEMPTS = 3
PAUSE_S = 0.5
PERMISSION = "permission"
_SEVERITY = (Status.SKIPPED, Status.OK, Status.WARN, Status.FAIL)


class Probing:
    """Asks in the name of one account. Each question has a deadline."""

    def __init__(self, client: Client, account: str, examination: Examination, deadline_s: float) -> None:
        self._client = client
        self._account = account
        self._examination = examination
        self._deadline_s = deadline_s

    def forbidden(self, error: SyncmuxError | None) -> bool:
        """Whether the cloud knows who asks, and lacks no more than a permission."""
        return isinstance(error, UnauthorizedError) and self._examination.forbids(error)

    def refused(self, error: SyncmuxError | None) -> bool:
        """Whether the cloud does not accept the credentials, whatever they are used for."""
        return isinstance(error, UnauthorizedError) and not self._examination.forbids(error)

    def grant(self, operation: str) -> str:
        """What to do about a permission that is missing."""
        return f"grant {self._examination.permissions[operation] or operation} to this identity"

    async def probe(self, probe: Probe) -> list[Finding]:
        """The permission first, then what else the answer says, then what could only be asked now."""
        name = type(probe.operation).__name__
        try:
            answer = await self._answer(probe.operation)
        except SyncmuxError as error:
            return [self._denied(name, error, Status.FAIL if probe.needed else Status.WARN)]
        further = await asyncio.gather(*(self.probe(each) for each in probe.then(answer)))
        return [Finding(PERMISSION, Status.OK, "allowed", subject=name), *probe.told(answer), *chain(*further)]

    def untried(self, findings: Iterable[Finding]) -> list[Finding]:
        """The operations that were not tried, and why."""
        tried = {finding.subject for finding in findings if finding.check == PERMISSION}
        untried = []
        for name, permission in self._examination.permissions.items():
            if name not in tried:
                why = "it changes something" if name in self._examination.changes else "nothing is known to try it on"
                needs = f"; it takes {permission}" if permission else ""
                untried.append(Finding(PERMISSION, Status.SKIPPED, f"not tried: {why}{needs}", subject=name))
        return untried

    async def _answer(self, operation: Operation[Any]) -> Any:
        return await self.insist(lambda: self._client.do(self._account, once(operation)))

    async def insist(self, ask: Callable[[], Awaitable[Value]]) -> Value:
        """Asked a few times while there is time: what passes by itself is not worth a doctor's word. Of what does not,
        the last failure is raised."""
        last: CallError | None = None
        try:
            async with asyncio.timeout(self._deadline_s):
                for attempt in range(ATTEMPTS):
                    await asyncio.sleep(PAUSE_S if attempt else 0)
                    try:
                        return await ask()
                    except CallError as error:
                        how = reaction(error)
                        if not how.again or how.stops:
                            raise
                        last = error
        except TimeoutError:
            pass
        raise last or TransportError(f"no answer within {self._deadline_s:g} s")

    def _denied(self, name: str, error: SyncmuxError, status: Status) -> Finding:
        why, known = said(error), facts(error)
        if self.forbidden(error):
            return Finding(PERMISSION, status, f"not allowed: {why}", self.grant(name), name, known, error)
        if isinstance(error, TargetError):
            what = "run it again: what it was tried on may just have gone"
            return Finding(PERMISSION, Status.WARN, f"cannot be told: {why}", what, name, known, error)
        if isinstance(error, BusyError):
            return Finding(PERMISSION, Status.OK, f"allowed, and busy now: {why}", "", name, known)
        return Finding(PERMISSION, status, f"cannot be told: {why}", advice(error), name, known, error)


def worst(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with one line for each permission, however often its operation was tried."""
    kept: dict[object, Finding] = {}
    for number, finding in enumerate(findings):
        key = finding.subject if finding.check == PERMISSION else number
        known = kept.get(key)
        if known is None or _SEVERITY.index(finding.status) > _SEVERITY.index(known.status):
            kept[key] = finding
    return list(kept.values())
