"""When the daemon is alive, and when it is ready."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from engine.credentials import Unrenewed
from engine.daemon.health import SILENT_S, ailments, obstacles, warnings
from engine.daemon.observation import BacklogView, InboxView, LaneView, Observation, ServerView
from engine.daemon.outcomes import Streak
from engine.lanes import Count
from engine.model import Lane, Target
from engine.rest import LeftAlone

WELL = Observation(
    at=1000.0,
    monotonic=100.0,
    began_at=0.0,
    version="1",
    backlog=BacklogView(99.0),
    server=ServerView(listeners=["own"]),
)
GATEWAY = Target("cloud", "main", "gw-1")
LANE = Lane("cloud", "main", "Start")


def test_well() -> None:
    assert not [*ailments(WELL), *obstacles(WELL), *warnings(WELL)]


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (replace(WELL, backlog=BacklogView(100.0 - SILENT_S - 1)), "not answered for 11 s"),
        (replace(WELL, lag_s=6.0), "stuck for 6.0 s"),
    ],
)
def test_ailing(seen: Observation, why: str) -> None:
    assert [why in each for each in ailments(seen)] == [True]
    assert [why in each for each in obstacles(seen)] == [True], "and then nothing is taken either"


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (replace(WELL, inbox=InboxView(5000, 5000, True)), "inbox is full: 5,000 rows"),
        (replace(WELL, draining=True), "ending"),
        (replace(WELL, no_space="no space is left"), "no space is left"),
        (replace(WELL, gone="backlog.db was deleted"), "backlog.db was deleted"),
        (replace(WELL, lag_s=1.5), "late by 1.5 s"),
    ],
)
def test_alive_and_not_ready(seen: Observation, why: str) -> None:
    assert [why in each for each in obstacles(seen)] == [True]
    assert not list(ailments(seen)), "to start it anew would not help"


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (
            replace(WELL, left_alone=[LeftAlone("main", "", "no such key", 160.0)]),
            "account main has stopped, and is tried again in 60 s: no such key",
        ),
        (
            replace(WELL, unrenewed={"main": Unrenewed("no answer", 540.2)}),
            "the credentials of account main cannot be renewed, and end in 540 s: no answer",
        ),
        (
            replace(WELL, unrenewed={"main": Unrenewed("no answer", -1.0)}),
            "the credentials of account main cannot be renewed, and have ended: no answer",
        ),
        (
            replace(WELL, unrenewed={"main": Unrenewed("no such file", inf)}),
            "the credentials of account main cannot be renewed: no such file",
        ),
        (
            replace(WELL, left_alone=[LeftAlone("main", "gw-1", "it is gone", 0.0)]),
            "target gw-1 of account main cannot be used: it is gone",
        ),
        (replace(WELL, left_alone=[LeftAlone("main", "gw-1", "it is gone", 0.0)] * 21), "1 more targets"),
        (
            replace(WELL, streaks=[Streak(GATEWAY, "InvalidIndexId", "no such share", 1_234)]),
            "the last 1,234 jobs of target gw-1 of account main failed (InvalidIndexId): no such share",
        ),
        (
            replace(WELL, streaks=[Streak(GATEWAY, "InvalidIndexId", "no such share", 3)] * 22),
            "the jobs of 2 more targets",
        ),
        (replace(WELL, preparing={"main"}), "account main has not begun"),
        (replace(WELL, sources={"in": "", "oss": "no such queue"}), "source oss is in trouble: no such queue"),
        (
            replace(WELL, unsubscribed=[("obs", "urn:smn:r:p:t")]),
            "listener obs gets nothing more of urn:smn:r:p:t: it was unsubscribed",
        ),
        (replace(WELL, reload_error="routes.a: no bucket"), "reload was refused: routes.a: no bucket"),
        (replace(WELL, lanes=[LaneView(LANE, True, Count(), held=True)]), "lane main/Start is paused"),
        (replace(WELL, server=ServerView()), "nobody brings events in"),
        (replace(WELL, strangers={"old"}), "rows wait for account old, which the settings do not have"),
        (replace(WELL, lanes=[LaneView(LANE, True, Count(), sick_s=2.0, last_error="503")]), "gets nowhere: 503"),
    ],
)
def test_events_are_taken_while_somebody_should_see_to_something(seen: Observation, why: str) -> None:
    assert why in list(warnings(seen))[-1]
    assert not list(obstacles(seen))
