"""That `make guards` takes out what it means to, and believes no test that is red anyway."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guards import GUARDS, ROOT, Copy, Guard

GUARDED = "def admitted(token):\n    return token == 'right'\n"


def guard_of(directory: Path, line: str) -> Guard:
    """A guard with one test, of one line."""
    (directory / "guarded.py").write_text(GUARDED)
    test = ["from guarded import admitted", "def test_admitted():", f"    {line}"]
    (directory / "test_guarded.py").write_text("\n".join(test))
    return Guard("F0", "token", "guarded.py", "token == 'right'", "True", ["test_guarded.py"])


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_each_stands_there_once(guard: Guard) -> None:
    assert (ROOT / guard.file).read_text().count(guard.code) == 1
    assert all((ROOT / file).exists() for file in guard.tests)


@pytest.mark.parametrize(
    ("line", "held", "said"),
    [
        ("assert not admitted('wrong')", True, "1 failed"),
        ("assert admitted('right')", False, "1 passed"),
        ("assert admitted('wrong')", False, "not shown, as its tests are not green with it: 1 failed"),
        ("admitted.is_gone", False, "not shown, as its tests are not green with it: 1 failed"),
    ],
)
def test_held_is_what_is_green_with_it_and_red_without(tmp_path: Path, line: str, held: bool, said: str) -> None:
    guard = guard_of(tmp_path, line)
    seen = Copy(tmp_path).held(guard)
    assert seen[0] is held
    assert seen[1].startswith(said)
    assert (tmp_path / "guarded.py").read_text() == GUARDED


def test_tests_without_an_end_show_nothing(tmp_path: Path) -> None:
    held, said = Copy(tmp_path, timeout_s=0.01).held(guard_of(tmp_path, "assert not admitted('wrong')"))
    assert not held
    assert said == "not shown, as its tests are not green with it: no end after 0.01 s"
