"""What happens to a daemon in the course of a soak, and when: all of it from one seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, NamedTuple

STARTS = ("CreateSyncEvents", "TriggerGatewayRemoteSync")
ASKS = ("DescribeTasks", "BatchReceiveMessage", "BatchDeleteMessage")
# Faults strike either rarely, so that no job meets them eight times in a row, at which it is given up, or always, so
# that the lane is blamed and no job is.
RARE = dict.fromkeys(
    ("reset_before", "html", "unavailable", "throttle", "error_500", "truncate", "reset_after", "late"), 0.02
)
SLOW = {"operations": {name: {"delay_s": [0.2, 2.0]} for name in STARTS + ASKS}}
FLOOD = "flood"  # of rows, many times as many as usual, while answers are slow
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "a few fail": {"operations": {name: RARE | {"late_s": [0.0, 2.0]} for name in STARTS + ASKS}},
    "slow": SLOW,
    FLOOD: SLOW,
    "starting is down": {"operations": {name: {"unavailable": 1.0} for name in STARTS}},
    "asking is down": {"operations": {name: {"reset_before": 1.0} for name in ASKS}},
    "throttled": {"rate": dict.fromkeys(STARTS, 3)},
    "long tasks": {"task_s": [1.0, 5.0]},
    "busy": {"gateway_slots": 1, "task_s": 0.5},
}
WARM_UP = 12 / 60  # of the whole time: until every fault has struck, and the process is as large as the worst makes it
MOST_S = 25.0  # that a fault lasts


class Step(NamedTuple):
    at_s: float  # since the beginning
    what: str  # kill, restart, reload, wrong reload, or the name of a fault; "" ends the fault


class Plan(NamedTuple):
    """`calm` is when the process is left alive: from the restart with which it begins, to its end."""

    calm: tuple[float, float]
    steps: list[Step]


def plan(seed: int, length_s: float) -> Plan:
    """Processes end in the first 15 minutes of an hour and in the last 3; faults and reloads never cease.

    A process that is left alive soon meets each fault, for as long as any lasts, and before them two floods: only with
    the second one is it as large as floods make it.
    """
    chance = Random(seed)
    calm = length_s * 15 / 60, length_s * 57 / 60

    def ending() -> Iterator[Step]:
        for at in _moments(chance, length_s, max(3.0, length_s / 360), max(10.0, length_s / 60)):
            if not calm[0] <= at < calm[1]:
                yield Step(at, chance.choice(("kill", "kill", "restart")))

    def striking() -> Iterator[Step]:
        at, new = 0.0, [*chance.sample(list(FAULTS), len(FAULTS)), FLOOD, FLOOD]
        while (at := at + chance.uniform(10.0, 60.0)) < length_s:
            if at >= calm[0] and new:
                yield Step(at, new.pop())
                at += MOST_S
                yield Step(at, "")
            else:
                yield Step(at, chance.choice(list(FAULTS)))
                yield Step(at + chance.uniform(3.0, MOST_S), "")

    def reloading() -> Iterator[Step]:
        for at in _moments(chance, length_s, 5.0, 40.0):
            yield Step(at, chance.choice(("reload", "reload", "wrong reload")))

    return Plan(calm, sorted([Step(calm[0], "restart"), *ending(), *striking(), *reloading()]))


def _moments(chance: Random, length_s: float, least_s: float, most_s: float) -> Iterator[float]:
    at = chance.uniform(least_s, most_s)
    while at < length_s:
        yield at
        at += chance.uniform(least_s, most_s)
