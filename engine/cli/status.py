"""`status`: what a backlog holds."""

from __future__ import annotations

from collections.abc import Iterator

from engine.backlog import Failure, Source, Tally
from engine.backlog.sqlite import SqliteBacklog
from engine.cli.everywhere import Everywhere
from engine.cli.exits import Exit
from engine.cli.looking import look_at
from engine.cli.output import Output
from engine.clouds import clouds
from engine.model import Row, State
from engine.report import MOST_NAMED, label, named

MOST_TARGETS = 10  # that are listed one by one


def status(everywhere: Everywhere) -> Exit:
    """What a backlog holds."""
    settings = everywhere.settings()
    output = Output(everywhere.json, everywhere.quiet)

    async def look(backlog: SqliteBacklog) -> tuple[Tally, dict[str, Source], list[tuple[Row, Failure]]]:
        failed: list[tuple[Row, Failure]] = []
        async for failure in backlog.failures(newest_first=True):
            failed += [(row, failure) for row in _rows(failure)]
            if len(failed) >= MOST_NAMED:
                break
        return await backlog.tally(), await backlog.sources(), failed[:MOST_NAMED]

    tally, sources, failed = look_at(settings.backlog, look)
    whole = _totals(tally)
    output.event(
        "status",
        backlog=settings.backlog,
        rows=whole,
        targets=[{**target._asdict(), **_totals({target: states})} for target, states in sorted(tally.items())],
        sources=[
            {"source": name, "rows": source.rows, "rejected": source.rejected, "repeated": source.repeated}
            for name, source in sources.items()
        ],
        failures=[{"row": named(row), "why": each.why, "code": each.code, "at": each.at} for row, each in failed],
    )
    output.result(f"backlog {settings.backlog}", *_told(tally))
    for name, source in sources.items():
        output.result(f"{name}: {source.rows:,} rows read, {source.rejected:,} rejected, {source.repeated:,} repeated")
    if more := whole["failed"] > len(failed):
        output.result(f"the latest of {whole['failed']:,} failures:")
    for row, failure in failed:
        output.result(f"failed: {label(row)}: {failure.why}")
    if more:
        output.result("all failures: syncmux export-failed")
    return Exit.DONE


def _totals(tally: Tally) -> dict[str, int]:
    """Rows by state."""
    totals = {state.name.lower(): 0 for state in State if state is not State.DIVIDED}
    for states in tally.values():
        for state, count in states.items():
            if state is not State.DIVIDED:
                totals[state.name.lower()] += count.rows
    return totals


def _told(tally: Tally) -> Iterator[str]:
    accounts: dict[tuple[str, str], Tally] = {}
    for target, states in sorted(tally.items()):
        accounts.setdefault((target.cloud, target.account), {})[target] = states
    for (cloud, account), targets in accounts.items():
        noun = clouds()[cloud].noun if cloud in clouds() else "rows"
        name = cloud if cloud == account else f"{cloud}, account {account}"
        yield f"{name}: {noun} on {len(targets):,} targets: {_states(targets)}"
        if 1 < len(targets) <= MOST_TARGETS:
            for target, states in targets.items():
                yield f"  {target.name}: {_states({target: states})}"
    if not accounts:
        yield "no work yet"


def _states(tally: Tally) -> str:
    return ", ".join(f"{number:,} {state}" for state, number in _totals(tally).items() if number) or "nothing"


def _rows(failure: Failure) -> list[Row]:
    cloud = clouds().get(failure.job.target.cloud)
    return list(cloud.rows(failure.job)) if cloud else []
