from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import gate, record, suite
from benchmarks.gate import Finding, Verdict
from benchmarks.provenance import Provenance, processor_of, provenance
from benchmarks.record import Session
from benchmarks.statistic import Interval

from . import results


def _session(processor: str, aiohttp: str, python: str = "3.11.7", **ratios: dict[str, list[float]]) -> Session:
    machine: dict[str, str | int | None] = {"processor": processor, "processors": 2, "file_system": "ext4"}
    versions = {"aiohttp": aiohttp, "syncmux": aiohttp, "python": python}
    where = Provenance(commit="c0ffee", date="2026-11-21T12:00+00:00", machine=machine, versions=versions)
    return Session(provenance=where, ratios=ratios)


FIRST = _session("Xeon", "3.14.1", calls={"CPU": [1.2, 1.3]}, rows={"CPU": [4.0]})
SECOND = _session("EPYC", "3.14.1", calls={"CPU": [1.25]})


def test_it_is_kept_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "recorded.json"
    assert record.read(path) == []
    record.write([FIRST, SECOND], path)
    assert record.read(path) == [FIRST, SECOND]


def test_passes_of_all_sessions_count() -> None:
    assert record.passes([FIRST, SECOND], "calls") == {"CPU": [1.2, 1.3, 1.25]}
    assert record.passes([FIRST, SECOND], "sdk") == {}


def test_what_is_recorded_anew_leaves_the_others() -> None:
    assert record.without([FIRST, SECOND], ["calls"]) == [_session("Xeon", "3.14.1", rows={"CPU": [4.0]})]


def test_a_machine_like_one_on_record_does_not_differ() -> None:
    assert record.differences([FIRST, SECOND], "calls", SECOND["provenance"]) == []
    assert record.differences([], "calls", SECOND["provenance"]) == []


def test_what_differs_is_told() -> None:
    here = _session("Graviton", "3.15.0")["provenance"]
    assert record.differences([FIRST, SECOND], "calls", here) == [
        "processor Graviton, on record EPYC, Xeon",
        "aiohttp 3.15.0, on record 3.14.1",
    ]


def test_python_differs_by_its_minor_version() -> None:
    assert record.differences([FIRST], "calls", _session("Xeon", "3.14.1", "3.11.12")["provenance"]) == []
    assert record.differences([FIRST], "calls", _session("Xeon", "3.14.1", "3.12.7")["provenance"]) == [
        "python 3.12, on record 3.11"
    ]


X86 = """\
processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 207
model name\t: Intel(R) Xeon(R) Processor
stepping\t: 2
cpu MHz\t\t: 2300.000

processor\t: 1
stepping\t: 3
"""
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n"


@pytest.mark.parametrize(
    ("cpuinfo", "processor"),
    [
        (X86, "Intel(R) Xeon(R) Processor, cpu family 6, model 207, stepping 2"),
        (X86.replace("207", "143"), "Intel(R) Xeon(R) Processor, cpu family 6, model 143, stepping 2"),
        (ARM, "CPU implementer 0x41, CPU part 0xd0c"),
        ("", ""),
    ],
    ids=["x86", "another of the same name", "ARM", "nothing told"],
)
def test_a_processor_is_told_by_more_than_its_name(cpuinfo: str, processor: str) -> None:
    assert processor_of(cpuinfo) == processor


def test_every_session_on_record_tells_what_is_compared() -> None:
    compared = provenance()["versions"].keys()
    for session in record.read():
        assert session["provenance"]["versions"].keys() == compared


def test_where_another_benchmark_was_recorded_says_nothing_of_this_one() -> None:
    assert record.differences([FIRST, SECOND], "rows", SECOND["provenance"]) == ["processor EPYC, on record Xeon"]


@pytest.mark.parametrize(
    ("fallen", "status", "told"),
    [
        ([], 0, ""),
        ([("calls", 1.1)], 1, ""),
        ([("rows", 1.1), ("rows", 1.5)], 0, "rows;"),
        ([("rows", 1.1), ("calls", 1.1)], 1, "rows;"),
        ([("rows", 1.1), ("rows", 1.6)], 1, "rows;"),
        ([("rows", 1.6)], 1, ""),
    ],
)
def test_what_falls_is_held_against_the_code_on_a_machine_like_one_on_record_or_by_half(
    fallen: list[tuple[str, float]], status: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = [
        Finding(name, results.BENCHMARK.goals[1], 0.0, Interval(2 * beyond, 9.0), 1.0, 2.0, Verdict.FALLEN)
        for name, beyond in fallen
    ]
    assert command.status(findings, {"calls": [], "rows": ["processor Graviton"]}) == status
    assert capsys.readouterr().out.startswith(told and f"not held against this code: {told}")


def test_a_provenance_says_what_code_when_and_on_what() -> None:
    now = provenance()
    assert now["commit"]
    assert now["date"].endswith("+00:00")
    assert now["machine"]["file_system"]
    assert {"python", "implementation", "compiler", "openssl", "sqlite", "uvloop"} <= now["versions"].keys()
    assert now["machine"]["processor"]


def test_the_record_knows_every_ratio_that_quick_takes() -> None:
    """Or a regression would pass for news. `python -m benchmarks --record anew` writes it down."""
    known = record.read()
    for name in suite.NAMES:
        held = {goal.says for goal in gate.held(suite.load(name))}
        passes = record.passes(known, name)
        assert held, f"{name} compares nothing"
        assert passes.keys() == held, f"of {name} other ratios are on record"
        assert all(len(ratios) >= 6 for ratios in passes.values()), f"{name}: too few to know how far apart they are"
