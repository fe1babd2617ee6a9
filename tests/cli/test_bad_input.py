"""Rows that cannot be used are reported with file, line and reason; the others are done."""

from __future__ import annotations

from typing import Any

import orjson

from .conftest import Clouds, Syncmux

GOOD = '{"gateway_id":"gw-1","index_id":"NFSa","path":"/good"}\n'


def report(syncmux: Syncmux) -> list[dict[str, Any]]:
    path = syncmux.directory / ".syncmux/backlog.db.rejected.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


BAD = [  # file, its content with one good row, the line that is bad, what the reason says
    ("column.jsonl", GOOD + '{"gateway_id":"gw-1","index_id":"NFSa","path":"/","colour":"red"}\n', 2, "colour"),
    ("empty.jsonl", '{"gateway_id":"gw-1","index_id":"NFSa","path":""}\n' + GOOD, 1, "path is empty"),
    ("climbs.jsonl", GOOD + '{"gateway_id":"gw-1","index_id":"NFSa","path":"/a/../b"}\n', 2, ".."),
    ("surrogate.jsonl", GOOD + '{"gateway_id":"gw-1","index_id":"NFSa","path":"/\\ud800"}\n', 2, "surrogate"),
    ("nul.jsonl", GOOD + '{"gateway_id":"gw-1","index_id":"NFSa","path":"/\\u0000"}\n', 2, "NUL"),
    ("half.jsonl", GOOD + '{"gateway_id":"gw-1","index_id":"NF', 2, ""),
    ("long.jsonl", '{"gateway_id":"' + 10_000_000 * "g" + '"}\n' + GOOD, 1, "longer than"),
    ("far.jsonl", GOOD + f'{{"gateway_id":"gw-1","index_id":"NFSa","path":"/{1024 * "é"}"}}\n', 2, "1,024"),
    ("fields.csv", "\ufeffgateway_id,index_id,path\r\ngw-1,NFSa,/good\r\ngw-1,NFSa\r\n", 3, "columns"),
    ("account.csv", "gateway_id,index_id,path,account\ngw-1,NFSa,/good,\ngw-1,NFSa,/,nobody\n", 3, "nobody"),
]


def test_bad_rows(syncmux: Syncmux, cloud: Clouds) -> None:
    manifests = [syncmux.file(name, content.replace("/good", f"/{name}")) for name, content, _, _ in BAD]
    done = syncmux("trigger", "--no-wait", *manifests)
    assert done.code == 3
    rejected = {row["file"]: row for row in report(syncmux)}
    assert rejected.keys() == set(manifests)
    for name, _, line, reason in BAD:
        assert rejected[name]["line"] == line
        assert reason in rejected[name]["reason"]
        assert f"rejected: {name}:{line}: " in done.out
    assert cloud.directories == {f"gw-1|NFSa|/{name}": 1 for name in manifests}


def test_a_key_that_no_cloud_holds(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> None:
    manifest = syncmux.file("keys.txt", "good\n" + 1025 * "k" + "\n")
    done = syncmux("push", manifest, "--sync-task", sync_task, "--json")
    assert done.code == 3
    (rejected,) = [event for event in done.events if event["event"] == "rejected"]
    assert (rejected["file"], rejected["line"]) == ("keys.txt", 2)
    assert "1,025 bytes" in rejected["reason"]
    assert cloud.keys == {"good": 1}


def test_a_header_that_does_not_fit(syncmux: Syncmux, cloud: Clouds) -> None:
    done = syncmux("trigger", syncmux.file("m.csv", "gateway_id,index_id,path,colour\ngw-1,NFSa,/,red\n"))
    assert done.code == 2
    assert "colour" in done.err
    assert cloud.ledger()["calls"] == {}


def test_nothing_usable(syncmux: Syncmux, cloud: Clouds) -> None:
    done = syncmux("trigger", syncmux.file("m.csv", "gateway_id,index_id,path\ngw-1,NFSa,/..\n"))
    assert done.code == 2
    assert len(report(syncmux)) == 1


def test_one_manifest_that_cannot_be_read_among_others(syncmux: Syncmux, cloud: Clouds) -> None:
    done = syncmux("trigger", "none.jsonl", syncmux.file("good.jsonl", GOOD), "--json")
    assert done.code == 3
    assert "none.jsonl" in done.err
    assert done.summary["unreadable"] == ["none.jsonl"]
    assert cloud.directories == {"gw-1|NFSa|/good": 1}
    assert report(syncmux)[0]["file"] == "none.jsonl"


def test_what_was_rejected_earlier_still_counts_until_it_is_mended(syncmux: Syncmux, cloud: Clouds) -> None:
    manifest = syncmux.file("m.jsonl", GOOD + "{}\n")
    assert syncmux("trigger", manifest).code == 3
    again = syncmux("trigger", manifest)
    assert again.code == 3
    assert "2 of 2 done earlier" in again.out
    assert "m.jsonl:2" in again.out
    mended = syncmux("trigger", syncmux.file("m.jsonl", GOOD))
    assert mended.code == 0
    assert not (syncmux.directory / ".syncmux/backlog.db.rejected.jsonl").exists()
    assert cloud.directories == {"gw-1|NFSa|/good": 1}


def test_an_empty_manifest_is_no_failure(syncmux: Syncmux) -> None:
    assert syncmux("trigger", syncmux.file("m.jsonl", "")).code == 0
