"""The faults and knobs that `PUT /_emulator/faults` sets: names, values, meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Range: TypeAlias = "tuple[float, float]"

# Faults of which a call meets at most one, so that each strikes exactly as often as its probability says.
OUTCOMES = (
    "reset_before",  # connection reset, nothing executed
    "html",  # 200 with a captive portal's page, nothing executed
    "unavailable",  # 503
    "throttle",  # the vendor's throttling answer
    "error_500",
    "nonce_used",  # Alibaba: SignatureNonceUsed for a fresh nonce
    "busy",  # GatewayInOperation, ExpressSyncInOperation; Huawei: 503
    "success_false",  # 200 with an error in the body, nothing executed
    "empty",  # executed; the list in the answer is empty, or the whole body if there is no list
    "truncate",  # executed; the answer ends before its Content-Length
    "reset_after",  # executed, then the connection is reset
    "late",  # the connection is reset; executed late_s after that
)
# Faults that may come on top of an outcome, or of each other.
EXTRAS = (
    "delay",  # the answer comes delay_s late
    "duplicate",  # executed twice
    "task_fail",  # the task that the call starts will fail
)
METADATA = ("v1", "v2", "no_role")
_PER_OPERATION = (*OUTCOMES, *EXTRAS, "delay_s", "late_s")


@dataclass(frozen=True, slots=True)
class Knobs:
    """What the clouds read while they work."""

    clock_skew_s: float = 0.0  # how far the clouds' clocks are ahead
    task_s: Range = (1.0, 1.0)  # how long a reverse sync, and the copying of a pushed object, takes
    gateway_slots: int = 0  # reverse syncs that a gateway runs at once; 0: any number
    gateways: frozenset[str] | None = None  # the gateways that exist; None: every gw-*
    forbidden: frozenset[str] = frozenset()  # gateways and operations that no key has the rights to
    reject_keys: frozenset[str] = frozenset()  # object keys that make CreateSyncEvents answer 400
    rate: Mapping[str, float] = field(default_factory=dict)  # operation or access key id -> calls per second
    record_arrivals: bool = False
    temporary_s: float | None = None  # how long temporary keys and tokens last; None: an hour, and a day
    metadata: str = "v2"  # the metadata services: v2, v1 (wants no token) or no_role


def parse(given: object) -> dict[str, Any]:
    """Checks settings that came from outside. Raises ValueError naming what is wrong.

    A missing `delay` or `late` means always when the `delay_s` or `late_s` beside it is set.
    """
    if not isinstance(given, dict):
        raise ValueError("an object of faults is expected")
    operations = given.get("operations", {})
    if not isinstance(operations, dict) or not all(isinstance(scoped, dict) for scoped in operations.values()):
        raise ValueError("operations: an object of objects is expected")
    unknown = [str(name) for name in given if name not in _CHECKS and name != "operations"]
    unknown += [f"operations.{scope}.{name}" for scope in operations for name in operations[scope]
                if name not in _PER_OPERATION]  # fmt: skip
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}")
    for name, value in given.items():
        if name != "operations":
            _check(name, name, value)
    for scope, scoped in operations.items():
        for name, value in scoped.items():
            _check(f"operations.{scope}.{name}", name, value)
    for scope in ("", *operations):
        total = sum(for_operation(given, scope)[name] for name in OUTCOMES)
        if total > 1 + 1e-9:
            where = f"operations.{scope}: " if scope else ""
            raise ValueError(f"{where}the probabilities of {', '.join(OUTCOMES)} add up to {total:g}, more than 1")
    return dict(given)


def for_operation(settings: Mapping[str, Any], operation: str) -> dict[str, Any]:
    """The faults of one operation: the general ones, overridden by its own. Absent probabilities are 0."""
    merged: dict[str, Any] = dict.fromkeys((*OUTCOMES, *EXTRAS), 0.0)
    merged.update({name: settings[name] for name in _PER_OPERATION if name in settings})
    scoped = settings.get("operations", {}).get(operation, {})
    merged.update(scoped)
    for probability, duration in (("delay", "delay_s"), ("late", "late_s")):
        if merged.get(duration) and probability not in settings and probability not in scoped:
            merged[probability] = 1.0
    return merged


def knobs(settings: Mapping[str, Any]) -> Knobs:
    gateways = settings.get("gateways")
    return Knobs(
        clock_skew_s=float(settings.get("clock_skew_s", 0.0)),
        task_s=as_range(settings.get("task_s", 1.0)),
        gateway_slots=settings.get("gateway_slots", 0),
        gateways=None if gateways is None else frozenset(gateways),
        forbidden=frozenset(settings.get("forbidden", ())),
        reject_keys=frozenset(settings.get("reject_keys", ())),
        rate=settings.get("rate", {}),
        record_arrivals=settings.get("record_arrivals", False),
        temporary_s=settings.get("temporary_s"),
        metadata=settings.get("metadata", "v2"),
    )


def as_range(value: Any) -> Range:
    low, high = value if isinstance(value, list) else (value, value)
    return float(low), float(high)


def _check(where: str, name: str, value: object) -> None:
    expected, test = _CHECKS[name]
    if not test(value):
        raise ValueError(f"{where}: {expected} is expected")


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9


def _not_negative(value: object) -> bool:
    return _number(value) and value >= 0  # type: ignore[operator]


def _probability(value: object) -> bool:
    return _not_negative(value) and value <= 1  # type: ignore[operator]


def _duration(value: object) -> bool:
    if isinstance(value, list):
        return len(value) == 2 and all(_not_negative(each) for each in value) and value[0] <= value[1]
    return _not_negative(value)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _rates(value: object) -> bool:
    return isinstance(value, dict) and all(_number(each) and each > 0 for each in value.values())


_DURATION: tuple[str, Callable[[object], bool]] = ("a number of seconds, or [min, max],", _duration)
_CHECKS: dict[str, tuple[str, Callable[[object], bool]]] = {
    **dict.fromkeys((*OUTCOMES, *EXTRAS), ("a probability", _probability)),
    "delay_s": _DURATION,
    "late_s": _DURATION,
    "task_s": _DURATION,
    "seed": ("an integer", lambda value: isinstance(value, int)),
    "clock_skew_s": ("a number of seconds", _number),
    "gateway_slots": ("a count", lambda value: isinstance(value, int) and value >= 0),
    "gateways": ("a list of gateway ids or null", lambda value: value is None or _texts(value)),
    "forbidden": ("a list of gateway ids and operations", _texts),
    "reject_keys": ("a list of object keys", _texts),
    "rate": ("an object of calls per second", _rates),
    "record_arrivals": ("true or false", lambda value: isinstance(value, bool)),
    "temporary_s": ("a number of seconds or null", lambda value: value is None or _not_negative(value)),
    "metadata": ("v1, v2 or no_role", lambda value: value in METADATA),
}
