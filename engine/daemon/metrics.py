"""From what was seen of the daemon to its metrics. Pure.

No label holds anything that senders choose: no key of an object, no target.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from engine.daemon.exposition import Metric, Value
from engine.daemon.health import ailments, obstacles
from engine.daemon.intake import Counts
from engine.daemon.listener import PREFIX
from engine.daemon.observation import LaneView, Observation
from engine.model import State

# A counter that appears with its first event has not increased, for Prometheus: so all stand here at nought.
ENDS = [state.name.lower() for state in (State.SUCCEEDED, State.ACCEPTED, State.FAILED)]
EVENT_ANSWERS = (202, 400, 401, 403, 408, 413, 415, 422, 429, 431, 500, 503, 507)


def metrics(seen: Observation) -> Iterator[Metric]:
    yield from _lanes(seen)
    yield from _backlog(seen)
    yield from _intake(seen)
    yield from _server(seen)
    yield from _process(seen)


# name, kind, help, value. `outcome` and the histogram stand below.
_LANE: tuple[tuple[str, str, str, Callable[[LaneView], Value]], ...] = (
    ("calls_total", "counter", "Calls made.", lambda each: each.count.calls),
    ("throttles_total", "counter", "Calls refused as too fast.", lambda each: each.count.throttled),
    ("busy_total", "counter", "Calls refused because their target was busy.", lambda each: each.count.busy),
    (
        "retries_total",
        "counter",
        "Calls that have to be made again.",
        lambda each: each.count.throttled + each.count.busy + each.count.failed,
    ),
    ("permitted_calls_per_second", "gauge", "Rate that the lane allows itself.", lambda each: each.rate),
    ("in_flight", "gauge", "Calls under way.", lambda each: each.in_flight),
    ("paused", "gauge", "1 while an operator has paused the lane.", lambda each: int(each.held)),
    ("sick_seconds", "gauge", "How long the lane's cloud has been in trouble.", lambda each: each.sick_s),
    ("call_duration_seconds", "histogram", "How long calls took.", lambda each: each.count.durations),
)


def _lanes(seen: Observation) -> Iterator[Metric]:
    labelled = [({"account": each.lane.account, "operation": each.lane.operation}, each) for each in seen.lanes]
    for name, kind, text, value in _LANE:
        yield Metric(f"syncmux_lane_{name}", kind, text, [(labels, value(each)) for labels, each in labelled])
    answers = [
        ({**labels, "outcome": outcome}, number)
        for labels, each in labelled
        for outcome, number in each.count.outcomes.items()
    ]
    yield Metric("syncmux_lane_outcomes_total", "counter", "Calls that ended, by how.", answers)
    accounts = sorted({each.lane.account for each in seen.lanes})
    for name, text, left_alone in (
        ("syncmux_account_stopped", "1 while an account cannot go on.", seen.stopped),
        ("syncmux_targets_closed", "Targets that cannot be used, as their cloud says.", seen.closed),
    ):
        number = Counter([each.account for each in left_alone])
        yield Metric(name, "gauge", text, [({"account": account}, number[account]) for account in accounts])
    unrenewed = [({"account": account}, int(account in seen.unrenewed)) for account in accounts]
    yield Metric("syncmux_account_unrenewed", "gauge", "1 while credentials cannot be renewed.", unrenewed)


def _backlog(seen: Observation) -> Iterator[Metric]:
    overview = seen.backlog.overview
    tally, oldest = (overview.tally, overview.oldest) if overview else ({}, None)
    states = {state.name.lower(): state for state in State if state is not State.DIVIDED}
    for what in ("jobs", "rows"):
        numbers = [
            ({"state": name}, sum([getattr(counts[state], what) for counts in tally.values() if state in counts]))
            for name, state in states.items()
        ]
        yield Metric(f"syncmux_backlog_{what}", "gauge", f"{what.capitalize()} in the backlog, by state.", numbers)
    due_s = max(0.0, seen.at - oldest.since) if oldest else 0.0
    silent_s = max(0.0, seen.monotonic - seen.backlog.seen_at)
    oldest_text = "How long a job has been due and was not done, at most. One that is tried again is due anew."
    yield _gauge("syncmux_backlog_oldest_seconds", oldest_text, due_s)
    yield _gauge("syncmux_backlog_silent_seconds", "Since the backlog answered last. It is asked often.", silent_s)
    yield _gauge("syncmux_backlog_no_space", "1 while the disk is full, or nearly.", int(bool(seen.no_space)))
    yield _gauge("syncmux_backlog_gone", "1 while its file is not in its place.", int(bool(seen.gone)))
    yield _gauge("syncmux_tasks_running", "Tasks that run at the clouds.", seen.tasks)
    ends = dict.fromkeys([(each.lane.account, state) for each in seen.lanes for state in ENDS], 0) | dict(seen.outcomes)
    ended = [({"account": account, "state": state}, rows) for (account, state), rows in sorted(ends.items())]
    yield Metric("syncmux_rows_ended_total", "counter", "Rows that came to their end.", ended)


_SENDER: tuple[tuple[str, str, Callable[[Counts], int]], ...] = (
    ("events_total", "Events taken, with repeated and unrouted ones.", lambda counts: counts.events),
    ("repeated_events_total", "Events that were sent before.", lambda counts: counts.repeated),
    ("unrouted_events_total", "Events that fit no route, and were dropped.", lambda counts: counts.unrouted),
    ("left_out_total", "Destinations that could do nothing about an event.", lambda counts: counts.left_out),
    ("rows_total", "Rows that events made.", lambda counts: counts.rows),
    ("coalesced_rows_total", "Rows that waited already.", lambda counts: counts.coalesced),
    ("full_total", "Messages put off because the inbox was full.", lambda counts: counts.full),
    ("failed_total", "Messages that could not be written.", lambda counts: counts.failed),
)


def _intake(seen: Observation) -> Iterator[Metric]:
    inbox, moved = seen.inbox, seen.moved
    oldest_s = max(0.0, seen.at - inbox.oldest_at) if inbox.oldest_at is not None else 0.0
    yield _gauge("syncmux_inbox_rows", "Rows that wait to become jobs.", inbox.rows)
    yield _gauge("syncmux_inbox_max_rows", "Rows that may wait.", inbox.most)
    yield _gauge("syncmux_inbox_oldest_seconds", "How long the oldest row has waited.", oldest_s)
    senders = {name: Counts() for name in (*seen.server.listeners, *seen.sources)} | dict(seen.senders)
    for name, text, value in _SENDER:
        samples = [({"sender": sender}, value(counts)) for sender, counts in sorted(senders.items())]
        yield Metric(f"syncmux_intake_{name}", "counter", text, samples)
    troubled = [({"sender": name}, int(bool(why))) for name, why in sorted(seen.sources.items())]
    yield Metric("syncmux_source_troubled", "gauge", "1 while a source brings nothing in, or not all.", troubled)
    yield _counter("syncmux_moved_rows_total", "Rows that left the inbox.", moved.rows)
    yield _counter("syncmux_moved_jobs_total", "Jobs that came of them.", moved.jobs)
    yield _counter("syncmux_moved_rejected_total", "Rows that no job could be made of.", moved.rejected)
    yield _counter("syncmux_moved_covered_total", "Jobs that waited already.", moved.covered)
    yield _counter("syncmux_moved_again_total", "Jobs under way that are done once more after it.", moved.again)


def _server(seen: Observation) -> Iterator[Metric]:
    server = seen.server
    paths = [PREFIX + listener for listener in server.listeners]
    known = dict.fromkeys([(path, status) for path in paths for status in EVENT_ANSWERS], 0) | dict(server.answers)
    answers = [({"path": path, "status": str(status)}, n) for (path, status), n in sorted(known.items())]
    yield Metric("syncmux_http_answers_total", "counter", "Requests, by path; none where there is no such.", answers)
    yield _gauge("syncmux_http_connections", "Open connections.", server.connections)
    yield _counter("syncmux_http_refused_connections_total", "Connections beyond the bounds.", server.refused)


def _process(seen: Observation) -> Iterator[Metric]:
    process = seen.process
    yield Metric("syncmux_build_info", "gauge", "1, with what runs here.", [({"version": seen.version}, 1)])
    yield _gauge("syncmux_alive", "1 unless the process should be started anew.", int(not any(ailments(seen))))
    yield _gauge("syncmux_ready", "1 while events are taken.", int(not any(obstacles(seen))))
    yield _gauge("syncmux_coroutines", "Tasks of the event loop.", process.coroutines)
    yield _gauge("syncmux_memory_blocks", "Blocks of memory that Python's objects are in.", process.blocks)
    yield _gauge("syncmux_loop_lag_seconds", "Lateness of the event loop, at worst, of late.", seen.lag_s)
    yield _counter("syncmux_reloads_total", "Settings that were read anew and taken.", seen.reloads)
    yield _gauge("syncmux_reload_failed", "1 if the last reload was refused.", int(bool(seen.reload_error)))
    if process.resident_bytes is not None:
        yield _gauge("process_resident_memory_bytes", "Memory in use.", process.resident_bytes)
    if process.open_files is not None:
        yield _gauge("process_open_fds", "Open files and sockets.", process.open_files)
    yield _counter("process_cpu_seconds_total", "Processor time.", process.cpu_s)
    yield _gauge("process_start_time_seconds", "Since the epoch.", seen.began_at)


def _gauge(name: str, text: str, value: float) -> Metric:
    return Metric(name, "gauge", text, [({}, value)])


def _counter(name: str, text: str, value: float) -> Metric:
    return Metric(name, "counter", text, [({}, value)])
