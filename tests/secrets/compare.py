"""``python -m tests.secrets.compare``: how often marked secrets are seen, with us and with the vendors' SDKs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.secrets.marks import Hit, search
from tests.secrets.situations import SITUATIONS, Said, Situation, World, prepare, run, run_ours, world
from tests.secrets.vendors import SDKS
from tests.secrets.watched import LOCALS, REPRS, TRACEBACKS

OURS = "syncmux"
# With the SDKs there are no sources of credentials to fail, and no list that comes before a change.
COMMON = [name for name, situation in SITUATIONS.items() if situation.sources == "fine" and not situation.reads]
COLUMNS = ("output and logs", TRACEBACKS, REPRS, "files", LOCALS)


def column(place: str) -> str:
    if place in {"stdout", "stderr"}:
        return "output and logs"
    return place if place in {TRACEBACKS, REPRS, LOCALS} else "files"


def run_vendor(home: Path, world: World, situation: Situation, sdk: str) -> Said:
    environ = prepare(home, world, situation)
    return run(["tests.secrets.vendors", sdk, world.url(situation)], home, environ, world)


def hits(said: Iterable[Said]) -> dict[str, Counter[Hit]]:
    """What was found in some runs, by column."""
    found: dict[str, Counter[Hit]] = {name: Counter() for name in COLUMNS}
    for each in said:
        for place, text in each.places.items():
            found[column(place)] += search(text)
    return found


def cell(found: Counter[Hit]) -> str:
    secret = sum(times for hit, times in found.items() if hit.mark.secret)
    return f"{secret} + {found.total() - secret}"


def main() -> int:
    with TemporaryDirectory(prefix="syncmux-secrets-") as directory, world(place := Path(directory)) as clouds:
        told = {OURS: hits(run_ours(place / f"ours-{n}", clouds, SITUATIONS[name]) for n, name in enumerate(COMMON))}
        for sdk in SDKS:
            runs = (run_vendor(place / f"{sdk}-{n}", clouds, SITUATIONS[name], sdk) for n, name in enumerate(COMMON))
            told[sdk] = hits(runs)
    print(f"Hits of marked secrets + of marked key ids, in {len(COMMON)} situations: {', '.join(COMMON)}\n")
    width = max(map(len, told))
    print(" " * width, *(f"{name:>16}" for name in COLUMNS))
    for who, found in told.items():
        print(f"{who:<{width}}", *(f"{cell(found[name]):>16}" for name in COLUMNS))
    print(f"\n{LOCALS}: a traceback that shows local variables, which nobody prints who does not ask for it.")
    return int(any(found for name, found in told[OURS].items() if name != LOCALS))


if __name__ == "__main__":
    sys.exit(main())
