"""The numbers of the report, from counts alone."""

from __future__ import annotations

from engine import report
from engine.report import Lane, Rows, Share, Snapshot

STARTS = Lane("b/Create", "b", "Create", starts=True, calls=13, throttled=2, failed=1)
POLLS = Lane("a/Describe", "a", "Describe", starts=False, calls=5, told=60, busy=1)
SNAPSHOT = Snapshot(
    2.0,
    Rows(earlier=1000, left=5, read=100, accepted=90, failed=3, rejected=4, repeated=2),
    complete=True,
    lanes=[STARTS, POLLS],
    shares={"b": Share("keys", polled=False, rows=93, jobs=10)},
)


def test_counts() -> None:
    assert SNAPSHOT.rows.total == 1105
    assert SNAPSHOT.rows.done == 1099
    assert SNAPSHOT.retries == 4
    assert SNAPSHOT.throttled == 2
    assert SNAPSHOT.saved_by_batching == 93 - 13
    assert SNAPSHOT.saved_by_polling == 60 - 5


def test_one_call_per_row_saves_nothing_even_if_others_started_it() -> None:
    single = Snapshot(1.0, Rows(), complete=True, lanes=[STARTS], shares={"b": Share("x", True, rows=50, jobs=50)})
    assert single.saved_by_batching == 0


def test_summary() -> None:
    assert report.summary(SNAPSHOT) == [
        "1,000 of 1,105 done earlier",
        "        90 accepted by the cloud; it offers no per-object proof",
        "         3 failed",
        "         4 rejected: these rows cannot be used",
        "         2 repeated: the same work is in the backlog already",
        "         6 left",
        "        99 keys in 2.0 s",
        "        13 calls of b/Create, 6.5/s",
        "         5 calls of a/Describe, 2.5/s",
        "         4 retries, 2 of them throttled",
        "        80 calls saved by batching",
        "        55 calls saved by shared polling",
    ]


def test_a_total_that_is_not_known_yet_is_not_claimed() -> None:
    reading = Snapshot(1.0, Rows(earlier=5, read=10), complete=False)
    assert report.done_earlier(reading) == "5 of at least 15 done earlier"
    assert report.counts(reading) == "5/15 read so far"


def test_lanes_of_several_runs_are_one() -> None:
    (lane,) = report.merged([STARTS], [STARTS])
    assert (lane.calls, lane.retries) == (26, 6)


def test_json_has_the_same_numbers() -> None:
    told = report.summary_json(SNAPSHOT)
    assert told["calls"] == {"Create": 13, "Describe": 5}
    assert told["calls_per_s"] == {"b/Create": 6.5, "a/Describe": 2.5}
    assert (told["done"], told["left"], told["done_earlier"]) == (1099, 6, 1000)


def test_a_lane_without_an_answer_tells_why() -> None:
    def lanes(answered: int, last_error: str = "", trouble: str = "") -> Snapshot:
        lane = Lane("b/Create", "b", "Create", True, answered=answered, last_error=last_error, trouble=trouble)
        return Snapshot(1.0, Rows(), complete=False, lanes=[lane])

    empty = Snapshot(0.0, Rows(), complete=False)
    assert report.troubles(lanes(0, "refused"), empty) == ["b/Create: refused; trying again"]
    assert report.troubles(lanes(7, "refused"), lanes(7)) == ["b/Create: refused; trying again"]
    assert report.troubles(lanes(8, "refused"), lanes(7)) == [], "one failure among answers"
    assert report.troubles(lanes(7), lanes(7)) == []
    assert report.troubles(lanes(8, "refused", "refused; next try in 5 s"), lanes(7)) == [
        "b/Create: refused; next try in 5 s"
    ]
