"""Reads what Prometheus would read, by rules at least as strict as its own."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?)").fullmatch
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class Family(NamedTuple):
    kind: str
    help: str
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def value(self, **labels: str) -> float:
        found = [value for (_, each), value in self.samples.items() if each == frozenset(labels.items())]
        assert len(found) == 1, f"{labels} in {self.samples}"
        return found[0]


def unescaped(text: str) -> str:
    return re.sub(r'\\[\\"n]', lambda found: _ESCAPES[found[0]], text)


def parsed(text: str) -> dict[str, Family]:
    """Every family of an exposition, which breaks no rule of the format. Raises AssertionError."""
    families: dict[str, Family] = {}
    assert text.endswith("\n")
    lines = iter(text.removesuffix("\n").split("\n"))
    current = ""
    for line in lines:
        if line.startswith("# HELP "):
            current, _, told = line.removeprefix("# HELP ").partition(" ")
            assert re.fullmatch(_NAME, current), line
            assert current not in families, f"{current} comes twice"
            assert told
            assert not re.search(r"\\(?![\\n])", told.replace("\\\\", "")), line
            kind = re.fullmatch(rf"# TYPE {current} (counter|gauge|histogram)", next(lines))
            assert kind, f"{current} has no type"
            families[current] = Family(kind[1], told, {})
            continue
        found = _SAMPLE(line)
        assert found, f"no sample: {line!r}"
        name, listed, value = found.groups()
        labels = [each.partition("=") for each in re.findall(_LABEL, listed or "")]
        assert len({label for label, _, _ in labels}) == len(labels), f"a label comes twice: {line}"
        family = families[current]
        suffixes = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
        assert name in {current + suffix for suffix in suffixes}, f"{name} stands under {current}"
        key = name, frozenset((label, unescaped(quoted[1:-1])) for label, _, quoted in labels)
        assert key not in family.samples, f"{line} comes twice"
        family.samples[key] = float(value)
    for name, family in families.items():
        assert (family.kind == "counter") == name.endswith("_total"), f"{name} is a {family.kind}"
        assert family.kind != "counter" or min(family.samples.values(), default=0) >= 0
        if family.kind == "histogram":
            check_histogram(name, family)
    return families


def check_histogram(name: str, family: Family) -> None:
    series: dict[frozenset[tuple[str, str]], dict[float, float]] = {}
    for (sample, labels), value in family.samples.items():
        if sample == f"{name}_bucket":
            bound = dict(labels)["le"]
            rest = frozenset(each for each in labels if each[0] != "le")
            series.setdefault(rest, {})[math.inf if bound == "+Inf" else float(bound)] = value
    for labels, buckets in series.items():
        numbers = [buckets[bound] for bound in sorted(buckets)]
        assert math.inf in buckets
        assert numbers == sorted(numbers), "they are cumulative"
        assert family.samples[f"{name}_count", labels] == buckets[math.inf]
        assert family.samples[f"{name}_sum", labels] >= 0


def names(families: Mapping[str, Family]) -> set[str]:
    """Of all samples, as queries know them."""
    return {sample for family in families.values() for sample, _ in family.samples} | set(families)
