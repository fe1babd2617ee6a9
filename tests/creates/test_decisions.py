"""What follows from what was seen: no cloud, no clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clouds.creation import Existing
from engine.clouds.huawei.creation import unmarked
from engine.desired import Desired
from engine.errors import (
    BacklogError,
    BusyError,
    CallError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TargetError,
    ThrottledError,
    TransportError,
    UnauthorizedError,
    UnavailableError,
)
from engine.intents import Absence, Intent, Sight, Verdict, choose, intent_key, sight, ulid, verdict

MINE = [Existing(name, mine=True, alike=True, born=born) for name, born in (("b", 2), ("a", 2), ("c", 1))]
OTHER = Existing("z", mine=False, alike=True)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TransportError(""), Verdict.IN_DOUBT),
        (ProtocolError(""), Verdict.IN_DOUBT),
        (UnavailableError(""), Verdict.IN_DOUBT),
        (TransportError("", sent=False), Verdict.NOT_NOW),
        (ThrottledError(""), Verdict.NOT_NOW),
        (BusyError(""), Verdict.NOT_NOW),
        (RejectedError(""), Verdict.REFUSED),
        (TargetError(""), Verdict.REFUSED),
        (QuotaError(""), Verdict.REFUSED),
        (UnauthorizedError(""), Verdict.REFUSED),
    ],
)
def test_what_a_failure_says_of_the_effect(error: CallError, expected: Verdict) -> None:
    assert verdict(error) is expected


def test_the_eldest_is_kept_and_others_are_never_touched() -> None:
    kept, surplus = choose(Sight((*MINE, OTHER), True))
    assert kept
    assert kept.id == "c"
    assert [thing.id for thing in surplus] == ["a", "b"]
    assert choose(Sight((OTHER,), True)) == (None, ())


def test_what_is_known_already_is_kept_even_if_another_is_older() -> None:
    kept, surplus = choose(Sight(tuple(MINE), True), known="b")
    assert kept
    assert kept.id == "b"
    assert {thing.id for thing in surplus} == {"a", "c"}


def test_nothing_is_too_many_while_what_is_known_is_not_listed() -> None:
    assert choose(Sight(tuple(MINE), True), known="elsewhere") == (None, ())


def test_absence_takes_three_looks_and_the_time() -> None:
    absence = Absence().again(100.0).again(104.0)
    assert not absence.proven(200.0, 10.0)
    absence = absence.again(109.0)
    assert not absence.proven(109.0, 10.0)
    assert absence.proven(110.0, 10.0)


@pytest.mark.parametrize(("listed", "total", "whole"), [(3, 3, True), (3, 4, False), (3, None, True), (4, 3, False)])
def test_a_listing_that_contradicts_its_count_proves_no_absence(listed: int, total: int | None, whole: bool) -> None:
    assert sight(MINE, listed, total).whole is whole


def test_pages_that_overlap_are_not_whole() -> None:
    assert sight([*MINE, MINE[0]], 4, 4) == (tuple(MINE), False)


def test_a_request_counts_as_lost_until_it_is_known_what_it_did() -> None:
    intent = Intent("t", "Create")
    first = intent.sending(10.0)
    assert (first.attempts, first.lost, first.settled_at(900.0)) == (1, 1, 910.0)
    assert first.answered(intent).settled_at(900.0) == 0.0
    second = first.sending(20.0)
    assert second.answered(first).settled_at(900.0) == 910.0
    assert second.recovered().settled_at(900.0) == 920.0  # one of two was found: the other may come yet
    assert second.recovered().recovered().settled_at(900.0) == 0.0
    assert Intent.load(second.dump()) == second


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"token": 1, "nonsense": 2}', "null"])
def test_a_damaged_record_is_an_error(text: str) -> None:
    with pytest.raises(BacklogError):
        Intent.load(text)


def test_the_same_thing_has_the_same_key_whoever_spells_it() -> None:
    assert intent_key("C", "a", "r", {"x": "1", "y": "2"}) == intent_key("C", "a", "r", {"y": "2", "x": "1"})
    others = [("D", "a", "r", {"x": "1"}), ("C", "b", "r", {"x": "1"}), ("C", "a", "s", {"x": "1"})]
    keys = {intent_key(*other) for other in others} | {intent_key("C", "a", "r", {"x": "2"})}
    assert len(keys) == 4


@given(st.text().filter(lambda text: not unmarked(text)[1]), st.binary(min_size=10, max_size=10), st.floats(0, 2**40))
def test_a_marker_is_read_back(text: str, chance: bytes, now: float) -> None:
    token = ulid(now / 1000, chance)
    assert unmarked(f"{text} k={token}") == (text, token)
    assert unmarked(f"k={token}") == ("", token)


def test_tokens_sort_by_time() -> None:
    assert ulid(1.0, b"\xff" * 10) < ulid(1.5, b"\0" * 10)


def test_only_what_was_asked_otherwise_can_undo_a_wish() -> None:
    wish = Desired().newer("STOPPED", 0.0, 900.0)
    lost = wish.sending("STOPPED", 1.0)
    assert lost.settled_at(900.0) == 0.0  # a lost stop cannot undo a stop
    newer = lost.newer("SYNCHRONIZING", 2.0, 900.0)
    assert (newer.generation, newer.settled_at(900.0)) == (2, 901.0)
    answered = newer.sending("SYNCHRONIZING", 3.0).answered("SYNCHRONIZING", newer)
    assert answered == newer
    assert newer.newer("SYNCHRONIZING", 902.0, 900.0).lost == {}
    assert Desired.load(newer.dump()) == newer
