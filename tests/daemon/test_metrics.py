"""What /metrics says."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backlog import Count as Rows
from engine.backlog.inbox_tables import Destination
from engine.backlog.overview import Oldest, Overview
from engine.credentials import Unrenewed
from engine.daemon.exposition import Metric, exposition
from engine.daemon.intake import Counts
from engine.daemon.metrics import metrics
from engine.daemon.observation import (
    BacklogView,
    InboxView,
    LaneView,
    Observation,
    ProcessView,
    ServerView,
)
from engine.daemon.status import status
from engine.lanes import Count, Durations
from engine.model import Job, Lane, State, Target
from engine.rest import LeftAlone
from tests.daemon.prometheus import parsed, unescaped

LANE = Lane("cloud", "acc", "Start")


def durations(*seconds: float) -> Durations:
    found = Durations()
    for each in seconds:
        found.add(each)
    return found


def observation() -> Observation:
    """One with something of everything."""
    target = Target("cloud", "acc", "t")
    tally = {target: {State.WAITING: Rows(2, 20), State.FAILED: Rows(1, 10)}}
    counts = Count(
        calls=12, answered=6, failed=2, throttled=1, busy=1, refused=3, durations=durations(0.004, 0.3, 99.0)
    )
    return Observation(
        at=1000.0,
        monotonic=50.0,
        began_at=400.0,
        version="1.2.3",
        lanes=[
            LaneView(LANE, True, counts, 12.5, 3, held=True, sick_s=4.0, last_error="down"),
            LaneView(Lane("cloud", "acc", "Poll"), False, Count()),
        ],
        left_alone=[LeftAlone("acc", "", "why", 0.0), *(LeftAlone("acc", f"gw-{i}", "gone", 1060.0) for i in range(2))],
        unrenewed={"acc": Unrenewed("why", 9.0)},
        tasks=4,
        inbox=InboxView(7, 10, False, [(Destination("push", ("", "4711")), 7, 940.0)]),
        server=ServerView("127.0.0.1:1", ["own"], {("/metrics", 200): 3, ("", 404): 1}, 2, 5),
        backlog=BacklogView(49.0, Overview(tally, Oldest(Job(b"", target, b""), 970.0, ""), [])),
        process=ProcessView(1 << 20, 9, 1.5, 12, 3456),
        senders={"own": Counts(events=11, repeated=1)},
        sources={"oss": "no such queue", "in": ""},
        outcomes={("acc", "succeeded"): 6},
        no_space="no space is left",
        gone="backlog.db was deleted",
        reloads=2,
        reload_error="no",
        lag_s=0.25,
    )


def test_the_age_of_a_job_that_is_tried_again_is_not_promised() -> None:
    """The backlog knows when a job is due, and not when it came."""
    (oldest,) = [each for each in metrics(observation()) if each.name == "syncmux_backlog_oldest_seconds"]
    assert "One that is tried again is due anew" in oldest.help


def test_the_status_counts_outcomes_as_the_metrics_do() -> None:
    told = status(observation())["lanes"][0]
    assert {name: told[name] for name in ("answered", "refused", "busy", "throttled", "failed")} == {
        "answered": 2, "refused": 3, "busy": 1, "throttled": 1, "failed": 2
    }  # fmt: skip


def test_everything_is_told() -> None:
    told = parsed(exposition(metrics(observation())).decode())
    lane = {"account": "acc", "operation": "Start"}
    for name, labels, value in (
        ("syncmux_lane_calls_total", lane, 12),
        ("syncmux_backlog_no_space", {}, 1),
        ("syncmux_backlog_gone", {}, 1),
        ("syncmux_lane_outcomes_total", {**lane, "outcome": "answered"}, 2),
        ("syncmux_lane_outcomes_total", {**lane, "outcome": "refused"}, 3),
        ("syncmux_lane_outcomes_total", {**lane, "outcome": "busy"}, 1),
        ("syncmux_lane_outcomes_total", {**lane, "outcome": "throttled"}, 1),
        ("syncmux_lane_outcomes_total", {**lane, "outcome": "failed"}, 2),
        ("syncmux_lane_throttles_total", lane, 1),
        ("syncmux_lane_retries_total", lane, 4),
        ("syncmux_lane_permitted_calls_per_second", lane, 12.5),
        ("syncmux_lane_in_flight", lane, 3),
        ("syncmux_lane_paused", lane, 1),
        ("syncmux_account_stopped", {"account": "acc"}, 1),
        ("syncmux_account_unrenewed", {"account": "acc"}, 1),
        ("syncmux_targets_closed", {"account": "acc"}, 2),
        ("syncmux_backlog_rows", {"state": "waiting"}, 20),
        ("syncmux_backlog_jobs", {"state": "failed"}, 1),
        ("syncmux_backlog_rows", {"state": "succeeded"}, 0),
        ("syncmux_backlog_oldest_seconds", {}, 30),
        ("syncmux_backlog_silent_seconds", {}, 1),
        ("syncmux_inbox_rows", {}, 7),
        ("syncmux_inbox_oldest_seconds", {}, 60),
        ("syncmux_intake_events_total", {"sender": "own"}, 11),
        ("syncmux_intake_events_total", {"sender": "in"}, 0),
        ("syncmux_source_troubled", {"sender": "oss"}, 1),
        ("syncmux_source_troubled", {"sender": "in"}, 0),
        ("syncmux_http_answers_total", {"path": "/metrics", "status": "200"}, 3),
        ("syncmux_rows_ended_total", {"account": "acc", "state": "succeeded"}, 6),
        ("syncmux_loop_lag_seconds", {}, 0.25),
        ("syncmux_reload_failed", {}, 1),
        ("syncmux_alive", {}, 1),
        ("syncmux_build_info", {"version": "1.2.3"}, 1),
        ("process_resident_memory_bytes", {}, 1 << 20),
        ("process_open_fds", {}, 9),
        ("syncmux_coroutines", {}, 12),
        ("syncmux_memory_blocks", {}, 3456),
    ):
        assert told[name].value(**labels) == value, name
    histogram = told["syncmux_lane_call_duration_seconds"].samples
    name = "syncmux_lane_call_duration_seconds"
    assert histogram[f"{name}_bucket", frozenset({**lane, "le": "0.005"}.items())] == 1
    assert histogram[f"{name}_bucket", frozenset({**lane, "le": "0.5"}.items())] == 2
    assert histogram[f"{name}_count", frozenset(lane.items())] == 3
    assert histogram[f"{name}_sum", frozenset(lane.items())] == pytest.approx(99.304)


def test_nothing_that_senders_choose_is_a_label() -> None:
    told = parsed(exposition(metrics(observation())).decode())
    labels = {label for family in told.values() for _, each in family.samples for label, _ in each}
    assert labels == {"account", "operation", "outcome", "state", "sender", "path", "status", "version", "le"}


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_can_be_a_label_and_a_help(value: str, text: str) -> None:
    told = parsed(exposition([Metric("a", "gauge", text, [({"b": value, "c": "d"}, 1)])]).decode())
    assert told["a"].value(b=value, c="d") == 1
    assert unescaped(told["a"].help) == text


@given(st.lists(st.floats(0, 1e4)))
def test_every_duration_is_counted_once(seconds: list[float]) -> None:
    found = durations(*seconds)
    assert sum(found.numbers) == len(seconds)
    for bound, number in zip(Durations.BOUNDS_S, cumulated(found), strict=False):
        assert number == sum(each <= bound for each in seconds)


def cumulated(found: Durations) -> Iterator[int]:
    total = 0
    for number in found.numbers:
        total += number
        yield total


@pytest.mark.parametrize(
    "text",
    [
        "a 1\n",
        "# HELP a b\n# TYPE a gauge\na 1",
        "# HELP a b\na 1\n",
        "# HELP a b\n# TYPE a counter\na 1\n",
        "# HELP a b\n# TYPE a gauge\nb 1\n",
        "# HELP a b\n# TYPE a gauge\na 1\na 1\n",
        '# HELP a b\n# TYPE a gauge\na{c="\\x"} 1\n',
        '# HELP a b\n# TYPE a gauge\na{c="d"e="f"} 1\n',
        "# HELP a b\n# TYPE a gauge\na nan\n",
        '# HELP a b\n# TYPE a histogram\na_bucket{le="1.0"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
    ],
)
def test_the_parser_is_strict(text: str) -> None:
    with pytest.raises((AssertionError, KeyError)):
        parsed(text)


def test_timing_a_call_costs_less_than_a_microsecond() -> None:
    """Of the histogram alone, at best of several: this machine has others to serve."""
    found = Durations()
    best_s = min(timed(found) for _ in range(20))
    assert best_s < 1e-6


def timed(found: Durations, times: int = 2000) -> float:
    began = time.perf_counter()
    for _ in range(times):
        found.add(0.07)
    return (time.perf_counter() - began) / times
