"""The sides of `backlog` do the same: as many jobs to their end, beside as many that wait."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import apsw

from benchmarks.children import Children, answer, begin
from benchmarks.model import Setup
from benchmarks.pushing import GATEWAYS
from benchmarks.suite.backlog import DIRECTORIES, OF_MANY, SHALLOW, bare, jobs_a_turn


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


def test_of_many_targets_each_has_as_many_jobs_waiting_and_ended(tmp_path: Path) -> None:
    setup = Setup(True, str(tmp_path), "", "", None)
    with Children() as children:
        child = children.start("benchmarks.side", "backlog", OF_MANY, setup.to_json())
        for _ in ("ready", "a turn"):
            answer(child, timeout_s=60)
            begin(child)
        answer(child, timeout_s=60)
    database = apsw.Connection(str(next(tmp_path.glob("*/backlog.db"))))
    try:
        jobs: Any = database.execute("SELECT target, state, count(*) FROM job GROUP BY target, state").fetchall()
    finally:
        database.close()
    ended = 2 * jobs_a_turn(setup)
    waiting = {(state, number) for _, state, number in jobs if state == 0}
    assert waiting == {(0, SHALLOW // GATEWAYS)}
    assert sum(number for _, state, number in jobs if state) == ended
    assert {number for _, state, number in jobs if state} == {ended // GATEWAYS}
    gateways = [row.gateway_id for row in islice(DIRECTORIES.rows(1), 2 * GATEWAYS)]
    assert gateways[:GATEWAYS] == gateways[GATEWAYS:], "in turn"
    assert len(set(gateways)) == GATEWAYS
