"""A listener's rate."""

from __future__ import annotations

import pytest

from engine.daemon.allowance import Allowance
from tests.daemon.conftest import LISTENER, Serve, event


@pytest.mark.parametrize("rate", [0.1, 1.0, 3.0, 1000.0])
def test_a_rate_is_kept_and_can_be_reached(rate: float) -> None:
    now = [100.0]
    allowance = Allowance(rate, lambda: now[0])
    taken = 0
    while now[0] < 100.0 + 100 / rate:
        if wait_s := allowance.take():
            now[0] += wait_s
        else:
            taken += 1
    assert 99 <= taken <= 101 + rate
    now[0] += 1e6
    at_once = 0
    while not allowance.take():
        at_once += 1
    assert at_once == max(1, int(rate)), "whoever was silent for long may not make up for it"


def test_without_a_rate_everything_is_allowed() -> None:
    allowance = Allowance(0.0, lambda: 1.0)
    assert not any(allowance.take() for _ in range(10_000))


def test_more_than_the_rate_is_put_off_unread(serve: Serve) -> None:
    serve.configure(f"{LISTENER}rate = 0.02\n", serve.route(), serve.push())
    serve.start()
    assert serve.post(event("a")).status == 202
    with serve.wire() as wire:
        wire.send(b"POST /v1/events/own HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n")
        refused = wire.answer()
    assert refused.status == 429
    assert 40 <= int(refused.headers["retry-after"]) <= 50
    assert serve.end() == 0
