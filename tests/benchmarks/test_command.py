"""What a run does with its options."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from benchmarks import __main__ as command
from benchmarks import cores, provenance, suite
from benchmarks.children import Children
from benchmarks.model import Benchmark
from benchmarks.stage import Result, Stage

from . import results

RESULT = results.result((80, 100, 12, 10))
PLOTTED = replace(results.BENCHMARK, plot=lambda result: f"<svg>{len(result.rounds)}</svg>")


class _Measured:
    """Gives the same rounds to whoever asks."""

    def run(self, benchmark: Benchmark, tell: object) -> Result:
        return Result(benchmark, RESULT.rounds)


def _run(*options: str) -> int:
    with Children() as children:
        return command.run(command.parser().parse_args(options), ["example"], cast(Stage, _Measured()), children)


def test_plots_are_drawn_where_they_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suite, "load", lambda name: PLOTTED)
    place = tmp_path / "plots"
    assert _run("--plots", str(place)) == 0
    assert (place / "example.svg").read_text() == "<svg>1</svg>"
    assert "drawn: " in capsys.readouterr().out


def test_who_only_measures_has_nothing_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(result: Result) -> str:
        raise AssertionError("it was drawn")

    monkeypatch.setattr(suite, "load", lambda name: replace(PLOTTED, plot=draw))
    assert _run() == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--record", "anew", "--json", "FILE"], "there is no --json"),
        (["--record", "more", "--plots", "DIR"], "nothing to plot"),
        (["--quick", "--plots", "DIR"], "nothing to plot"),
    ],
)
def test_what_would_be_ignored_is_refused(options: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(options)
    assert says in capsys.readouterr().err


def _git(place: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", *arguments], cwd=place, check=True)  # noqa: S607


def test_only_what_a_commit_names_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(cores, "apart", lambda: (0, 1))
    assert not provenance.committed()  # it is no checkout
    code, recorded = tmp_path / "engine.py", tmp_path / provenance.RECORD
    recorded.parent.mkdir()
    for path in (code, recorded):
        path.write_text("")
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "--quiet", "--message", "all")
    recorded.write_text("[]")
    assert provenance.committed()
    code.write_text("changed = True")
    assert not provenance.committed()
    with pytest.raises(SystemExit, match="2"):
        command.main(["--record", "more"])
    assert "a record names a commit" in capsys.readouterr().err
