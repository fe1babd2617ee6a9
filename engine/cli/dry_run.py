"""--dry-run: everything but the sending."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.cli.exits import Exit
from engine.cli.output import Output
from engine.clouds import Cloud
from engine.config import Settings
from engine.credentials import mask
from engine.errors import InputError
from engine.model import Account, AuthToken, Call, Job
from engine.report import MOST_NAMED
from engine.rows import Manifest
from signers import Credentials, SignedRequest

MASK = "***"


@dataclass(slots=True)
class Plan:
    """What the manifests amount to."""

    rows: int = 0
    calls: int = 0
    repeated: int = 0
    rejected: int = 0
    rejections: list[str] = field(default_factory=list)  # the first ones
    first: dict[str, Job] = field(default_factory=dict)  # by account


def plan(
    cloud: Cloud, manifests: Sequence[Manifest[Any]], callers: Sequence[Account], settings: Settings, output: Output
) -> Exit:
    """Read and plan, show what would be sent, and how long it would take."""
    planned = Plan()
    for manifest in manifests:
        try:
            _read(manifest, cloud, callers, settings.batch, planned)
        except InputError as error:
            _reject(planned, str(error))
    rates = {caller.name: caller.rate or settings.rate for caller in callers}
    rate = sum(rates[name] or cloud.default_rate for name in planned.first)
    needed_s = planned.calls / rate if rate else 0.0
    given = "" if any(rates.values()) else ", to begin with: the pace is learnt"
    output.result(
        f"{planned.rows:,} {cloud.noun} in {planned.calls:,} calls of {cloud.start_operation}",
        f"{planned.rejected:,} rejected, {planned.repeated:,} repeated",
        f"{needed_s:,.1f} s at {rate:,g} calls/s{given}",
        *planned.rejections,
    )
    output.event(
        "plan", rows=planned.rows, calls=planned.calls, rejected=planned.rejected, repeated=planned.repeated,
        rejections=planned.rejections, rate=rate, duration_s=round(needed_s, 3),
    )  # fmt: skip
    for caller in callers:
        if caller.name in planned.first:
            for call, request in _requests(cloud, caller, planned.first[caller.name]):
                _show(call, request, caller, output)
    output.result("nothing was sent")
    if planned.rejected:
        return Exit.FAILED if planned.rows else Exit.USAGE
    return Exit.DONE


def _read(manifest: Manifest[Any], cloud: Cloud, callers: Sequence[Account], batch: int, planned: Plan) -> None:
    names = [caller.name for caller in callers]
    known: set[bytes] = set()
    for chunk in manifest.chunks():
        made = cloud.plan(chunk.rows, names, batch)
        jobs = [job for job in made.jobs if job.key not in known]
        known.update(job.key for job in jobs)
        for job in jobs:
            planned.first.setdefault(job.target.account, job)
        planned.calls += len(jobs)
        sent = sum(job.rows for job in jobs)
        planned.rows += sent
        planned.repeated += len(chunk.rows) - len(made.rejected) - sent
        for row in chunk.rejected:
            _reject(planned, f"{manifest.name}:{row.line}: {row.reason}")
        for index, error in made.rejected:
            _reject(planned, f"{manifest.name}:{chunk.lines[index]}: {error}")


def _reject(planned: Plan, text: str) -> None:
    planned.rejected += 1
    if planned.rejected <= MOST_NAMED:
        planned.rejections.append(f"rejected: {text}")


class InCapitals(dict[str, str]):
    """An account's settings, with a name in capitals for what only the cloud can tell."""

    def __missing__(self, name: str) -> str:
        return name.upper()


def _requests(cloud: Cloud, account: Account, job: Job) -> Iterator[tuple[Call, SignedRequest]]:
    """The first request of each kind that a run would send."""
    complete = replace(account, settings=InCapitals(account.settings))
    now = time.time()
    calls = [cloud.lookup(account), cloud.inspect(job.target.name, complete, now), cloud.start(job, complete)]
    if cloud.poll_operation:
        calls.append(cloud.poll(job.target.name, "TASK_ID", 1))
    sign = cloud.signer(replace(account, credentials=_held(account)))
    for call in calls:
        if call:
            yield call, sign(call, now, secrets.token_hex(16))


def _show(call: Call, request: SignedRequest, account: Account, output: Output) -> None:
    def hide(text: str) -> str:
        return re.sub(r"(Signature=)[^,&\s]+", rf"\1{MASK}", mask(text, _held(account)))

    url, body = hide(request.url), hide(request.body.decode())
    headers: Mapping[str, str] = {name: hide(value) for name, value in request.headers.items()}
    lines = [f"  {name}: {value}" for name, value in headers.items()]
    output.result("", f"{call.operation}: {request.method} {url}", *lines, *([f"  {body:.2000}"] if body else []))
    output.event(
        "request", operation=call.operation, method=request.method, url=url, headers=headers, body=body,
        account=account.name,
    )  # fmt: skip


def _held(account: Account) -> Credentials | AuthToken:
    """The account's credentials; where they would have to be fetched, something in their place."""
    given = account.credentials
    return given if isinstance(given, Credentials | AuthToken) else Credentials(MASK, MASK)
