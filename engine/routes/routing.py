"""From an event to the routes that it takes, and the rows that they make of it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.model import Row
from engine.notifications import Kind, ObjectEvent
from engine.routes.destinations import Destination


@dataclass(frozen=True, slots=True)
class Route:
    name: str
    bucket: str
    destinations: tuple[Destination, ...]
    prefix: str = ""
    suffix: str = ""
    events: frozenset[Kind] = frozenset({Kind.CREATED, Kind.REMOVED})

    def takes(self, event: ObjectEvent) -> bool:
        """Whether an event whose bucket and prefix are right goes this way.

        Prefix and suffix may overlap in a short key: `a/b` begins with `a/b` and ends with `/b`.
        """
        return event.kind in self.events and event.key.endswith(self.suffix)


class Routed(NamedTuple):
    """What became of one event."""

    routes: Sequence[Route]  # that it took; none: see `Routes.no_route`
    rows: Sequence[Row]  # each once, however many routes lead there
    left_out: int  # how many destinations can do nothing about it: removals are not synchronised as keys


class Routes:
    """All routes. The work for an event does not grow with the number of routes, but with that of those it may take."""

    def __init__(self, routes: Sequence[Route], no_route: str = "drop") -> None:
        """`no_route` is what becomes of an event that takes no route, which is for the caller to do: drop, reject."""
        self.routes = tuple(routes)
        self.no_route = no_route
        self._buckets: dict[str, _Prefixes] = {}
        for bucket in {route.bucket for route in routes}:
            self._buckets[bucket] = _Prefixes([route for route in routes if route.bucket == bucket])

    @property
    def most_rows(self) -> int:
        """That one event can make."""
        rows: Counter[str] = Counter()
        for route in self.routes:
            rows[route.bucket] += len(route.destinations)
        return max(rows.values(), default=0)

    def taken_by(self, event: ObjectEvent) -> list[Route]:
        """The routes that an event takes, the ones with longer prefixes first."""
        prefixes = self._buckets.get(event.bucket)
        if prefixes is None:
            return []
        return [route for route in prefixes.beginning(event.key) if route.takes(event)]

    def routed(self, event: ObjectEvent, scope: Collection[str] | None = None) -> Routed:
        """`scope` names the routes that may be taken; None: all."""
        routes = self.taken_by(event)
        if scope is not None:
            routes = [route for route in routes if route.name in scope]
        made = [destination.row(event) for route in routes for destination in route.destinations]
        # Rows of two types may hold equal strings.
        rows = {(type(row), row): row for row in made if row is not None}
        return Routed(routes, list(rows.values()), made.count(None))


class _Prefixes:
    """Routes of one bucket, to be found by the beginnings of a key."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._sorted = sorted({route.prefix for route in routes})
        self._parents: list[int] = []  # the longest prefix that a prefix begins with, or -1
        self._routes: list[tuple[Route, ...]] = []  # of a prefix and all that it begins with
        for at, prefix in enumerate(self._sorted):
            parent = self._longest(prefix, at - 1)
            self._parents.append(parent)
            own = tuple([route for route in routes if route.prefix == prefix])
            self._routes.append(own + (self._routes[parent] if parent >= 0 else ()))

    def beginning(self, key: str) -> Sequence[Route]:
        at = self._longest(key, bisect_right(self._sorted, key) - 1)
        return self._routes[at] if at >= 0 else ()

    def _longest(self, key: str, at: int) -> int:
        """Which prefix is the longest that a key begins with; -1 if none is.

        `at` is the last prefix that does not sort after the key. All that the key begins with sort before it, and
        it begins with them too: so they are among its parents.
        """
        while at >= 0 and not key.startswith(self._sorted[at]):
            at = self._parents[at]
        return at
