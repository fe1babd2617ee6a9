"""`status`: what a backlog holds, or what a running daemon does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from engine.backlog import Failure, Source, Tally
from engine.backlog.inbox_tables import Destination
from engine.backlog.sqlite import SqliteBacklog
from engine.backlog.standing import by_account, by_failure, by_target, rows_of, totals
from engine.cli.everywhere import Everywhere
from engine.cli.exits import Exit
from engine.cli.looking import look_at
from engine.cli.output import Output
from engine.clouds import clouds
from engine.model import State
from engine.report import MOST_NAMED

MOST_TARGETS = 10  # that are listed one by one
STATES = [state.name.lower() for state in State if state is not State.DIVIDED]


def status(everywhere: Everywhere) -> Exit:
    """What a backlog holds."""
    settings = everywhere.settings()
    output = Output(everywhere.json, everywhere.quiet)

    async def look(backlog: SqliteBacklog) -> tuple[Tally, dict[str, Any], dict[str, Source], list[Failure]]:
        failed: list[Failure] = []
        rows = 0
        async for failure in backlog.failures(newest_first=True):
            failed.append(failure)
            rows += len(rows_of(failure.job))
            if rows >= MOST_NAMED:
                break
        return await backlog.tally(), _inbox(await backlog.inbox.waiting()), await backlog.sources(), failed

    tally, inbox, sources, failed = look_at(settings.backlog, look)
    found = {
        "rows": totals(tally),
        "accounts": by_account(tally),
        "targets": by_target(tally),
        "failures": by_failure(failed)[:MOST_NAMED],
        "inbox": inbox,
    }
    output.event(
        "status",
        backlog=settings.backlog,
        **found,
        sources=[
            {"source": name, "rows": source.rows, "rejected": source.rejected, "repeated": source.repeated}
            for name, source in sources.items()
        ],
    )
    output.result(f"backlog {settings.backlog}")
    if inbox["rows"]:
        output.result(f"inbox: {inbox['rows']:,} rows wait, the oldest for {span(inbox['waits_s'])}")
    output.result(*work_told(found))
    for name, source in sources.items():
        output.result(f"{name}: {source.rows:,} rows read, {source.rejected:,} rejected, {source.repeated:,} repeated")
    output.result(*failures_told(found))
    return Exit.DONE


def _inbox(waiting: Mapping[Destination, tuple[int, float]]) -> dict[str, Any]:
    """What notifications have asked for, and no job does yet."""
    rows = sum([rows for rows, _ in waiting.values()])
    oldest_at = min([oldest_at for _, oldest_at in waiting.values()], default=None)
    return {"rows": rows, "waits_s": 0.0 if oldest_at is None else round(max(0.0, time.time() - oldest_at), 3)}


def work_told(found: Mapping[str, Any]) -> Iterator[str]:
    """The rows of each account, and of each target if they are few."""
    for each in found["accounts"]:
        cloud, account = each["cloud"], each["account"]
        noun = clouds()[cloud].noun if cloud in clouds() else "rows"
        name = cloud if cloud == account else f"{cloud}, account {account}"
        yield f"{name}: {noun} on {each['targets']:,} targets: {_states(each)}"
        if 1 < each["targets"] <= MOST_TARGETS:
            for target in found["targets"]:
                if (target["cloud"], target["account"]) == (cloud, account):
                    yield f"  {target['name']}: {_states(target)}"
    if not found["accounts"] and not found["inbox"]["rows"]:
        yield "no work yet"


def failures_told(found: Mapping[str, Any]) -> Iterator[str]:
    """The latest ones."""
    failures, all_of_them = found["failures"], found["rows"]["failed"]
    if more := all_of_them > len(failures):
        yield f"the latest of {all_of_them:,} failures:"
    for each in failures:
        yield f"failed: {label(each['row'])}: {each['why']}"
    if more:
        yield "all failures: syncmux export-failed"


def _states(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{numbers[state]:,} {state}" for state in STATES if numbers[state]) or "nothing"


def span(seconds: float) -> str:
    """For people."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.1f} s"


def label(row: Mapping[str, str]) -> str:
    """A row for people: its values, without the account that it belongs to anyhow."""
    return ",".join([value for column, value in row.items() if value and column != "account"])[:200]
