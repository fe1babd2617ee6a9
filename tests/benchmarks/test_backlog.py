"""The floor of `backlog` does what ours does: as many jobs to their end, beside as many that wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw

from benchmarks.model import Setup
from benchmarks.suite.backlog import bare, jobs_a_turn


def _by_state(path: Path) -> dict[int, int]:
    database = apsw.Connection(str(path))
    try:
        rows: Any = database.execute("SELECT state, count(*) FROM job GROUP BY state")
        return dict(rows)
    finally:
        database.close()


def test_what_waits_beside_bare_sqlite_goes_on_waiting(tmp_path: Path) -> None:
    setup = Setup(True, str(tmp_path), "", "", None)
    for turns in (1, 2):  # the second round finds what the first has built
        side = bare(5_000)(setup)
        sample = next(side)
        side.close()
        assert _by_state(tmp_path / "bare-5000.db") == {0: 5_000, 3: turns * jobs_a_turn(setup)}
        assert sample["bytes"] > 50
