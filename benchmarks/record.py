"""What is on record: the ratios of earlier passes, in sessions that each say of which code, when and on what.

Of sessions before 2026-11-22, the processor's family, model and stepping, and the versions of `compiler`,
`implementation` and `openssl`, were filled in later, on the same machine: the code of their commits did not write them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypedDict

import orjson

from benchmarks.gate import Passes
from benchmarks.model import as_json
from benchmarks.provenance import Provenance

RECORDED = Path(__file__).with_name("recorded.json")

Ratios: TypeAlias = Mapping[str, Passes]
"""By benchmark."""


class Session(TypedDict):
    provenance: Provenance
    ratios: dict[str, dict[str, list[float]]]  # benchmark -> goal -> one for every pass


Record: TypeAlias = Sequence[Session]


def read(path: Path = RECORDED) -> Record:
    record: Record = orjson.loads(path.read_bytes()) if path.exists() else []
    return record


def write(record: Record, path: Path = RECORDED) -> None:
    path.write_bytes(as_json(record))


def passes(record: Record, benchmark: str) -> Passes:
    """Of all sessions."""
    found: dict[str, list[float]] = {}
    for session in record:
        for goal, ratios in session["ratios"].get(benchmark, {}).items():
            found.setdefault(goal, []).extend(ratios)
    return found


def without(record: Record, benchmarks: Sequence[str]) -> Record:
    """The record but for some benchmarks, which are to be recorded anew."""
    kept = []
    for session in record:
        ratios = {name: each for name, each in session["ratios"].items() if name not in benchmarks}
        if ratios:
            kept.append(Session(provenance=session["provenance"], ratios=ratios))
    return kept


def differences(record: Record, benchmark: str, now: Provenance) -> list[str]:
    """In what this machine differs from all of those that a benchmark was recorded on."""
    here = _traits(now)
    known = [_traits(session["provenance"]) for session in record if benchmark in session["ratios"]]
    return [
        f"{name} {value}, on record {', '.join(sorted({traits[name] for traits in known if name in traits}))}"
        for name, value in here.items()
        if known and all(traits.get(name) != value for traits in known)
    ]


def _traits(provenance: Provenance) -> Mapping[str, str]:
    """What may shift a ratio, and is not our own code. Of Python that is not what mends it."""
    machine = provenance["machine"]
    names = ("processor", "processors")
    versions = {name: version for name, version in provenance["versions"].items() if name != "syncmux"}
    minor = {"python": ".".join(versions["python"].split(".")[:2])}
    return {name: str(machine[name]) for name in names} | versions | minor
