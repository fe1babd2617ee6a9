"""What scripts may do to an engine, right or wrong, and what they are told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio.lowlevel import checkpoint

from engine import ConfigError, Engine, Manifest, Options, Outcome, Push, Trigger
from engine.clouds.alibaba.operations import DescribeGateways
from engine.model import State
from tests.engine.conftest import Clouds

FAST = 2000.0


def directories(number: int, name: str = "d") -> list[Trigger]:
    return [Trigger(f"gw-{i % 10}", "NFSshare", f"/{name}/{i}") for i in range(number)]


async def outcomes(running: AsyncGenerator[Outcome, None], listed: list[Outcome] | None = None) -> list[Outcome]:
    """What a run tells; also in `listed`, where that much is known when it raises."""
    listed = [] if listed is None else listed
    async for outcome in running:
        listed.append(outcome)
    return listed


async def until(holds: Callable[[], object]) -> None:
    """Let the loop turn until it does; asking the emulator takes a round trip."""
    while not holds():
        await checkpoint()


def states(listed: list[Outcome]) -> Counter[str]:
    return Counter(outcome.state for outcome in listed)


def by_row(listed: list[Outcome]) -> dict[Any, list[str]]:
    told: dict[Any, list[str]] = {}
    for outcome in listed:
        told.setdefault(outcome.row[0], []).append(outcome.state)
    return told


# Rows that are known


async def test_a_row_that_waits_already_has_one_outcome_which_is_how_it_ends(clouds: Clouds, tmp_path: Path) -> None:
    task = await clouds.sync_task()
    rows = [Push(f"k{i}", task) for i in range(100)]
    async with Engine([clouds.buckets], tmp_path / "b.db", rate=20) as engine:
        before = []
        async for outcome in engine.run(rows):
            before.append(outcome)
            engine.drain()
    done = {outcome.row[0] for outcome in before}
    assert 0 < len(done) < 100
    clouds.set(reject_keys=[row.key for row in rows])
    async with Engine([clouds.buckets], tmp_path / "b.db", rate=FAST) as engine:
        told = by_row(await outcomes(engine.run(rows)))
        assert engine.current is not None
        assert engine.current.window.live == 0
    assert told == {row.key: ["duplicate"] if row.key in done else ["failed"] for row in rows}


async def test_a_row_that_comes_twice_has_one_outcome(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    clouds.set(reject_keys=["bad"])
    rows = [Push(key, task) for key in ("bad", "good", "bad", "good")]
    async with Engine([clouds.buckets], ":memory:", rate=FAST) as engine:
        assert by_row(await outcomes(engine.run(rows))) == {"bad": ["failed"], "good": ["accepted"]}
        assert engine.current is not None
        assert engine.current.feed.intake.repeated == 2
        assert by_row(await outcomes(engine.run(rows[1:2]))) == {"good": ["duplicate"]}


async def test_a_row_that_comes_again_while_it_is_worked_on_has_one_outcome(clouds: Clouds) -> None:
    clouds.set(task_s=0.3, task_fail=1.0)
    started = asyncio.Event()

    async def rows() -> AsyncIterator[Trigger]:
        yield Trigger("gw-1", "NFSs", "/a")
        await started.wait()
        yield Trigger("gw-1", "NFSs", "/a")

    async def watch() -> None:
        await until(lambda: clouds.ledger()["triggers"])
        started.set()

    async with Engine([clouds.gateways], ":memory:", rate=FAST) as engine, asyncio.TaskGroup() as group:
        group.create_task(watch())
        assert [outcome.state for outcome in await outcomes(engine.run(rows()))] == ["failed"]


async def test_a_row_whose_job_was_divided_is_known_by_how_its_part_stands(clouds: Clouds, tmp_path: Path) -> None:
    """Two of four keys make the cloud refuse their batch; of the parts, one has ended and others have not."""
    task = await clouds.sync_task()
    rows = [Push(key, task) for key in ("a", "bad", "c", "d")]
    clouds.set(reject_keys=["bad"])
    async with Engine([clouds.buckets], tmp_path / "b.db", rate=3) as engine:
        async for outcome in engine.run(rows):
            if outcome.ok:
                break
    clouds.clear()
    async with Engine([clouds.buckets], tmp_path / "b.db", rate=FAST) as engine:
        told = by_row(await outcomes(engine.run(rows)))
    assert {key: len(listed) for key, listed in told.items()} == dict.fromkeys(("a", "bad", "c", "d"), 1)
    assert set(clouds.ledger()["events"].values()) == {1}, "what was told to be done is done, and once"
    assert len(clouds.ledger()["events"]) == 4


async def test_a_task_that_runs_is_no_matter_of_a_run_that_waits_for_none(clouds: Clouds, tmp_path: Path) -> None:
    clouds.set(task_s=3600)
    async with Engine([clouds.gateways], tmp_path / "b.db", rate=FAST) as engine:
        running = asyncio.create_task(outcomes(engine.run(directories(3))))
        await until(lambda: engine.current and sum(each.tasks for each in engine.current.starters.values()) == 3)
        engine.drain()
        assert await running == []
    async with Engine([clouds.gateways], tmp_path / "b.db", rate=FAST, options=Options(wait=False)) as engine:
        told = await outcomes(engine.run(directories(3)))
    assert states(told) == {"accepted": 3}
    assert {outcome.why for outcome in told} == {"the cloud took it earlier"}
    assert all(outcome.task.startswith("t-") for outcome in told)
    assert set(clouds.ledger()["triggers"].values()) == {1}


# One run at a time


async def test_a_second_run_at_the_same_time_is_refused_and_the_first_goes_on(clouds: Clouds) -> None:
    async with Engine([clouds.gateways], ":memory:", rate=200) as engine:
        first = asyncio.create_task(outcomes(engine.run(directories(100, "first"))))
        await until(lambda: clouds.ledger()["triggers"])
        with pytest.raises(RuntimeError, match="one run at a time"):
            await outcomes(engine.run(directories(3, "second")))
        assert states(await first) == {"succeeded": 100}
        assert states(await outcomes(engine.run(directories(3, "second")))) == {"succeeded": 3}
    assert set(clouds.ledger()["triggers"].values()) == {1}


async def test_a_run_in_the_loop_of_another_is_refused(clouds: Clouds) -> None:
    listed = []
    async with Engine([clouds.gateways], ":memory:", rate=FAST) as engine:
        async for outcome in engine.run(directories(50)):
            with pytest.raises(RuntimeError, match="one run at a time"):
                await outcomes(engine.run(directories(1, "inner")))
            listed.append(outcome)
    assert states(listed) == {"succeeded": 50}


async def test_of_two_runs_that_follow_one_that_was_left_one_is_refused(clouds: Clouds) -> None:
    clouds.set(operations={"TriggerGatewayRemoteSync": {"delay_s": 0.1}}, task_s=0.0)
    async with Engine([clouds.gateways], ":memory:", rate=100) as engine:
        async for _ in engine.run(directories(50)):
            break
        two = [outcomes(engine.run(directories(5, name))) for name in ("a", "b")]
        ended, refused = await asyncio.gather(*two, return_exceptions=True)
    assert isinstance(refused, RuntimeError)
    assert not isinstance(ended, BaseException)
    assert set(clouds.ledger()["triggers"].values()) == {1}


async def test_what_a_run_that_was_left_has_in_flight_is_not_sent_again_by_the_next(clouds: Clouds) -> None:
    clouds.set(operations={"TriggerGatewayRemoteSync": {"delay_s": 0.3}}, task_s=0.0)
    options = Options(wait=False)
    async with Engine([clouds.gateways], ":memory:", rate=100, options=options) as engine:
        async for _ in engine.run(directories(100)):
            break
        assert engine.current is not None
        assert sum(lane.in_flight for lane in engine.current.lanes) > 0
        await outcomes(engine.run())
    triggers = clouds.ledger()["triggers"]
    assert len(triggers) == 100
    assert set(triggers.values()) == {1}


async def test_a_run_that_has_ended_may_be_followed_though_its_iterator_is_kept(clouds: Clouds) -> None:
    async with Engine([clouds.gateways], ":memory:", rate=FAST) as engine:
        kept = engine.run(directories(3))
        assert len(await outcomes(kept)) == 3
        assert states(await outcomes(engine.run(directories(3)))) == {"duplicate": 3}


async def test_batches_may_be_left_too(clouds: Clouds) -> None:
    async with Engine([clouds.gateways], ":memory:", rate=FAST) as engine:
        async for _ in engine.endings(directories(50)):
            break
        await outcomes(engine.run())
    assert clouds.ledger()["triggers"].keys() == {f"{row[0]}|{row[1]}|{row[2]}" for row in directories(50)}


# An engine that is not open


async def test_an_engine_that_was_not_entered_says_so(clouds: Clouds) -> None:
    engine = Engine([clouds.gateways], ":memory:")
    with pytest.raises(RuntimeError, match="async with"):
        await outcomes(engine.run(directories(1)))
    with pytest.raises(RuntimeError, match="async with"):
        await engine.do(DescribeGateways(resource_region_id="cn-shanghai"))


async def test_an_engine_that_was_left_says_so(clouds: Clouds) -> None:
    async with Engine([clouds.gateways], ":memory:") as engine:
        pass
    with pytest.raises(RuntimeError, match="async with"):
        await outcomes(engine.run(directories(1)))
    with pytest.raises(RuntimeError, match="async with"):
        await engine.call("alibaba", "DescribeGateways")


async def test_an_engine_that_is_left_while_its_run_goes_on_ends_the_run_well(clouds: Clouds) -> None:
    clouds.set(operations={"TriggerGatewayRemoteSync": {"delay_s": 0.1}})
    async with Engine([clouds.gateways], ":memory:", rate=100, options=Options(wait=False)) as engine:
        running = asyncio.create_task(outcomes(engine.run(directories(1000))))
        await until(lambda: clouds.ledger()["triggers"])
    with pytest.raises(RuntimeError, match="async with"):
        await running


# Rows of the wrong kind


async def test_fields_that_are_no_texts_are_rejected(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    wrong: list[Any] = [
        Push(5, task), Push(None, task), Push(b"x", task), Push("k", 7), Push("k", b"t"), Push("k", [task]),  # type: ignore[arg-type]
        Push("k", task, 1.5), Trigger("gw-1", "NFSa", 5), Trigger(5, "NFSa", "/"), Trigger("gw-1", b"NFSa", "/"),  # type: ignore[arg-type]
    ]  # fmt: skip
    right = [Push("a", task), Push("b", task), Trigger("gw-1", "NFSa", "/ok")]
    rows = [right[0], *wrong[:7], right[1], *wrong[7:], right[2]]
    async with Engine([clouds.gateways, clouds.buckets], ":memory:", rate=FAST) as engine:
        listed = await outcomes(engine.run(rows))
    assert states(listed) == {"accepted": 2, "succeeded": 1, "rejected": len(wrong)}
    rejected = [outcome for outcome in listed if outcome.state == "rejected"]
    assert [outcome.row for outcome in rejected] == wrong
    assert [outcome.why for outcome in rejected] == [
        "key 5 must be a text", "key None must be a text", "key b'x' must be a text",
        "sync_task_id 7 must be a text", "sync_task_id b't' must be a text",
        f"sync_task_id ['{task}'] must be a text", "account 1.5 must be a text",
        "path 5 must be a text", "gateway_id 5 must be a text", "index_id b'NFSa' must be a text",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "field",
    [{"key": 5}, {"key": []}, {"sync_task_id": b"t"}, {"sync_task_id": 7}, {"sync_task_id": {}}, {"account": 1}],
)
async def test_one_such_row_alone(clouds: Clouds, field: dict[str, Any]) -> None:
    row = Push("k", "t")._replace(**field)
    async with Engine([clouds.buckets], ":memory:") as engine:
        (outcome,) = await outcomes(engine.run([row]))
    assert (outcome.row, outcome.state) == (row, "rejected")
    assert next(iter(field)) in outcome.why


async def test_rows_for_a_cloud_without_an_account_are_rejected(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    rows = [Push("a", task), Trigger("gw-1", "NFSa", "/x"), Push("b", task), Trigger("gw-1", "NFSa", "/y", "who")]
    async with Engine([clouds.buckets], ":memory:", rate=FAST) as engine:
        listed = await outcomes(engine.run(rows))
    assert states(listed) == {"accepted": 2, "rejected": 2}
    assert {outcome.why for outcome in listed if outcome.state == "rejected"} == {
        "a Trigger needs an account at alibaba; there is buckets at huawei"
    }


async def test_a_manifest_for_a_cloud_without_an_account_is_an_error(clouds: Clouds, tmp_path: Path) -> None:
    """Its rows are not recorded as rejected: they can be used once there is an account."""
    manifest = tmp_path / "directories.csv"
    manifest.write_text("gateway_id,index_id,path\ngw-1,NFSa,/x\n")
    async with Engine([clouds.buckets], tmp_path / "b.db", rate=FAST) as engine:
        with pytest.raises(ConfigError, match="a Trigger needs an account at alibaba"):
            await outcomes(engine.run(Manifest(manifest, Trigger)))
    async with Engine([clouds.gateways], tmp_path / "b.db", rate=FAST) as engine:
        assert states(await outcomes(engine.run(Manifest(manifest, Trigger)))) == {"succeeded": 1}


async def test_what_is_no_row_is_rejected(clouds: Clouds) -> None:
    task = await clouds.sync_task()
    rows: list[Any] = [Push("a", task), ("x", "y"), "photos/1.jpg", None, Push("b", task)]
    async with Engine([clouds.buckets], ":memory:", rate=FAST) as engine:
        listed = await outcomes(engine.run(rows))
    assert states(listed) == {"accepted": 2, "rejected": 3}
    assert [(outcome.row, outcome.why) for outcome in listed if outcome.state == "rejected"] == [
        (("x", "y"), "tuple is not a kind of row; use Trigger, Push"),
        ("photos/1.jpg", "str is not a kind of row; use Trigger, Push"),
        (None, "NoneType is not a kind of row; use Trigger, Push"),
    ]


# Input that breaks off


class BrokeOffError(Exception):
    pass


def breaks_off(rows: list[Any]) -> Iterator[Any]:
    yield from rows
    raise BrokeOffError("the queue went away")


async def breaks_off_later(rows: list[Any]) -> AsyncIterator[Any]:
    for row in rows:
        yield row
    raise BrokeOffError("the queue went away")


@pytest.mark.parametrize("source", [breaks_off, breaks_off_later])
@pytest.mark.parametrize("number", [0, 1, 120, 2500])
async def test_what_an_input_gave_before_it_broke_off_is_done(clouds: Clouds, source: Any, number: int) -> None:
    task = await clouds.sync_task()
    listed: list[Outcome] = []
    async with Engine([clouds.buckets], ":memory:", rate=FAST) as engine:
        with pytest.raises(BrokeOffError, match="went away"):
            await outcomes(engine.run(source([Push(f"k{i}", task) for i in range(number)])), listed)
        assert await outcomes(engine.run()) == []
    assert states(listed) == ({"accepted": number} if number else {})
    assert set(clouds.ledger()["events"].values()) <= {1}


async def test_an_input_that_broke_off_may_be_left(clouds: Clouds, tmp_path: Path) -> None:
    """Then what it gave is in the backlog."""
    options = Options(wait=False)
    async with Engine([clouds.gateways], tmp_path / "b.db", rate=50, options=options) as engine:
        async for _ in engine.run(breaks_off(directories(80))):
            break
    first = clouds.ledger()["triggers"]
    assert 0 < len(first) < 80
    async with Engine([clouds.gateways], tmp_path / "b.db", rate=FAST, options=options) as engine:
        assert len(await outcomes(engine.run())) == 80 - len(first)
    assert set(clouds.ledger()["triggers"].values()) == {1}


async def test_of_an_input_that_breaks_off_and_an_account_that_stops_the_input_is_told(clouds: Clouds) -> None:
    wrong = clouds.account("wrong", "alibaba", secret="not-the-secret")
    async with Engine([wrong], ":memory:", rate=FAST) as engine:
        with pytest.raises(BrokeOffError):
            await outcomes(engine.run(breaks_off(directories(500))))
        tally = await engine.backlog.tally()
    assert sum(count[State.WAITING].rows for count in tally.values()) == 500
