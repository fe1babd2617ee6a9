"""Metrics as Prometheus reads them, version 0.0.4 of its text format. Pure.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from engine.lanes import Durations

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels: TypeAlias = Mapping[str, str]
Value: TypeAlias = "int | float | Durations"


class Metric(NamedTuple):
    """All samples of one name. A histogram's values are `Durations`, all others are numbers."""

    name: str
    kind: str  # counter, gauge or histogram
    help: str
    samples: Sequence[tuple[Labels, Value]]


def exposition(metrics: Iterable[Metric]) -> bytes:
    return "".join([f"{line}\n" for metric in metrics for line in _lines(metric)]).encode()


def _lines(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {_escaped(metric.help)}"
    yield f"# TYPE {metric.name} {metric.kind}"
    for labels, value in metric.samples:
        if isinstance(value, Durations):
            yield from _histogram(metric.name, labels, value)
        else:
            yield _sample(metric.name, labels, value)


def _histogram(name: str, labels: Labels, durations: Durations) -> Iterator[str]:
    total = 0
    for bound, number in zip([*map(str, durations.BOUNDS_S), "+Inf"], durations.numbers, strict=True):
        total += number
        yield _sample(f"{name}_bucket", {**labels, "le": bound}, total)
    yield _sample(f"{name}_sum", labels, durations.total_s)
    yield _sample(f"{name}_count", labels, total)


def _sample(name: str, labels: Labels, value: float) -> str:
    told = ",".join([f'{label}="{_quoted(text)}"' for label, text in labels.items()])
    return f"{name}{{{told}}} {value!r}" if told else f"{name} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')
