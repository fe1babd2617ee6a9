"""GET /v1/status: what was seen of the daemon, as JSON. Pure.

Within a version names keep their meaning and none is taken away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from operator import itemgetter
from typing import Any

from engine.backlog.standing import by_account, by_failure, by_target, rows_of, totals
from engine.daemon.health import obstacles, warnings
from engine.daemon.observation import LaneView, Observation
from engine.daemon.rows import kinds
from engine.report import MOST_NAMED, named
from engine.rest import LeftAlone

VERSION = 1
MOST_TARGETS = 100  # that have most to do
MOST_DESTINATIONS = 20  # that have waited longest


def status(seen: Observation) -> dict[str, Any]:
    return {
        "syncmux": VERSION,
        "version": seen.version,
        "at": seen.at,
        "began_at": seen.began_at,
        "ready": not any(obstacles(seen)),
        "obstacles": list(obstacles(seen)),
        "warnings": list(warnings(seen)),
        **_backlog(seen),
        "inbox": _inbox(seen),
        "lanes": [_lane(each) for each in seen.lanes],
        "stopped": {each.account: each.why for each in seen.stopped},
        "closed_targets": [_closed(seen, each) for each in seen.closed[:MOST_TARGETS]],
        "closed_targets_in_all": len(seen.closed),
        "tasks_running": seen.tasks,
        "senders": {name: asdict(counts) for name, counts in sorted(seen.senders.items())},
        "listeners": list(seen.server.listeners),
        "sources": dict(seen.sources),
        "moved": asdict(seen.moved),
        "connections": seen.server.connections,
        "loop_lag_s": round(seen.lag_s, 4),
        "reloads": seen.reloads,
    }


def _backlog(seen: Observation) -> dict[str, Any]:
    overview = seen.backlog.overview
    tally = overview.tally if overview else {}
    busiest = sorted(by_target(tally), key=lambda each: each["waiting"] + each["started"], reverse=True)
    return {
        "rows": totals(tally),
        "accounts": by_account(tally),
        "targets": busiest[:MOST_TARGETS],
        "targets_in_all": len(busiest),
        "failures": by_failure(overview.failures if overview else ())[:MOST_NAMED],
        "oldest": next(_oldest(seen), None),
    }


def _oldest(seen: Observation) -> Iterator[dict[str, Any]]:
    """The job that waits longest, by its first row."""
    if (overview := seen.backlog.overview) and (oldest := overview.oldest):
        first = next(iter(rows_of(oldest.job)), None)
        yield {
            "row": named(first) if first else {},
            "rows": oldest.job.rows,
            "target": oldest.job.target.name,
            "account": oldest.job.target.account,
            "attempts": oldest.job.attempts,
            "waits_s": round(max(0.0, seen.at - oldest.since), 3),
            "why": oldest.why,
        }


def _inbox(seen: Observation) -> dict[str, Any]:
    inbox = seen.inbox
    found = [
        {"verb": where.kind, "row": _fixed(where.kind, where.fixed), "rows": rows, "waits_s": _ago(seen, since)}
        for where, rows, since in inbox.destinations
    ]
    return {
        "rows": inbox.rows,
        "max_rows": inbox.most,
        "full": inbox.full,
        "waits_s": _ago(seen, inbox.oldest_at) if inbox.oldest_at is not None else 0.0,
        "destinations": sorted(found, key=itemgetter("waits_s"), reverse=True)[:MOST_DESTINATIONS],
    }


def _fixed(verb: str, values: tuple[str, ...]) -> dict[str, str]:
    """The columns that all rows there share."""
    kind = kinds().get(verb)
    if kind is None:
        return {}
    names = list(kind.cloud.row._fields)
    del names[kind.column]
    return dict(zip(names, values, strict=True))


def _closed(seen: Observation, each: LeftAlone) -> dict[str, Any]:
    again_in_s = round(max(0.0, each.until - seen.monotonic), 3)
    return {"account": each.account, "target": each.target, "why": each.why, "again_in_s": again_in_s}


def _ago(seen: Observation, since: float) -> float:
    return round(max(0.0, seen.at - since), 3)


def _lane(each: LaneView) -> dict[str, Any]:
    count = each.count
    return {
        "name": str(each.lane),
        "account": each.lane.account,
        "operation": each.lane.operation,
        "starts": each.starts,
        "rate": round(each.rate, 2),
        "in_flight": each.in_flight,
        "paused": each.held,
        "sick_s": round(each.sick_s, 3),
        "pause_s": round(each.pause_s, 3),
        "last_error": each.last_error,
        "calls": count.calls,
        **count.outcomes,
    }
