"""Whether the daemon lives, and whether an event that is sent to it now would be taken. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from engine.daemon.observation import Observation

SILENT_S = 10.0  # without an answer of the backlog, which is asked every second
SLOW_S = 1.0  # lateness of the event loop that senders notice
MOST_NAMED = 20  # targets that a warning names
PREPARED_S = 5.0  # within which accounts should have begun
STUCK_S = 5.0  # that says something is wrong with the process


NOBODY = "nobody brings events in: there are no listeners, queues and spools, and no --stdin"


def ailments(seen: Observation) -> Iterator[str]:
    """Why the process should be started anew."""
    silent_s = seen.monotonic - seen.backlog.seen_at
    if silent_s > SILENT_S:
        yield f"the backlog has not answered for {silent_s:.0f} s"
    if seen.lag_s > STUCK_S:
        yield f"the event loop was stuck for {seen.lag_s:.1f} s"


def obstacles(seen: Observation) -> Iterator[str]:
    """Why an event would not be taken now."""
    yield from ailments(seen)
    if seen.no_space:
        yield seen.no_space
    if seen.gone:
        yield seen.gone
    if seen.inbox.full:
        yield f"the inbox is full: {seen.inbox.rows:,} rows wait, and {seen.inbox.most:,} may"
    if seen.draining:
        yield "the daemon is ending"
    if SLOW_S < seen.lag_s <= STUCK_S:
        yield f"the event loop was late by {seen.lag_s:.1f} s"


def warnings(seen: Observation) -> Iterator[str]:
    """What somebody should see to, while events are still taken: they wait, and nothing is lost."""
    for account, _, why, until in sorted(seen.stopped):
        yield f"account {account} has stopped{_again(until - seen.monotonic)}: {why}"
    if seen.at - seen.began_at > PREPARED_S:
        for account in sorted(seen.preparing):
            yield f"account {account} has not begun: its cloud, or the source of its credentials, does not answer"
    for account, unrenewed in sorted(seen.unrenewed.items()):
        yield f"the credentials of account {account} {unrenewed}"
    for account, target, why, until in sorted(seen.closed)[:MOST_NAMED]:
        yield f"target {target} of account {account} cannot be used{_again(until - seen.monotonic)}: {why}"
    if (more := len(seen.closed) - MOST_NAMED) > 0:
        yield f"{more:,} more targets cannot be used"
    for streak in (streaks := sorted(seen.streaks, key=attrgetter("target")))[:MOST_NAMED]:
        _, account, name = streak.target
        jobs = f"the last {streak.jobs:,} jobs of target {name} of account {account}"
        yield f"{jobs} failed ({streak.code}): {streak.why}"
    if (more := len(streaks) - MOST_NAMED) > 0:
        yield f"the jobs of {more:,} more targets fail alike"
    for account in sorted(seen.strangers):
        yield f"rows wait for account {account}, which the settings do not have"
    for each in seen.lanes:
        if each.held:
            yield f"lane {each.lane} is paused by an operator"
        elif each.sick_s:
            yield f"lane {each.lane} gets nowhere: {each.last_error}"
    if not seen.server.listeners and not seen.sources:
        yield NOBODY
    for source, why in sorted(seen.sources.items()):
        if why:
            yield f"source {source} is in trouble: {why}"
    for listener, topic in seen.unsubscribed:
        yield f"listener {listener} gets nothing more of {topic}: it was unsubscribed"
    if seen.reload_error:
        yield f"the last reload was refused: {seen.reload_error}"


def _again(in_s: float) -> str:
    return f", and is tried again in {in_s:,.0f} s" if in_s > 0 else ""
