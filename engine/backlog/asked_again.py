"""Jobs under way whose work was asked for again: what they do may not cover what has changed since they began."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class AskedAgain:
    """Kept in memory too, so that settling a job never has to look for it."""

    def __init__(self, sql: Callable[..., Any]) -> None:
        self._sql = sql
        self._jobs: set[int] = set()

    def load(self) -> None:
        self._jobs = {job for (job,) in self._sql("SELECT job FROM asked_again")}

    def add(self, job: int) -> None:
        if job not in self._jobs:
            self._sql("INSERT INTO asked_again VALUES (?)", (job,))
            self._jobs.add(job)

    def take(self, job: int) -> bool:
        """Forget a job; returns whether it was asked for again."""
        if job not in self._jobs:
            return False
        self._sql("DELETE FROM asked_again WHERE job=?", (job,))
        self._jobs.remove(job)
        return True
