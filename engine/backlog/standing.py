"""How the backlog stands, as JSON for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.backlog import Failure, Tally
from engine.clouds import clouds
from engine.model import Job, Row, State
from engine.report import named


def totals(tally: Tally) -> dict[str, int]:
    """Rows by state."""
    found = {state.name.lower(): 0 for state in State if state is not State.DIVIDED}
    for states in tally.values():
        for state, count in states.items():
            if state is not State.DIVIDED:
                found[state.name.lower()] += count.rows
    return found


def by_target(tally: Tally) -> list[dict[str, Any]]:
    return [{**target._asdict(), **totals({target: states})} for target, states in sorted(tally.items())]


def by_account(tally: Tally) -> list[dict[str, Any]]:
    accounts: dict[tuple[str, str], Tally] = {}
    for target, states in sorted(tally.items()):
        accounts.setdefault((target.cloud, target.account), {})[target] = states
    return [
        {"cloud": cloud, "account": account, "targets": len(targets), **totals(targets)}
        for (cloud, account), targets in accounts.items()
    ]


def by_failure(failures: Iterable[Failure]) -> list[dict[str, Any]]:
    """One for each row."""
    return [
        {"row": named(row), "why": each.why, "code": each.code, "at": each.at}
        for each in failures
        for row in rows_of(each.job)
    ]


def rows_of(job: Job) -> list[Row]:
    """What it does, as far as its cloud is still known and its payload is still there."""
    cloud = clouds().get(job.target.cloud)
    return list(cloud.rows(job)) if cloud else []
