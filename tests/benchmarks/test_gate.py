"""The quick gate: red when a ratio is worse than it was, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from benchmarks import __main__ as command
from benchmarks import gate, suite
from benchmarks.gate import fallen, record_of
from benchmarks.stage import Result, Stage

from . import results

RECORD = {
    "example": {
        "of the peer's rate": {"ratio": 0.8, "spread": 0.25},
        "of the peer's CPU": {"ratio": 1.2, "spread": 0.25},
    }
}
AS_BEFORE = results.result((80, 100, 12, 10))
SLOWER = results.result((63, 100, 12, 10))  # 0.8 / 1.25 is 0.64
DEARER = results.result((80, 100, 15.1, 10))  # 1.2 x 1.25 is 1.5


def test_a_ratio_within_its_spread_has_not_fallen() -> None:
    assert fallen(AS_BEFORE, RECORD) == []
    assert fallen(results.result((65, 100, 14.9, 10)), RECORD) == []


def test_a_better_ratio_has_not_fallen() -> None:
    assert fallen(results.result((300, 100, 1, 10)), RECORD) == []


def test_a_worse_ratio_has_fallen() -> None:
    assert [(each.says, round(each.bound, 3)) for each in fallen(SLOWER, RECORD)] == [("of the peer's rate", 0.64)]
    assert [(each.says, round(each.bound, 3)) for each in fallen(DEARER, RECORD)] == [("of the peer's CPU", 1.5)]


def test_the_best_rounds_count() -> None:
    disturbed = results.result((40, 90, 19, 10), (80, 60, 18, 17), (50, 100, 12, 15))
    assert gate.ratios(disturbed) == {"of the peer's rate": 0.8, "of the peer's CPU": 1.2}
    assert fallen(disturbed, RECORD) == []


def test_what_was_never_recorded_has_not_fallen() -> None:
    assert fallen(SLOWER, {}) == []


def test_a_record_is_the_median_and_how_far_passes_were_apart() -> None:
    passes = [results.result((rate, 100, 12, 10)) for rate in (80, 60, 72)]
    record = record_of(passes)
    assert record["of the peer's rate"]["ratio"] == 0.72
    assert record["of the peer's rate"]["spread"] == pytest.approx(80 / 60 - 1, abs=1e-4)
    assert record["of the peer's CPU"]["spread"] == 0.2  # they were all the same: the leeway
    assert all(fallen(each, {"example": record}) == [] for each in passes)


def test_of_many_passes_the_ends_do_not_count() -> None:
    passes = [results.result((rate, 100, 12, 10)) for rate in (10, 60, 72, 80, 500)]
    assert record_of(passes)["of the peer's rate"] == {"ratio": 0.72, "spread": pytest.approx(80 / 60 - 1, abs=1e-4)}


def test_a_record_is_kept_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "recorded.json"
    assert gate.read(path) == {}
    gate.write(RECORD, path)
    assert gate.read(path) == RECORD


class _Script:
    """Gives the results that it was told, one after another."""

    def __init__(self, *told: Result) -> None:
        self._told: Iterator[Result] = iter(told)

    def run(self, benchmark: object, tell: object) -> Result:
        return next(self._told)


@pytest.fixture
def _recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "read", lambda: RECORD)
    monkeypatch.setattr(suite, "load", lambda name: results.BENCHMARK)


@pytest.mark.usefixtures("_recorded")
@pytest.mark.parametrize(
    ("told", "status"),
    [
        ([AS_BEFORE], 0),
        ([SLOWER, AS_BEFORE], 0),  # a busy neighbour
        ([SLOWER, SLOWER, AS_BEFORE], 0),
        ([SLOWER, DEARER], 0),  # neither of them for good
        ([SLOWER, SLOWER, SLOWER, SLOWER], 1),
    ],
)
def test_quick_fails_on_what_falls_again_and_again(
    told: list[Result], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = command.parser().parse_args(["start", "--quick"])
    assert command.run(chosen, cast(Stage, _Script(*told))) == status
    assert ("fallen: example: of the peer's rate: 0.630" in capsys.readouterr().out) is bool(status)


def test_the_record_knows_every_ratio_that_quick_takes() -> None:
    """Or a regression would pass for news. `python -m benchmarks --record` writes it down."""
    record = gate.read()
    assert set(record) == set(suite.NAMES)
    for name in suite.NAMES:
        benchmark = suite.load(name)
        sides = {side.name for side in benchmark.sides if side.in_quick}
        taken = {goal.says for goal in gate.watched(benchmark) if sides.issuperset((goal.side, *goal.of))}
        assert taken, f"{name} compares nothing"
        assert set(record[name]) == taken
        assert all(known["spread"] <= 1 for known in record[name].values()), f"{name} would never be red"
