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


@pytest.mark.parametrize("option", ["--json", "--plots"])
def test_what_cannot_be_written_is_told_before_anything_is_measured(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match="2"):
        command.main([option, str(tmp_path / "file" / "below"), "start"])
    assert "nothing can be written there: [Errno 20]" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("before", [None, b"{}"])
def test_to_find_out_whether_a_file_can_be_written_changes_nothing(
    before: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.json"
    if before is not None:
        path.write_bytes(before)
    monkeypatch.setattr(command, "exit_on_signals", lambda: None)
    monkeypatch.setattr(command, "run", lambda *_: 0)
    assert command.main(["--json", str(path), "start"]) == 0
    assert (path.read_bytes() if path.exists() else None) == before


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
