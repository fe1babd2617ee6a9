"""`syncmux express-sync`: groups created once, shares in and out of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .conftest import Clouds, Syncmux

BUCKET = ["--bucket-region", "cn-hangzhou", "--bucket-name", "bucket-1"]
CREATE = ["express-sync", "create", "group-1", *BUCKET]


@pytest.fixture
def groups(syncmux: Syncmux, cloud: Clouds) -> Iterator[Syncmux]:
    yield syncmux
    cloud.clear()
    for event in syncmux("express-sync", "list", "--json").events:
        assert syncmux("express-sync", "delete", event["express_sync"]["express_sync_id"], "--wait").code == 0


def created(groups: Syncmux) -> str:
    (event,) = groups("--json", *CREATE).events
    return str(event["id"])


def test_the_same_create_twice_gives_the_same_and_says_so(groups: Syncmux, cloud: Clouds) -> None:
    first, second = groups(*CREATE), groups(*CREATE, "--wait")
    assert (first.code, second.code) == (0, 0)
    assert "created" in first.out
    assert "exists already" in second.out
    assert first.out.split()[3] == second.out.split()[3]
    assert groups(*CREATE, "--no-if-not-exists").code == 1
    other = groups("express-sync", "create", "group-1", "--bucket-region", "cn-hangzhou", "--bucket-name", "bucket-2")
    assert (other.code, "DuplicateExpressSyncName" in other.err) == (1, True)
    assert cloud.ledger()["creates"] == {"CreateExpressSync|group-1": 1}


def test_a_create_whose_answer_is_lost_is_found(groups: Syncmux, cloud: Clouds) -> None:
    cloud.set(operations={"CreateExpressSync": {"truncate": 1.0}})
    done = groups(*CREATE)
    assert done.code == 0
    assert "the answer was lost" in done.out
    assert cloud.ledger()["creates"] == {"CreateExpressSync|group-1": 1}


def test_shares_join_and_leave(groups: Syncmux) -> None:
    group = created(groups)
    added = groups("express-sync", "add-shares", group, "gw-1/a b", "gw-1/c", "gw-2/d", "--wait", "--json")
    assert [(event["event"], event.get("reached")) for event in added.events] == [("change", None), ("end", True)]
    assert "already" in groups("express-sync", "add-shares", group, "gw-2/d").out
    listed = groups("express-sync", "shares", group, "--json").events
    assert {(e["share"]["gateway_id"], e["share"]["share_name"]) for e in listed} == {
        ("gw-1", "a b"), ("gw-1", "c"), ("gw-2", "d"),
    }  # fmt: skip
    assert groups("express-sync", "remove-shares", group, "gw-1/c", "--wait").code == 0
    assert "gw-1/c" not in groups("express-sync", "shares", group).out
    assert groups("express-sync", "delete", group, "--wait").code == 0
    gone = groups("express-sync", "delete", group)
    assert (gone.code, gone.out) == (0, f"{group} is not there\n")


def test_a_task_that_fails_and_one_that_takes_too_long(groups: Syncmux, cloud: Clouds) -> None:
    group = created(groups)
    cloud.set(task_fail=1.0, task_s=0.05)
    assert groups("express-sync", "add-shares", group, "gw-1/a", "--wait").code == 3
    cloud.set(task_s=3.0)
    late = groups("express-sync", "add-shares", group, "gw-1/b", "--wait", "--timeout", "0.01")
    assert (late.code, "not yet" in late.out) == (1, True)
    cloud.clear()


def test_a_configuration_is_validated(groups: Syncmux) -> None:
    assert groups("express-sync", "validate", "group-1", *BUCKET).code == 0
    created(groups)
    done = groups("express-sync", "validate", "group-1", *BUCKET)
    assert (done.code, "DuplicateExpressSyncName" in done.out) == (1, True)
    listed = groups("express-sync", "list", "--bucket-name", "bucket-1")
    assert "group-1 cn-hangzhou bucket-1/" in listed.out
    assert groups("express-sync", "list", "--bucket-name", "bucket-2", "--quiet").out == ""


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["express-sync", "create", "1st", *BUCKET], "must start with a letter"),
        (["express-sync", "create", "g"], "--bucket-region"),
        (["express-sync", "add-shares", "sync-1", "gw-1"], "GATEWAY_ID/SHARE_NAME"),
        (["express-sync", "add-shares", "sync-1"], "gateway"),
        (["express-sync", "shares"], "express_sync_ids"),
        (["express-sync", "list", "--bucket-prefix", "a"], "bucket_name"),
    ],
)
def test_what_is_wrong_is_named(syncmux: Syncmux, arguments: list[str], named: str) -> None:
    done = syncmux(*arguments)
    assert done.code == 2
    assert named in done.err


def test_a_dry_run_sends_nothing(syncmux: Syncmux, cloud: Clouds) -> None:
    done = syncmux("--dry-run", *CREATE)
    assert (done.code, "bucket_name: bucket-1" in done.out) == (0, True)
    assert cloud.ledger()["calls"] == {}
