from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import errors
from engine.errors import CallError
from engine.retry import MAX_HINT_S, Backoff, reaction


def kinds(base: type[CallError]) -> list[type[CallError]]:
    return [base, *(deeper for kind in base.__subclasses__() for deeper in kinds(kind))]


@pytest.mark.parametrize("kind", [kind for kind in kinds(CallError) if kind is not CallError])
def test_every_kind_of_failure_has_a_reaction(kind: type[CallError]) -> None:
    how = reaction(kind("x"))
    assert how.again or how.stops, "a failure that is neither repeated nor stops anything would be lost"


def test_a_narrow_class_is_not_taken_for_its_parent() -> None:
    assert reaction(errors.RejectedError("x")).divide
    assert not reaction(errors.TargetError("x")).divide
    assert reaction(errors.QuotaError("x")).stops == "account"


def test_what_is_not_the_jobs_fault_does_not_count_against_it() -> None:
    assert not reaction(errors.ThrottledError("x")).counted
    assert not reaction(errors.BusyError("x")).counted
    assert not reaction(errors.UnauthorizedError("x")).counted
    assert reaction(errors.TransportError("x")).counted


@given(st.integers(0, 1000), st.floats(0, 1), st.one_of(st.none(), st.floats(0, 1e12)))
def test_delays_stay_within_their_bounds(attempt: int, chance: float, hint: float | None) -> None:
    backoff = Backoff(base_s=0.5, cap_s=60.0)
    delay_s = backoff.delay_s(attempt, chance, hint)
    if hint is None:
        assert 0 <= delay_s <= 60.0
    else:
        assert min(hint, MAX_HINT_S) <= delay_s <= MAX_HINT_S + 30.0


def test_delays_grow_and_are_spread() -> None:
    backoff = Backoff(base_s=0.5, cap_s=60.0)
    assert [backoff.delay_s(n, 1.0) for n in range(4)] == [0.5, 1.0, 2.0, 4.0]
    assert backoff.delay_s(3, 0.0) == 0.0
