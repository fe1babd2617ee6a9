"""What took effect, counted on the clouds' side whether or not the client saw an answer."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields

import orjson

MAX_ARRIVALS = 1_000_000  # per operation
_LINES = 5_000  # entries serialised at once, so that reading a large ledger does not stop the clouds


@dataclass(slots=True)
class Ledger:
    """Plain nested dicts of counters: compact, and nothing that the garbage collector would visit."""

    triggers: dict[str, dict[str, int]] = field(default_factory=dict)  # GATEWAY|INDEX -> path -> n
    events: dict[str, dict[str, int]] = field(default_factory=dict)  # sync task id -> object key -> n
    creates: dict[str, dict[str, int]] = field(default_factory=dict)  # operation -> what was created -> n
    calls: dict[str, int] = field(default_factory=dict)  # operation -> n, of calls that were authenticated
    answers: dict[str, dict[str, int]] = field(default_factory=dict)  # operation -> code, or fault -> n
    refused: dict[str, int] = field(default_factory=dict)  # code -> n, of requests that were not authenticated
    arrivals: dict[str, array[float]] = field(default_factory=dict)  # operation -> monotonic seconds
    # as in triggers and events -> the first and the last time that it took effect, in monotonic seconds
    moments: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)

    def triggered(self, gateway_id: str, index_id: str, path: str) -> None:
        _count(self.triggers.setdefault(f"{gateway_id}|{index_id}", {}), path)

    def pushed(self, sync_task_id: str, keys: Iterable[str]) -> None:
        counts = self.events.setdefault(sync_task_id, {})
        for key in keys:
            counts[key] = counts.get(key, 0) + 1

    def created(self, operation: str, what: str) -> None:
        _count(self.creates.setdefault(operation, {}), what)

    def called(self, operation: str) -> None:
        _count(self.calls, operation)

    def answered(self, operation: str, code: str) -> None:
        _count(self.answers.setdefault(operation, {}), code)

    def refuse(self, code: str) -> None:
        _count(self.refused, code)

    def arrived(self, operation: str, at: float) -> None:
        arrivals = self.arrivals.setdefault(operation, array("d"))
        if len(arrivals) < MAX_ARRIVALS:
            arrivals.append(at)

    def took_effect(self, where: str, names: Iterable[str], at: float) -> None:
        moments = self.moments.setdefault(where, {})
        for name in names:
            moments[name] = moments.get(name, (at, at))[0], at

    def clear(self) -> None:
        # New dicts: the old ones may be being dumped.
        for counted in fields(self):
            setattr(self, counted.name, {})

    def dump(self) -> Iterator[bytes]:
        """The ledger as one JSON object, in pieces. It may change while it is dumped."""
        yield b'{"triggers":{'
        yield from _flat(self.triggers)
        yield b'},"events":{'
        yield from _flat(self.events)
        yield b'},"creates":{'
        yield from _flat(self.creates)
        rest = {"calls": self.calls, "answers": self.answers, "refused": self.refused}
        yield b"}," + orjson.dumps(rest)[1:]

    def dump_moments(self) -> Iterator[bytes]:
        """The moments as one JSON object, named as in the ledger, in pieces."""
        yield b"{"
        yield from _flat(self.moments)
        yield b"}"


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def _flat(nested: Mapping[str, Mapping[str, object]]) -> Iterator[bytes]:
    """The members of {"OUTER|INNER": value}, without the braces."""
    comma = b""
    for outer, counts in list(nested.items()):
        names = list(counts)
        for start in range(0, len(names), _LINES):
            piece = {f"{outer}|{name}": counts[name] for name in names[start : start + _LINES]}
            yield comma + orjson.dumps(piece)[1:-1]
            comma = b","
