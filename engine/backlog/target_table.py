"""Targets, by the numbers that the other tables know them by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, ItemsView, Iterable
from typing import Any

from engine.model import Job, Target


class TargetTable:
    """Kept in memory too."""

    def __init__(self, sql: Callable[..., Any]) -> None:
        self._sql = sql

    def load(self) -> None:
        rows = self._sql("SELECT id, cloud, account, name FROM target")
        self._ids = {Target(cloud, account, name): number for number, cloud, account, name in rows}
        self._targets = {number: target for target, number in self._ids.items()}

    def items(self) -> ItemsView[Target, int]:
        return self._ids.items()

    def id(self, target: Target) -> int:
        """Of a new one, too."""
        known = self._ids.get(target)
        if known is None:
            row = self._sql("INSERT INTO target (cloud, account, name) VALUES (?,?,?) RETURNING id", target).fetchone()
            known = self._ids[target] = int(row[0])
            self._targets[known] = target
        return known

    def group(self, jobs: Iterable[Job]) -> dict[int, list[Job]]:
        """Jobs by the number of their target."""
        groups: dict[Target, list[Job]] = defaultdict(list)
        for job in jobs:
            groups[job.target].append(job)
        return {self.id(target): same for target, same in groups.items()}

    def target(self, number: int) -> Target:
        known = self._targets.get(number)
        if known is None:  # another process has added it since this one began to look
            row = self._sql("SELECT cloud, account, name FROM target WHERE id=?", (number,)).fetchone()
            known = self._targets[number] = Target(*row)
            self._ids[known] = number
        return known
