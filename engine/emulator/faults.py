"""Decides which fault, if any, strikes a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from .clock import Clock
from .settings import OUTCOMES, Knobs, Range, as_range, for_operation, knobs, parse


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to one call."""

    outcome: str = ""  # one of OUTCOMES, or empty
    delay_s: float = 0.0
    late_s: float = 0.0
    duplicate: bool = False
    task_fails: bool = False
    hint: float = 0.0  # 0 to 1, for what a fault leaves open: which of two codes, which delay to advise


CLEAN = Verdict()


class _Plan:
    """The faults of one operation, with a random sequence of their own.

    Every call takes the same number of draws, so with a seed the n-th call of an operation always meets the
    same verdict, whatever happens to other operations in between.
    """

    def __init__(self, faults: Mapping[str, Any], random: Random) -> None:
        self._random = random
        self._faults = faults
        self._delay = as_range(faults.get("delay_s", 0.0))
        self._late = as_range(faults.get("late_s", 0.0))
        self._outcomes = [(faults[name], name) for name in OUTCOMES if faults[name] > 0]
        self.clean = not self._outcomes and not any(faults[name] for name in ("delay", "duplicate", "task_fail"))

    def draw(self) -> Verdict:
        which, delay, duplicate, fails, hint, length = (self._random.random() for _ in range(6))
        outcome = ""
        for probability, name in self._outcomes:
            if which < probability:
                outcome = name
                break
            which -= probability
        return Verdict(
            outcome,
            delay_s=_within(self._delay, length) if delay < self._faults["delay"] else 0.0,
            late_s=_within(self._late, length),
            duplicate=duplicate < self._faults["duplicate"],
            task_fails=fails < self._faults["task_fail"],
            hint=hint,
        )


class Faults:
    """The settings in force. `initial` is what clearing goes back to."""

    def __init__(self, initial: Mapping[str, Any], clock: Clock) -> None:
        self._initial = parse(dict(initial))
        self._clock = clock
        self.settings: dict[str, Any] = {}
        self.knobs = Knobs()
        self._plans: dict[str, _Plan] = {}
        self._random = Random()  # noqa: S311 - chance, not secrets
        self.replace({})

    def replace(self, given: object) -> None:
        """Puts `given` in place of what was set before. Raises ValueError, and then nothing has changed."""
        settings = parse({**self._initial, **parse(given)})
        self.settings = settings
        self.knobs = knobs(settings)
        self._clock.skew_s = self.knobs.clock_skew_s
        self._plans = {}
        self._random = self._stream("")

    def draw(self, operation: str) -> Verdict:
        plan = self._plans.get(operation)
        if plan is None:
            plan = self._plans[operation] = _Plan(for_operation(self.settings, operation), self._stream(operation))
        return CLEAN if plan.clean else plan.draw()

    def task_s(self) -> float:
        """How long the next task takes."""
        low, high = self.knobs.task_s
        return low if low == high else _within((low, high), self._random.random())

    def _stream(self, name: str) -> Random:
        seed = self.settings.get("seed")
        return Random(None if seed is None else f"{seed}/{name}")  # noqa: S311


def _within(between: Range, position: float) -> float:
    low, high = between
    return low + (high - low) * position
