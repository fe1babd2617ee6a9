"""What can be made worse is told by its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import power

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs/performance.md"


def test_an_unknown_injection_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        power.main(["--runs", "0", "a call 20 % dearer", "a cal 20 % dearer"])
    assert "there is no a cal 20 % dearer; there is nothing, a call 5 % dearer" in capsys.readouterr().err


def test_the_documented_names_are_those_that_the_command_takes() -> None:
    table = re.search(r"^\| made worse \|.*\n\|[-|]+\n((?:\|.*\n)+)", DOCUMENT.read_text(), re.MULTILINE)
    assert table
    names = [row.split("|")[1].strip() for row in table[1].splitlines()]
    assert "nothing" in names
    assert [name for name in names if name not in power.CHOICES] == []
