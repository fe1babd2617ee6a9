"""Polling against a simulated target: what is asked, how often, and what is made of strange answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clouds import TaskPage, TaskState
from engine.model import Job, Target
from engine.polling import LOST_AFTER_S, Ask, Ended, Typical, Watch

TARGET = Target("cloud", "account", "gw-1")
PAGE = 50
DAY_S = 86_400.0


def job(number: int, started_at: float = 0.0) -> Job:
    return Job(bytes(16), TARGET, b"", id=number, task=f"t-{number}", started_at=started_at)


@dataclass
class Gateway:
    """A cloud that lists its tasks newest first, and tells how long the ended ones took."""

    took: dict[str, tuple[float, float]] = field(default_factory=dict)  # task -> when it began, how long it takes
    hidden: set[str] = field(default_factory=set)
    calls: int = 0

    def answer(self, ask: Ask, now: float) -> TaskPage:
        self.calls += 1
        listed = [self.state(task, now) for task in reversed(self.took) if task not in self.hidden]
        if ask.task:
            listed = [state for state in listed if state.task == ask.task]
        start = (ask.page - 1) * PAGE
        return TaskPage(listed[start : start + PAGE], len(listed))

    def state(self, task: str, now: float) -> TaskState:
        began, takes = self.took[task]
        done = now >= began + takes
        return TaskState(task, True if done else None, duration_s=takes if done else None)


def sweep(watch: Watch, gateway: Gateway, now: float) -> list[Ended]:
    ended: list[Ended] = []
    while ask := watch.ask(now):
        ended += watch.heard(ask, gateway.answer(ask, now), now)
    return ended


def follow(watch: Watch, gateway: Gateway, *, until: float, more: bool = False) -> dict[str, float]:
    """Poll when due; returns when each task's end was noticed."""
    noticed: dict[str, float] = {}
    now = 0.0
    while now < until and (due := watch.due(more=more, blocked=False)) is not None:
        now = max(now, due)
        for job_, state in sweep(watch, gateway, now):
            assert state is not None
            noticed[job_.task] = now
    return noticed


def watched(gateway: Gateway, number: int, takes: float, apart: float = 0.0) -> Watch:
    watch = Watch(Typical(), PAGE)
    for i in range(number):
        gateway.took[f"t-{i}"] = (i * apart, takes)
        watch.add(job(i, i * apart))
    return watch


def test_one_task_is_asked_for_by_its_id() -> None:
    gateway = Gateway()
    watch = watched(gateway, 1, takes=1.0)
    assert watch.ask(5.0) == Ask("t-0", 1)


def test_pages_answer_for_many_tasks() -> None:
    gateway = Gateway()
    watch = watched(gateway, 100, takes=1.0)
    assert len(sweep(watch, gateway, 5.0)) == 100
    assert gateway.calls == 2


def test_every_end_is_seen_for_few_calls() -> None:
    gateway = Gateway()
    watch = watched(gateway, 100, takes=5.0, apart=0.2)
    noticed = follow(watch, gateway, until=500.0)
    assert len(noticed) == 100
    assert gateway.calls <= 15


def test_an_end_is_noticed_soon_after_the_usual_time() -> None:
    typical = Typical()
    typical.saw(30.0)
    gateway = Gateway(took={"t-0": (0.0, 30.0)})
    watch = Watch(typical, PAGE)
    watch.add(job(0))
    assert follow(watch, gateway, until=1000.0)["t-0"] <= 35.0
    assert gateway.calls == 1


def test_long_tasks_are_asked_about_ever_more_rarely() -> None:
    gateway = Gateway()
    watch = watched(gateway, 1, takes=3600.0)
    noticed = follow(watch, gateway, until=10_000.0)
    assert noticed["t-0"] <= 3600.0 + 61.0
    assert gateway.calls < 100


@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize("tasks", [100, 200, 2000])
def test_ends_far_apart_are_noticed_ten_seconds_late_at_most_and_by_few_calls(tasks: int, more: bool) -> None:
    gateway = Gateway()
    watch = Watch(Typical(), PAGE)
    for i in range(tasks):
        gateway.took[f"t-{i}"] = (0.0, 20.0 + 40 * (i * 7919 % tasks) / tasks)
        watch.add(job(i))
    noticed = follow(watch, gateway, until=500.0, more=more)
    assert max(noticed[task] - took for task, (_, took) in gateway.took.items()) <= 10.0
    assert gateway.calls <= 0.05 * 4.5 * tasks  # of what a call for each of them every ten seconds comes to


@pytest.mark.parametrize("per_s", [1.0, 2.5, 10.0])
def test_while_tasks_are_started_all_the_time_few_calls_are_enough(per_s: float) -> None:
    gateway, chance = Gateway(), Random(1)
    watch, now, late = Watch(Typical(), PAGE), 0.0, []
    for number in range(int(300 * per_s)):
        started = number / per_s
        while (due := watch.due(more=True, blocked=False)) is not None and max(now, due) < started:
            now = max(now, due)
            late += [now - sum(gateway.took[ended.job.task]) for ended in sweep(watch, gateway, now)]
        gateway.took[f"t-{number}"] = (started, chance.uniform(20, 60))
        watch.add(job(number, started))
    assert max(late) <= 10.0
    assert gateway.calls <= 0.05 * 4.5 * len(gateway.took)


def test_a_short_task_after_long_ones_is_noticed_within_a_minute() -> None:
    typical = Typical()
    typical.saw(3600.0)
    gateway = Gateway(took={"t-0": (0.0, 5.0)})
    watch = Watch(typical, PAGE)
    watch.add(job(0))
    assert follow(watch, gateway, until=9000.0)["t-0"] <= 60.0
    gateway.took["t-1"], gateway.calls = (0.0, 7200.0), 0
    watch.add(job(1))
    assert 7200.0 <= follow(watch, gateway, until=9000.0)["t-1"] <= 7260.0
    assert gateway.calls < 180


def test_a_task_that_pages_do_not_show_costs_one_call_a_look() -> None:
    gateway = Gateway(hidden={"t-1"})
    gateway.took["t-1"] = (0.0, 1e9)
    watch = watched(gateway, 1, takes=1e9)
    watch.add(job(1))
    looks = []
    for now in range(10, 2000, 100):
        before = gateway.calls
        while ask := watch.ask(float(now)):
            shown = gateway.answer(ask, now) if ask.task != "t-1" else TaskPage([gateway.state("t-1", now)], 1)
            gateway.calls += ask.task == "t-1"
            watch.heard(ask, shown, now)
        looks.append(gateway.calls - before)
    assert looks[-1] == 2  # one for each task


def test_tasks_that_all_take_as_long_are_looked_at_when_they_end_and_others_before() -> None:
    alike, unlike = Typical(), Typical()
    for number in range(100):
        alike.saw(40.0)
        unlike.saw(20.0 + 40.0 * (number % 2))
    assert alike.least_s == 40.0
    assert 0.5 <= unlike.least_s < 20.0


def test_a_thousand_more_tasks_move_nothing_that_is_due_before_them() -> None:
    watch = watched(Gateway(), 20, takes=5.0, apart=0.1)
    due = watch.due(more=True, blocked=False)
    for number in range(1000):
        watch.add(job(100 + number, 10.0))
    assert watch.due(more=True, blocked=False) == due
    assert watch.due(more=False, blocked=False) != due


@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize("blocked", [False, True])
def test_when_to_look_is_known_without_going_through_all_tasks_after_each_that_is_added(
    more: bool, blocked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, fresh = (watched(Gateway(), 1000, takes=60.0, apart=0.01) for _ in range(2))
    assert watch.due(more=more, blocked=blocked) is not None
    gone_through = SimpleNamespace(times=0)

    class Open(dict[str, Any]):
        def values(self) -> Any:
            gone_through.times += 1
            return super().values()

    monkeypatch.setattr(watch, "_open", Open(watch._open))
    for number in range(100):
        for each in (watch, fresh):
            each.add(job(2000 + number, 100.0 + number))
        assert watch.due(more=not more, blocked=blocked) is not None
        found = watch.due(more=more, blocked=blocked)
    assert gone_through.times == 0
    assert found == fresh.due(more=more, blocked=blocked) or (more and not blocked), (
        "what is worth a look is not counted anew"
    )


def test_while_jobs_wait_for_room_the_first_end_counts() -> None:
    gateway = Gateway()
    watch = watched(gateway, 20, takes=1.0, apart=1.0)
    waiting, blocked = watch.due(more=True, blocked=False), watch.due(more=True, blocked=True)
    assert blocked is not None
    assert waiting is not None
    assert blocked < waiting


@pytest.mark.parametrize("answer", [TaskPage([], 0), TaskPage([], 500), TaskPage([TaskState("t-other", True)], 1)])
def test_an_empty_or_foreign_answer_ends_nothing(answer: TaskPage) -> None:
    watch = watched(Gateway(), 3, takes=1.0)
    for now in (2.0, 4.0, 6.0):
        while ask := watch.ask(now):
            assert watch.heard(ask, answer, now) == []
    assert len(watch) == 3


def test_a_task_the_pages_do_not_show_is_asked_for_alone() -> None:
    gateway = Gateway(hidden={"t-1"})
    watch = watched(gateway, 3, takes=1.0)
    sweep(watch, gateway, 2.0)
    assert len(watch) == 1
    assert watch.ask(4.0) == Ask("t-1", 1)


def test_a_task_is_lost_only_after_several_denials_over_some_time() -> None:
    gateway = Gateway(hidden={"t-0"})
    watch = watched(gateway, 1, takes=1.0)
    lost_at = None
    for now in range(2, 200, 10):
        if sweep(watch, gateway, float(now)):
            lost_at = now
            break
    assert lost_at is not None
    assert lost_at >= LOST_AFTER_S


def test_two_jobs_with_the_same_task_both_end() -> None:
    gateway = Gateway(took={"t-7": (0.0, 1.0)})
    watch = Watch(Typical(), PAGE)
    first, second = job(7), job(7)
    watch.add(first)
    watch.add(second)
    assert [ended.job for ended in sweep(watch, gateway, 5.0)] == [first, second]


def test_a_failed_question_ends_the_sweep_and_postpones_the_next() -> None:
    watch = watched(Gateway(), 3, takes=1.0)
    watch.ask(2.0)
    watch.rest(30.0)
    assert not watch.sweeping
    assert watch.due(more=False, blocked=True) == 30.0


def test_overdue_tasks_are_given_back() -> None:
    watch = watched(Gateway(), 3, takes=1e9, apart=10.0)
    assert [late.task for late in watch.overdue(15.0)] == ["t-0", "t-1"]
    assert len(watch) == 1


def ahead(number: int, takes: float) -> tuple[Watch, Gateway]:
    """A target with tasks that started now, at 0, and by a clock that was ahead in a day."""
    watch, gateway = Watch(Typical(), PAGE), Gateway()
    for i in range(number):
        gateway.took[f"t-{i}"] = (0.0, takes)
        watch.add(job(i, started_at=DAY_S), 0.0)
    return watch, gateway


@pytest.mark.parametrize("tasks", [1, 3])
def test_a_task_that_has_yet_to_start_by_the_clock_is_asked_about_as_rarely_as_others(tasks: int) -> None:
    watch, gateway = ahead(tasks, takes=3600.0)
    noticed = follow(watch, gateway, until=10_000.0)
    assert len(noticed) == tasks
    assert max(noticed.values()) <= 3600.0 + 61.0
    assert gateway.calls < 100


def test_a_task_that_has_yet_to_start_by_the_clock_may_be_lost() -> None:
    watch, gateway = ahead(1, takes=1e9)
    gateway.hidden.add("t-0")
    lost = [now for now in range(2, 200, 10) if sweep(watch, gateway, float(now))]
    assert LOST_AFTER_S <= lost[0] <= LOST_AFTER_S + 10
    assert len(watch) == 0


def test_a_task_that_has_yet_to_start_by_the_clock_has_all_its_time_from_now() -> None:
    watch, gateway = ahead(2, takes=1e9)
    gateway.took |= {f"other-{i}": (1.0 + i, 1e9) for i in range(5 * PAGE)}  # they stand before ours
    assert (sweep(watch, gateway, 10.0), watch.overdue(0.0)) == ([], [])
    assert watch.overdue(1.0) == [], "the pages did not show them, and they are asked for before they are given up"
    assert (sweep(watch, gateway, 20.0), watch.overdue(0.0)) == ([], [])
    assert [(late.task, late.started_at) for late in watch.overdue(1.0)] == [("t-0", DAY_S), ("t-1", DAY_S)]


def test_what_the_pages_did_not_show_is_asked_for_before_it_is_overdue() -> None:
    """Others' tasks stand before those of a weekend ago."""
    gateway, now = Gateway(), 2e6
    watch = watched(gateway, 2, takes=1e9)
    gateway.took |= {f"other-{i}": (1e6 + i, 1e9) for i in range(5 * PAGE)}
    assert (sweep(watch, gateway, now), watch.overdue(now)) == ([], [])
    assert (sweep(watch, gateway, now), [late.task for late in watch.overdue(now)]) == ([], ["t-0", "t-1"])


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.1, 300)), min_size=1, max_size=130))
def test_whatever_the_tasks_every_end_is_seen_in_bounded_calls(tasks: list[tuple[float, float]]) -> None:
    gateway = Gateway({f"t-{i}": times for i, times in enumerate(tasks)})
    watch = Watch(Typical(), PAGE)
    for i, (began, _) in enumerate(tasks):
        watch.add(job(i, began))
    noticed = follow(watch, gateway, until=5000.0)
    assert len(noticed) == len(tasks)
    assert all(noticed[task] >= sum(times) for task, times in gateway.took.items())
    assert gateway.calls <= 60 + 4 * len(tasks)
