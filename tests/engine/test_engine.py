"""The engine as a library, against both clouds emulated in another process."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, Limits, Options, Outcome, Push, Trigger, UnauthorizedError
from engine.clouds import TaskPage
from engine.clouds.alibaba import CLOUD as ALIBABA
from engine.errors import BacklogError, ConfigError, ForbiddenError, TargetError
from engine.model import Lane, Reply
from tests.engine.conftest import Clouds

FAST = 2000.0


def directories(number: int, gateways: int = 10) -> list[Trigger]:
    return [Trigger(f"gw-{i % gateways}", "NFSshare", f"/dir/{i}") for i in range(number)]


async def outcomes(engine: Engine, rows: Any, listed: list[Outcome] | None = None) -> list[Outcome]:
    """What became of the rows; also in `listed`, where that much is known when the run raises."""
    listed = [] if listed is None else listed
    async for outcome in engine.run(rows):
        listed.append(outcome)
    return listed


def states(listed: list[Outcome]) -> Counter[str]:
    return Counter(outcome.state for outcome in listed)


async def test_directories_are_followed_to_their_end(clouds: Clouds) -> None:
    async with Engine([clouds.gateways], ":memory:", rate=FAST) as engine:
        listed = await outcomes(engine, directories(200))
    assert states(listed) == {"succeeded": 200}
    assert {outcome.row for outcome in listed} == {row._replace(account="gateways") for row in directories(200)}
    assert all(outcome.task.startswith("t-") for outcome in listed)
    assert set(clouds.ledger()["triggers"].values()) == {1}
    assert clouds.ledger()["calls"]["DescribeTasks"] <= 30


async def test_keys_go_ten_to_a_call_and_end_accepted(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    async with Engine([clouds.buckets], ":memory:", rate=FAST) as engine:
        listed = await outcomes(engine, (Push(f"photos/{i} +%.jpg", task) for i in range(995)))
    assert states(listed) == {"accepted": 995}
    ledger = clouds.ledger()
    assert ledger["events"] == {f"{task}|photos/{i} +%.jpg": 1 for i in range(995)}
    assert ledger["calls"]["CreateSyncEvents"] == 100


async def test_both_kinds_of_rows_in_one_run(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    rows = [*directories(30), *(Push(f"k{i}", task) for i in range(30)), *directories(60)[30:]]
    async with Engine([clouds.gateways, clouds.buckets], ":memory:", rate=FAST) as engine:
        listed = await outcomes(engine, rows)
    assert states(listed) == {"succeeded": 60, "accepted": 30}


async def test_rows_may_come_slowly_from_an_async_source(clouds: Clouds) -> None:
    arrived: list[str] = []
    more = asyncio.Event()

    async def rows() -> AsyncIterator[Trigger]:
        yield Trigger("gw-1", "NFSs", "/first")
        await more.wait()
        yield Trigger("gw-1", "NFSs", "/second")

    async with Engine([clouds.gateways], ":memory:", rate=FAST) as engine:
        async for outcome in engine.run(rows()):
            arrived.append(outcome.row[2])
            more.set()
    assert arrived == ["/first", "/second"]


async def test_rows_are_read_no_faster_than_outcomes_are_taken(clouds: Clouds) -> None:
    read = 0

    def rows() -> Iterator[Trigger]:
        nonlocal read
        for i in range(100_000):
            read += 1
            yield Trigger(f"gw-{i % 5}", "NFSs", f"/{i}")

    options = Options(window=500, wait=False)
    async with Engine([clouds.gateways], ":memory:", rate=FAST, options=options) as engine:
        async for _ in engine.run(rows()):
            break
        assert read <= 5_000


async def test_leaving_the_loop_leaves_nothing_running_and_nothing_half_done(clouds: Clouds) -> None:
    async with Engine([clouds.gateways], ":memory:", rate=200, options=Options(wait=False)) as engine:
        async for _ in engine.run(directories(500)):
            break
        gc.collect()
        started = clouds.ledger()["triggers"]
        async for _ in engine.run():  # what was left is done now, and nothing twice
            pass
        assert len(started) < 500
    assert set(clouds.ledger()["triggers"].values()) == {1}
    assert len(clouds.ledger()["triggers"]) == 500
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_run_can_be_drained_and_taken_up_later(clouds: Clouds, tmp_path: Path) -> None:
    path = tmp_path / "backlog.db"
    clouds.set(task_s=0.3)
    first: list[Outcome] = []
    async with Engine([clouds.gateways], path, rate=300) as engine:
        async for outcome in engine.run(directories(400)):
            first.append(outcome)
            engine.drain()
    async with Engine([clouds.gateways], path, rate=FAST) as engine:
        second = await outcomes(engine, directories(400))
    assert {outcome.row for outcome in second if outcome.state == "duplicate"} == {outcome.row for outcome in first}
    assert len({outcome.row for outcome in second}) == len(second) == 400, "one outcome each"
    ledger = clouds.ledger()["triggers"]
    assert len(ledger) == 400
    assert set(ledger.values()) == {1}, "after a clean stop, never twice"


async def test_tasks_that_a_clock_ahead_has_started_are_given_up_with_their_gateway(
    clouds: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not when that clock's time has come."""

    def gone(_: Reply) -> TaskPage:
        raise TargetError("the gateway does not exist")

    path = tmp_path / "backlog.db"
    clouds.set(task_s=60.0)
    async with Engine([clouds.gateways], path, rate=FAST) as engine:
        running = asyncio.create_task(outcomes(engine, directories(3, gateways=1)))
        with closing(sqlite3.connect(path)) as file:
            started = partial(file.execute, "SELECT count(*) FROM job WHERE state = 1")
            while started().fetchone() != (3,):  # noqa: ASYNC110 - another thread writes it
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait((running,))
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE job SET started = started + 86400")
    monkeypatch.setattr(ALIBABA, "polled", gone)
    async with asyncio.timeout(20), Engine([clouds.gateways], path, rate=FAST) as engine:
        assert states(await outcomes(engine, [])) == {"failed": 3}


async def test_bad_rows_are_told_and_the_run_goes_on(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    bad = [
        Push("", task),
        Push("x" * 1025, task),
        Push("a\0b", task),
        Push("\ud800", task),
        Push("k"),
        Push("k", task, "who"),
    ]
    rows = [*(Push(f"k{i}", task) for i in range(20)), *bad, Push("k3", task)]
    async with Engine([clouds.buckets], ":memory:", rate=FAST) as engine:
        listed = await outcomes(engine, rows)
    assert states(listed) == {"accepted": 20, "rejected": 6}
    rejected = {outcome.row: outcome.why for outcome in listed if outcome.state == "rejected"}
    assert set(rejected) == set(bad)
    assert "1,025 bytes" in rejected[bad[1]]
    assert "who" in rejected[bad[5]]


async def test_one_poison_key_does_not_take_others_with_it(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    clouds.set(reject_keys=["photos/517.jpg"])
    async with Engine([clouds.buckets], ":memory:", rate=FAST) as engine:
        listed = await outcomes(engine, (Push(f"photos/{i}.jpg", task) for i in range(1000)))
    assert states(listed) == {"accepted": 999, "failed": 1}
    (failed,) = [outcome for outcome in listed if outcome.state == "failed"]
    assert failed.row == Push("photos/517.jpg", task, "buckets")
    assert failed.code
    assert len(clouds.ledger()["events"]) == 999


@pytest.mark.parametrize("state", ["missing", "stopped"])
async def test_a_sync_task_that_cannot_work_fails_its_keys_without_a_call_for_each(clouds: Clouds, state: str) -> None:
    task = await clouds.sync_task() if state == "stopped" else "no-such-task"
    if state == "stopped":
        await clouds.stop_sync_task(task)
    async with Engine([clouds.buckets], ":memory:", rate=FAST) as engine:
        listed = await outcomes(engine, (Push(f"k{i}", task) for i in range(3000)))
    assert states(listed) == {"failed": 3000}
    assert clouds.ledger()["calls"].get("CreateSyncEvents", 0) == 0


async def test_a_failed_task_fails_its_row_with_the_clouds_reason(clouds: Clouds) -> None:
    clouds.set(task_fail=1.0, task_s=0.05)
    async with Engine([clouds.gateways], ":memory:", rate=FAST) as engine:
        (outcome,) = await outcomes(engine, directories(1))
    assert outcome.state == "failed"
    assert "remote_sync" in outcome.why
    assert not outcome.ok


async def test_wrong_credentials_stop_the_account_at_once(clouds: Clouds) -> None:
    wrong = clouds.account("wrong", "alibaba", secret="not-the-secret")
    async with Engine([wrong, clouds.gateways], ":memory:", rate=50) as engine:
        rows = [*(row._replace(account="wrong") for row in directories(500)), *directories(20)]
        rows = [row._replace(account=row.account or "gateways") for row in rows]
        listed: list[Outcome] = []
        with pytest.raises(UnauthorizedError) as caught:
            await outcomes(engine, rows, listed)
    assert states(listed) == {"succeeded": 20}, "the other account's work is done"
    assert caught.value.code == "SignatureDoesNotMatch"
    assert "not-the-secret" not in str(caught.value)
    assert clouds.ledger()["calls"].get("TriggerGatewayRemoteSync", 0) <= 22


async def test_a_gateway_that_the_key_has_no_rights_to_stops_no_other(clouds: Clouds) -> None:
    """Also where it is the first that is tried, and where most of the rows name it."""
    clouds.set(task_s=0.05, forbidden=["gw-0"])
    rows = [*(Trigger("gw-0", "NFSshare", f"/dir/{i}") for i in range(300)), *directories(100)]
    async with Engine([clouds.gateways], ":memory:", rate=FAST) as engine:
        listed = await outcomes(engine, rows)
    assert states(listed) == {"failed": 300, "succeeded": 90}, "ten rows are there twice"
    failed = [outcome for outcome in listed if outcome.state == "failed"]
    assert {(outcome.row[0], outcome.code) for outcome in failed} == {("gw-0", "Forbidden.RAM")}
    assert clouds.ledger()["calls"]["TriggerGatewayRemoteSync"] < 90 + 15


@pytest.mark.parametrize("rows", [30, 3000])
async def test_a_key_without_any_rights_is_told_of_once_by_each_target(clouds: Clouds, rows: int) -> None:
    """Also when there is more than the window holds."""
    clouds.set(forbidden=["TriggerGatewayRemoteSync"])
    async with Engine([clouds.gateways], ":memory:", rate=FAST, options=Options(window=1000)) as engine:
        listed: list[Outcome] = []
        with pytest.raises(ForbiddenError) as caught:
            await outcomes(engine, directories(rows), listed)
        assert (listed, caught.value.code) == ([], "Forbidden.RAM")
        assert clouds.ledger()["calls"]["TriggerGatewayRemoteSync"] == 10
        clouds.set(task_s=0.05)
        assert states(await outcomes(engine, [])) == {"succeeded": rows}


async def test_rows_behind_a_window_full_of_what_is_forbidden_are_reached(clouds: Clouds) -> None:
    clouds.set(task_s=0.05, forbidden=["gw-0"])
    rows = [*(Trigger("gw-0", "NFSshare", f"/dir/{i}") for i in range(3500)), *directories(100)[1::10]]
    async with Engine([clouds.gateways], ":memory:", rate=FAST, options=Options(window=1000)) as engine:
        assert states(await outcomes(engine, rows)) == {"failed": 3500, "succeeded": 10}
        assert clouds.ledger()["calls"]["TriggerGatewayRemoteSync"] == 11


async def test_a_key_that_may_start_and_not_look_is_told_of(clouds: Clouds) -> None:
    clouds.set(task_s=0.05, forbidden=["DescribeTasks"])
    async with Engine([clouds.gateways], ":memory:", rate=FAST) as engine:
        with pytest.raises(ForbiddenError):
            await outcomes(engine, directories(10, gateways=1))
        assert clouds.ledger()["calls"]["DescribeTasks"] == 1


async def test_a_wrong_key_is_told_once_however_much_there_is_to_do(clouds: Clouds) -> None:
    """Huawei locks a key after a few refusals in a row."""
    project = {"project_id": "p"}
    for account in (
        clouds.account("gateways", "alibaba", secret="not-the-secret"),
        clouds.account("buckets", "huawei", secret="not-the-secret", settings=project),
    ):
        rows = directories(100) if account.cloud == "alibaba" else [Push("k", f"task-{i}") for i in range(100)]
        before = sum(clouds.ledger()["refused"].values())
        async with Engine([account], ":memory:", rate=FAST) as engine:
            with pytest.raises(UnauthorizedError):
                await outcomes(engine, rows)
        assert sum(clouds.ledger()["refused"].values()) - before == 1


async def test_an_account_that_stopped_does_not_keep_the_run_from_its_end(clouds: Clouds) -> None:
    """Also when its jobs fill the window, so that the input is never read to its end."""
    wrong = clouds.account("wrong", "alibaba", secret="not-the-secret")
    rows = [row._replace(account="wrong") for row in directories(3000)]
    async with Engine([wrong, clouds.gateways], ":memory:", rate=50, options=Options(window=1000)) as engine:
        with pytest.raises(UnauthorizedError):
            await outcomes(engine, rows)


async def test_nor_if_its_jobs_come_later(clouds: Clouds) -> None:
    wrong = clouds.account("wrong", "alibaba", secret="not-the-secret")
    async with Engine([wrong, clouds.gateways], ":memory:", rate=50, options=Options(window=1000)) as engine:

        async def rows() -> AsyncIterator[Trigger]:
            for number, row in enumerate(directories(3000)):
                while number == 1 and not (engine.current and engine.current.stopped):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                yield row._replace(account="wrong")

        with pytest.raises(UnauthorizedError):
            await outcomes(engine, rows())


async def test_a_crawling_account_does_not_slow_the_other(clouds: Clouds) -> None:
    slow, fast = clouds.account("slow", "alibaba", "second"), clouds.gateways
    clouds.set(rate={"second-ak": 2}, task_s=0.0)
    rows = [row._replace(account=name) for row in directories(600) for name in ("slow", "gateways")]
    seen: Counter[str] = Counter()
    async with Engine([slow, fast], ":memory:", rate=300, options=Options(wait=False)) as engine:
        began = asyncio.get_running_loop().time()
        async for outcome in engine.run(rows):
            seen[outcome.row[3]] += 1
            if seen["gateways"] == 600:
                break
        took_s = asyncio.get_running_loop().time() - began
    assert seen["slow"] < 100
    assert took_s < 600 / 300 * 1.25


async def test_nothing_is_lost_or_called_a_success_by_mistake(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    faults = ["throttle", "unavailable", "error_500", "reset_before", "reset_after", "truncate", "html"]
    faults += ["empty", "success_false", "nonce_used", "busy"]
    clouds.set(**dict.fromkeys(faults, 0.03), task_s=0.05, seed=7)
    options = Options(limits=Limits(max_attempts=20, backoff_s=0.02))
    rows = [*directories(300), *(Push(f"k{i}", task) for i in range(3000))]
    async with Engine([clouds.gateways, clouds.buckets], ":memory:", rate=FAST, options=options) as engine:
        listed = await outcomes(engine, rows)
    assert states(listed) == {"succeeded": 300, "accepted": 3000}
    ledger = clouds.ledger()
    assert len(ledger["triggers"]) == 300
    assert len(ledger["events"]) == 3000


async def test_gateways_that_do_one_thing_at_a_time_are_not_hammered(clouds: Clouds) -> None:
    clouds.set(gateway_slots=1, task_s=0.0)
    async with Engine([clouds.gateways], ":memory:", rate=FAST) as engine:
        listed = await outcomes(engine, directories(40, gateways=4))
    assert states(listed) == {"succeeded": 40}
    assert clouds.ledger()["calls"]["TriggerGatewayRemoteSync"] < 120


async def test_jobs_without_waiting_end_when_the_cloud_has_taken_them(clouds: Clouds) -> None:
    clouds.set(task_s=3600)
    async with Engine([clouds.gateways], ":memory:", rate=FAST, options=Options(wait=False)) as engine:
        listed = await outcomes(engine, directories(20))
    assert states(listed) == {"accepted": 20}
    assert all(outcome.task for outcome in listed)
    assert "DescribeTasks" not in clouds.ledger()["calls"]


async def test_a_backlog_has_one_owner(clouds: Clouds, tmp_path: Path) -> None:
    async with Engine([clouds.gateways], tmp_path / "b.db"):
        with pytest.raises(BacklogError, match="in use by process"):
            async with Engine([clouds.gateways], tmp_path / "b.db"):
                pass


async def test_a_project_that_iam_cannot_tell_is_asked_for(clouds: Clouds) -> None:
    account = clouds.account("buckets", "huawei")
    nowhere = type(account)(account.name, account.cloud, "", account.credentials, account.endpoints)
    async with Engine([nowhere], ":memory:") as engine:
        with pytest.raises(ConfigError, match="project_id"):
            await outcomes(engine, [Push("k", "t")])


async def test_a_cloud_that_is_not_there_is_given_up_in_the_end(clouds: Clouds) -> None:
    account = clouds.account("gateways", "alibaba")
    dead = type(account)(
        account.name, account.cloud, account.region, account.credentials, {"sgw": "http://127.0.0.1:9"}
    )
    options = Options(limits=Limits(give_up_s=0.2, backoff_s=0.02))
    async with Engine([dead], ":memory:", rate=FAST, options=options) as engine:
        with pytest.raises(Exception, match="cannot connect to"):
            await outcomes(engine, directories(50))
        tally = await engine.backlog.tally()
    left: Counter[str] = Counter()
    for found in tally.values():
        left.update({state.name: count.jobs for state, count in found.items()})
    assert left["WAITING"] + left["FAILED"] == 50
    assert left["WAITING"] >= 40, "an outage does not use up the jobs' attempts"


async def test_an_account_that_stopped_ends_the_run_though_its_input_stays_open(clouds: Clouds) -> None:
    wrong = clouds.account("wrong", "alibaba", secret="not-the-secret")
    closed = asyncio.Event()

    async def rows() -> AsyncIterator[Trigger]:
        try:
            yield Trigger("gw-1", "NFSs", "/a")
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with Engine([wrong], ":memory:", rate=50) as engine:
        with pytest.raises(UnauthorizedError):
            await outcomes(engine, rows())
        assert closed.is_set()


async def test_an_account_that_cannot_be_prepared_does_not_stop_another(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    nowhere = replace(clouds.account("nowhere", "huawei"), region="")
    rows = [Push("lost", "t", "nowhere"), *(Push(f"k{i}", task, "buckets") for i in range(100))]
    listed: list[Outcome] = []
    async with Engine([nowhere, clouds.buckets], ":memory:", rate=FAST) as engine:
        with pytest.raises(ConfigError, match="project_id"):
            await outcomes(engine, rows, listed)
    assert states(listed) == {"accepted": 100}


async def test_an_error_of_the_callers_rows_is_the_callers_own(clouds: Clouds) -> None:
    def rows() -> Iterator[Trigger]:
        yield Trigger("gw-1", "NFSs", "/a")
        raise KeyError("mine")

    async with Engine([clouds.gateways], ":memory:", rate=FAST) as engine:
        with pytest.raises(KeyError, match="mine"):
            await outcomes(engine, rows())


async def test_a_part_that_is_known_from_elsewhere_has_an_outcome_all_the_same(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    clouds.set(reject_keys=["bad"])
    async with Engine([clouds.buckets], ":memory:", rate=FAST) as engine:
        await outcomes(engine, [Push("good", task)])
        listed = await outcomes(engine, [Push("good", task), Push("bad", task)])
        assert engine.current is not None
        assert engine.current.window.live == 0
    assert {outcome.row[0]: outcome.state for outcome in listed} == {"good": "accepted", "bad": "failed"}


async def test_what_is_learnt_of_a_cloud_is_kept_while_the_run_goes_on(
    clouds: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon's run lasts for months, and may end by SIGKILL."""
    monkeypatch.setattr("engine.run.REMEMBER_EVERY_S", 0.01)
    lane = Lane("alibaba", clouds.gateways.name, "TriggerGatewayRemoteSync")
    kept: list[str | None] = []

    async with Engine([clouds.gateways], tmp_path / "backlog.db") as engine:

        async def rows() -> AsyncIterator[Trigger]:
            yield Trigger("gw-1", "NFSs", "/first")
            for _ in range(200):
                await asyncio.sleep(0.01)
                kept.append(await engine.backlog.recall(f"rate {lane}"))
                if kept[-1]:
                    break

        assert [outcome.state async for outcome in engine.run(rows())] == ["succeeded"]
    assert kept[-1]
    assert float(kept[-1]) > 0
