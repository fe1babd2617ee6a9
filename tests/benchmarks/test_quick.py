"""How the quick run comes to its verdict: red only what is worse again, minutes later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import orjson
import pytest

from benchmarks import __main__ as command
from benchmarks import cores, quick, record, suite
from benchmarks.children import Children
from benchmarks.model import Benchmark, Round, Server
from benchmarks.provenance import provenance
from benchmarks.stage import Result, Stage

from . import results

BEFORE = results.result(*[(80, 100, 12, 10)] * 8).rounds
WORSE = results.result(*[(80, 100, 20, 10)] * 8).rounds
EITHER = results.result(*[(80, 100, 12, 10), (80, 100, 20, 10)] * 4).rounds
PASSES = {"of the peer's rate": [0.79, 0.8, 0.81] * 3, "of the peer's CPU": [1.19, 1.2, 1.21] * 3}


class _Script:
    """Gives the rounds that it was told, one look after another."""

    def __init__(self, *told: Sequence[Round]) -> None:
        self.looks = 0
        self._told = told

    def run(self, benchmark: Benchmark, tell: Callable[[str], None]) -> Result:
        self.looks += 1
        return Result(benchmark, self._told[self.looks - 1])


@pytest.fixture(autouse=True)
def _recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    known: record.Record = [{"provenance": provenance(), "ratios": {"example": PASSES}}]
    monkeypatch.setattr(record, "read", lambda: known)
    monkeypatch.setattr(suite, "load", lambda name: results.BENCHMARK)


def _run(script: _Script, *options: str) -> int:
    with Children() as children:
        chosen = command.parser().parse_args(["--quick", *options])
        return command.run(chosen, ["example"], cast(Stage, script), children)


@pytest.mark.parametrize(
    ("told", "looks", "status"),
    [
        ([BEFORE], 1, 0),
        ([EITHER, BEFORE], 2, 0),  # as long as nothing can be said
        ([WORSE, BEFORE, BEFORE, BEFORE], 4, 0),  # a busy neighbour
        ([WORSE, WORSE], 2, 1),  # never after one look
        ([EITHER, WORSE], 2, 1),
        ([EITHER] * 4, 4, 0),  # never without being sure
    ],
)
def test_it_looks_until_it_knows(
    told: list[Sequence[Round]], looks: int, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    script = _Script(*told)
    assert _run(script) == status
    assert script.looks == looks
    assert ("FALLEN: example: of the peer's CPU" in capsys.readouterr().out) is bool(status)


def test_the_document_has_the_rounds_of_all_looks(tmp_path: Path) -> None:
    path = tmp_path / "quick.json"
    _run(_Script(WORSE, WORSE), "--json", str(path))
    document = orjson.loads(path.read_bytes())
    assert document["benchmarks"]["example"]["rounds"] == 16
    assert document["commit"]
    assert document["quick"] is True


def test_what_was_measured_is_written_before_the_next_begins(tmp_path: Path) -> None:
    path = tmp_path / "quick.json"
    with pytest.raises(IndexError):
        _run(_Script(WORSE), "--json", str(path))
    assert orjson.loads(path.read_bytes())["benchmarks"]["example"]["rounds"] == 8


def test_on_one_processor_it_says_what_is_not_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served = Benchmark("example", "served", results.BENCHMARK.quick, (), (), (), server=Server())
    monkeypatch.setattr(suite, "load", lambda name: served)
    monkeypatch.setattr(cores, "apart", lambda: (None, None))
    assert _run(_Script()) == 0
    assert "example: NOT COMPARED" in capsys.readouterr().out
    assert quick.comparable(results.BENCHMARK)


def test_on_one_processor_nothing_is_recorded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cores, "apart", lambda: (None, None))
    with pytest.raises(SystemExit, match="2"):
        command.main(["--record", "anew"])
    assert "a record needs a processor for the client" in capsys.readouterr().err


def test_a_record_tells_every_pass() -> None:
    with Children() as children:
        now, script = provenance(), _Script(*[BEFORE, WORSE] * 3)
        added = quick.write_down(["example"], cast(Stage, script), children, [], now, lambda text: None)
    assert [session["provenance"] for session in added] == [now]
    assert added[0]["ratios"]["example"]["of the peer's CPU"] == [1.2, 2.0] * 3
