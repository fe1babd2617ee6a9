from __future__ import annotations

import re

import orjson

from benchmarks import gate
from benchmarks.report import as_document, findings_table, table

from . import results

RESULT = results.result((70, 100, 12, 10), (80, 100, 11, 10), (60, 100, 13, 10))


def test_the_table_has_medians_spreads_and_verdicts() -> None:
    lines = table(RESULT).splitlines()
    assert lines[0] == "example: an example; medians of 3 rounds"
    assert re.fullmatch(r"  ours\s+70 ±14%\s+12\.0 ±8%", lines[2])
    assert re.fullmatch(r"  peer\s+100 ±0%\s+10\.0 ±0%", lines[3])
    assert re.fullmatch(r"  of the peer's rate\s+0\.70\s+at least 0\.80\s+MISSED", lines[4])
    assert re.fullmatch(r"  of the peer's CPU\s+1\.20\s+at most 1\.25\s+met", lines[5])
    assert re.fullmatch(r"  CPU us\s+12\.0\s+at most 10\.0\s+MISSED", lines[6])


def test_a_quick_table_tells_its_sizes_and_judges_no_goal() -> None:
    lines = table(RESULT, quick=True).splitlines()
    assert lines[1] == "  quick: a small one"
    assert len(lines) == 5
    assert "least" not in lines[-1]


def test_ratios_stand_beside_those_on_record() -> None:
    passes = {"of the peer's rate": [0.7, 0.71, 0.69], "of the peer's CPU": [1.2]}
    lines = findings_table(gate.findings(RESULT.benchmark, RESULT.rounds, passes)).splitlines()
    assert re.fullmatch(r"  of the peer's rate\s+0\.7\s+-inf to inf\s+0\.7\s+0\.4843\s+undecided", lines[1])


def test_columns_are_aligned() -> None:
    lines = table(RESULT).splitlines()
    assert len({len(line) for line in lines[1:4]}) == 1


def test_one_round_has_no_spread() -> None:
    assert "±" not in table(results.result((70, 100, 12, 10)))


def test_the_document_holds_every_round() -> None:
    document = orjson.loads(orjson.dumps(as_document(RESULT)))
    assert document["sides"]["ours"]["rate"]["values"] == [70, 80, 60]
    assert document["sides"]["ours"]["rate"]["median"] == 70
    assert "other" not in document["sides"]
    of_rate, of_cpu, cpu = document["goals"]
    assert (of_rate["value"], of_rate["met"], of_rate["bound"]) == (0.7, False, 0.8)
    assert (of_cpu["met"], cpu["values"]) == (True, [12, 11, 13])
