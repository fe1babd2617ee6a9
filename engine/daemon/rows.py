"""Rows as the inbox files them: under their destination, by what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from engine.backlog.inbox_tables import Destination
from engine.clouds import Cloud, clouds
from engine.model import Row
from engine.routes import Directories, Keys


class Kind(NamedTuple):
    """A type of row that notifications lead to."""

    cloud: Cloud
    column: int  # the one that tells what has changed
    account: int  # where among the others it is
    batched: bool  # whether several share a job


@cache
def kinds() -> Mapping[str, Kind]:
    """By the word of their work."""
    found = {}
    for cloud in clouds().values():
        columns: Sequence[str] = cloud.row._fields
        for destination in (Keys, Directories):
            if destination.column in columns:
                fixed = [name for name in columns if name != destination.column]
                at = columns.index(destination.column)
                found[cloud.verb] = Kind(cloud, at, fixed.index("account"), destination is Keys)
    return found


@cache
def _verbs() -> Mapping[type[Any], tuple[str, int]]:
    return {kind.cloud.row: (verb, kind.column) for verb, kind in kinds().items()}


def filed(row: Row) -> tuple[Destination, str]:
    """Where a row waits, and as what."""
    verb, at = _verbs()[type(row)]
    return Destination(verb, row[:at] + row[at + 1 :]), row[at]


def rows(destination: Destination, values: Sequence[str]) -> list[Row]:
    """What waits somewhere, as rows again."""
    kind = kinds()[destination.kind]
    before, after = destination.fixed[: kind.column], destination.fixed[kind.column :]
    return [kind.cloud.row(*before, value, *after) for value in values]
