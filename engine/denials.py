"""The targets that a key has no rights to, as long as that may be all of them. Pure."""

from __future__ import annotations

from engine.errors import ForbiddenError
from engine.targets import TargetQueue


class Denials:
    """Those of one account, in a run that tries none of them again. A policy may allow some targets and not others:
    so each is tried, by one call, and only when one was allowed are the others given up."""

    def __init__(self) -> None:
        self._allowed = False
        self._errors: dict[TargetQueue, ForbiddenError] = {}

    def hold(self, queue: TargetQueue) -> bool:
        """Whether the jobs of a closed target are to wait."""
        if self._allowed or not isinstance(queue.closed, ForbiddenError):
            return False
        self._errors[queue] = queue.closed
        return True

    def allow(self) -> list[TargetQueue]:
        """One target was allowed: returns those that are no more held."""
        self._allowed = True
        held = list(self._errors)
        self._errors.clear()
        return held

    def __contains__(self, queue: TargetQueue) -> bool:
        return queue in self._errors

    @property
    def error(self) -> ForbiddenError | None:
        """Why the account does nothing at all."""
        return next(iter(self._errors.values()), None)
