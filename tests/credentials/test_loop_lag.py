"""The claim of `loop_lag`, in one run: nobody else's work stands still while credentials are renewed."""

from __future__ import annotations

import asyncio

import pytest

from .loop_lag import PROVIDER_S, compare, ours, slow_provider

ROUNDS = 5  # of which the quietest counts: what else this machine does is not ours to answer for


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the vendor's sessions stay open
def test_ours_beside_the_vendors() -> None:
    first, theirs_alone, theirs = compare()
    with slow_provider() as provider:
        rounds = [first, *(asyncio.run(ours(200, provider)) for _ in range(ROUNDS - 1))]
    assert {(seen.waiters, seen.failed, seen.renewals) for seen in rounds} == {(200, 0, 1)}
    assert min(seen.worst_lag_s for seen in rounds) < 0.02
    assert min(seen.took_s for seen in rounds) < PROVIDER_S + 0.2
    assert (theirs_alone.failed, theirs_alone.worst_lag_s < 1.0) == (0, True)
    assert theirs.worst_lag_s > 4.5, "the vendor holds a lock of threads across an await: five seconds for one more"
