"""The examination of one account, from the way to its cloud to the permissions that it has there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain

from engine.client import Client
from engine.clouds.examination import Finding, Status
from engine.doctor.advice import advice, facts, said
from engine.doctor.connection import Connection
from engine.doctor.probing import PERMISSION, Probing, worst
from engine.errors import ConfigError, CredentialsError, RejectedError, SyncmuxError, TransportError
from engine.model import Account, AuthToken, Call, Fetched
from engine.transport import Transport


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found about one account."""

    account: str
    cloud: str
    findings: Sequence[Finding]


class Examiner:
    """Asks about one account. What does not depend on each other is asked at once."""

    def __init__(
        self, account: Account, transport: Transport, deadline_s: float, clock: Callable[[], float], source: str = ""
    ) -> None:
        """`source`: where the credentials come from, if that is known."""
        self._account = account
        self._transport = transport
        self._deadline_s = deadline_s
        self._clock = clock
        self._source = source
        self._client = Client(transport, [account], clock=clock)
        self._caller = self._client.callers[account.name]
        self._cloud = self._caller.cloud
        self._probing = Probing(self._client, account.name, self._cloud.examination, deadline_s)

    async def diagnosis(self) -> Diagnosis:
        try:
            return Diagnosis(self._account.name, self._account.cloud, await self._findings())
        finally:
            await self._client.close()

    async def _findings(self) -> list[Finding]:
        lookup = self._lookup()
        services = [next(iter(self._cloud.services)), *([lookup.service] if lookup else [])]
        urls = dict.fromkeys(self._account.endpoints[service] for service in services)
        connections = [Connection(self._transport, url, self._deadline_s, self._clock) for url in urls]
        failure, *_ = await asyncio.gather(self._ready(), *(connection.look() for connection in connections))
        first = connections[0]
        findings = [finding for connection in connections for finding in connection.findings]
        findings.append(self._credentials(failure, self._clock() + first.offset_s))
        if not first.usable:
            return [*findings, _unasked("identity", f"{first.host} cannot be reached"), _unasked(PERMISSION)]
        if failure:
            return [*findings, _unasked("identity", "there are no credentials to ask with"), _unasked(PERMISSION)]
        return findings + await self._answers()

    def _lookup(self) -> Call | None:
        try:
            return self._cloud.lookup(self._caller.account)
        except ConfigError:  # told when it is needed
            return None

    async def _ready(self) -> SyncmuxError | None:
        """Fetch credentials; why there are none."""
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._caller.ready()
        except TimeoutError:
            return TransportError(f"their source gives none within {self._deadline_s:g} s", sent=False)
        except SyncmuxError as error:
            return error
        return None

    def _credentials(self, failure: SyncmuxError | None, now: float) -> Finding:
        held = self._caller.credentials.held
        if failure or held is None:
            failure = failure or CredentialsError("there are none")
            return Finding("credentials", Status.FAIL, said(failure), advice(failure), error=failure)
        source = self._source or held.source
        known = {"source": source, "expires_at": held.expires_at}
        if held.expires_at is None:
            return Finding("credentials", Status.OK, f"{source}; nobody says that they end", facts=known)
        ends = f"{datetime.fromtimestamp(held.expires_at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        if (left_s := held.expires_at - now) > 0:
            return Finding("credentials", Status.OK, f"{source}; until {ends}, {left_s / 60:,.0f} min", facts=known)
        ended = CredentialsError(f"{source}; they ended at {ends}")
        what = "have the source give new ones"
        return Finding("credentials", Status.FAIL, str(ended), what, facts=known, error=ended)

    async def _answers(self) -> list[Finding]:
        """What the cloud says. Once it refuses the credentials, it is not asked again."""
        lookup = self._lookup()
        findings, error = await self._settings(lookup)
        if error is None:
            first, *others = self._cloud.examination.probes(self._caller.account, self._caller.clock.now())
            answered = await self._probing.probe(first)
            error = answered[0].error
            if not self._probing.refused(error):
                more = await asyncio.gather(*(self._probing.probe(probe) for probe in others))
                findings += worst([*answered, *chain(*more)])
                return [self._identity(error), *findings, *self._probing.untried(findings)]
        return [self._identity(error, asked=lookup is not None), *findings, _unasked(PERMISSION)]

    def _identity(self, error: SyncmuxError | None, *, asked: bool = True) -> Finding:
        """Who calls. `error` is that of the first call, which was made if `asked`."""
        who = _who(self._caller.credentials.held)
        if error and self._probing.refused(error):
            seen = f"{who} is not accepted: {said(error)}"
            return Finding("identity", Status.FAIL, seen, advice(error), facts=facts(error), error=error)
        answered = error is None or isinstance(error, RejectedError) or self._probing.forbidden(error)
        if answered or (asked and isinstance(error, ConfigError)):
            return Finding("identity", Status.OK, f"{who} is accepted")
        return Finding("identity", Status.SKIPPED, f"{who}; whether it is accepted is not known")

    async def _settings(self, lookup: Call | None) -> tuple[list[Finding], SyncmuxError | None]:
        """What a cloud has to know of an account beside its credentials, and who said it."""
        error: SyncmuxError | None = None
        try:
            await self._look_up()
        except SyncmuxError as failure:
            error = failure
        known = self._caller.account.settings
        names = [name for name in self._cloud.setting_variables if error or name in known]
        return [self._setting(name, lookup, error) for name in names], error

    async def _look_up(self) -> None:
        """What `Client.prepare` does, with the patience of a doctor."""
        known, call = self._caller.account, self._cloud.lookup(self._caller.account)
        if call:
            ask = partial(self._client.call, known.name, call, partial(self._cloud.looked_up, known))
            self._caller.complete(await self._probing.insist(ask))

    def _setting(self, name: str, lookup: Call | None, error: SyncmuxError | None) -> Finding:
        if error and self._probing.refused(error):
            return _unasked(name)
        if error:
            what = f"set {name} ({self._cloud.setting_variables[name]})"
            if lookup and self._probing.forbidden(error):
                what += f", or {self._probing.grant(lookup.operation)}"
            elif not isinstance(error, ConfigError):
                what += f", or {advice(error)}"
            return Finding(name, Status.FAIL, f"not known: {said(error)}", what, facts=facts(error), error=error)
        value = self._caller.account.settings[name]
        held = self._caller.credentials.held
        if name in self._account.settings:
            how = "as it is set"
        elif held and name in held.settings:
            how = "as the credentials say"
        else:
            how = f"as {lookup.operation} says" if lookup else ""
        return Finding(name, Status.OK, f"{value}, {how}", facts={"value": value})


def _who(held: Fetched | None) -> str:
    if held is None or isinstance(held.credentials, AuthToken):
        return "the bearer of a token"
    key_id = held.credentials.access_key_id
    beginning = key_id[:4] if len(key_id) > 8 else ""  # the whole id is half of what a thief needs
    return f"access key {beginning}..." + (" (temporary)" if held.credentials.security_token else "")


def _unasked(check: str, why: str = "nothing was tried") -> Finding:
    return Finding(check, Status.SKIPPED, why)
