"""What a run has done, as text for people and as JSON for programs. Pure: counts in, words out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

MOST_NAMED = 10  # failures and rejections that are shown by name


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of input, by what became of them. All but the first two happened this time."""

    earlier: int = 0  # ended in runs before this one
    left: int = 0  # accepted by runs before this one, and not ended when this one began
    read: int = 0
    succeeded: int = 0
    accepted: int = 0
    failed: int = 0
    rejected: int = 0
    repeated: int = 0

    @property
    def total(self) -> int:
        """What is known of so far."""
        return self.earlier + self.left + self.read

    @property
    def ended(self) -> int:
        return self.succeeded + self.accepted + self.failed + self.rejected + self.repeated

    @property
    def done(self) -> int:
        return self.earlier + self.ended

    def __add__(self, other: Rows) -> Rows:
        return Rows(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Rows)))


@dataclass(frozen=True, slots=True)
class Lane:
    """What one lane has done."""

    name: str
    cloud: str
    operation: str
    starts: bool  # its calls start work; else they ask about it
    calls: int = 0
    throttled: int = 0
    busy: int = 0
    failed: int = 0
    told: int = 0  # running tasks that answers told of
    in_flight: int = 0
    answered: int = 0
    last_error: str = ""  # if its last call failed
    trouble: str = ""  # while its cloud cannot be worked with: why, and what comes next

    @property
    def retries(self) -> int:
        return self.throttled + self.busy + self.failed

    def after(self, earlier: Lane) -> Lane:
        """This lane, with what it did in an earlier run."""
        summed = ("calls", "throttled", "busy", "failed", "told", "answered")
        return replace(self, **{name: getattr(self, name) + getattr(earlier, name) for name in summed})


@dataclass(frozen=True, slots=True)
class Share:
    """What one cloud has done of it."""

    noun: str  # what its rows are called
    polled: bool  # whether it can be asked how its work ends
    rows: int = 0
    jobs: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything there is to tell at one moment."""

    elapsed_s: float
    rows: Rows
    complete: bool  # all input was read, so that the total is the total
    lanes: Sequence[Lane] = ()
    tasks: int = 0  # running
    shares: Mapping[str, Share] = field(default_factory=dict)  # by cloud

    @property
    def retries(self) -> int:
        return sum(lane.retries for lane in self.lanes)

    @property
    def throttled(self) -> int:
        return sum(lane.throttled for lane in self.lanes)

    @property
    def saved_by_batching(self) -> int:
        """Calls that one call per row would have cost on top, not counting its retries."""
        calls: dict[str, int] = {}
        for lane in self.lanes:
            if lane.starts:
                calls[lane.cloud] = calls.get(lane.cloud, 0) + lane.calls
        batched = [(cloud, share) for cloud, share in self.shares.items() if share.rows > share.jobs]
        return sum(max(0, share.rows - calls.get(cloud, 0)) for cloud, share in batched)

    @property
    def saved_by_polling(self) -> int:
        """Calls that asking for every task by itself, as often, would have cost on top."""
        return sum(max(0, lane.told - lane.calls) for lane in self.lanes if not lane.starts)


def merged(earlier: Iterable[Lane], lanes: Iterable[Lane]) -> list[Lane]:
    """Lanes of several runs, each name once."""
    known = {lane.name: lane for lane in earlier}
    for lane in lanes:
        known[lane.name] = lane.after(known[lane.name]) if lane.name in known else lane
    return list(known.values())


def done_earlier(now: Snapshot) -> str:
    whole = f"{now.rows.total:,}" if now.complete else f"at least {now.rows.total:,}"
    return f"{now.rows.earlier:,} of {whole} done earlier"


def counts(now: Snapshot) -> str:
    """How far the rows are: ``18,400/50,000``."""
    return f"{now.rows.done:,}/{now.rows.total:,}{'' if now.complete else ' read so far'}"


def activity(now: Snapshot, before: Snapshot) -> str:
    """What happens at the moment, by what changed since a moment before."""
    passed_s = max(1e-3, now.elapsed_s - before.elapsed_s)
    calls = {lane.name: lane.calls for lane in before.lanes}
    rates = [
        f"{lane.name} {max(0, lane.calls - calls.get(lane.name, 0)) / passed_s:,.1f}/s"
        for lane in now.lanes
        if lane.calls
    ]
    others = (
        (sum(lane.in_flight for lane in now.lanes), "in flight"),
        (now.tasks, "tasks running"),
        (now.retries, "retries"),
        (now.throttled, "throttled"),
        (now.rows.failed, "failed"),
        (now.rows.rejected, "rejected"),
    )
    return ", ".join([*rates, *(f"{number:,} {what}" for number, what in others if number)])


def troubles(now: Snapshot, before: Snapshot) -> list[str]:
    """Why lanes get nowhere. One failure among answers is nothing to speak of."""
    answered = {lane.name: lane.answered for lane in before.lanes}
    told = []
    for lane in now.lanes:
        if lane.trouble:
            told.append(f"{lane.name}: {lane.trouble}")
        elif lane.last_error and lane.answered == answered.get(lane.name, 0):
            told.append(f"{lane.name}: {lane.last_error}; trying again")
    return told


def progress_json(now: Snapshot, before: Snapshot) -> dict[str, Any]:
    passed_s = max(1e-3, now.elapsed_s - before.elapsed_s)
    calls = {lane.name: lane.calls for lane in before.lanes}
    lanes = [
        asdict(lane) | {"calls_per_s": round(max(0, lane.calls - calls.get(lane.name, 0)) / passed_s, 2)}
        for lane in now.lanes
    ]
    return {**_counts_json(now), "tasks_running": now.tasks, "lanes": lanes}


def summary(now: Snapshot) -> list[str]:
    """What became of everything, a line each."""
    rows = now.rows
    lines = [done_earlier(now)] if rows.earlier else []
    proof = all(share.polled for share in now.shares.values())
    accepted = "was not waited for" if proof else "it offers no per-object proof"
    for number, what in (
        (rows.succeeded, "succeeded"),
        (rows.accepted, f"accepted by the cloud; {accepted}"),
        (rows.failed, "failed"),
        (rows.rejected, "rejected: these rows cannot be used"),
        (rows.repeated, "repeated: the same work is in the backlog already"),
        (rows.total - rows.done, "left"),
    ):
        if number:
            lines.append(f"{number:>10,} {what}")
    if not rows.total:
        lines.append("no rows")
    calls = [lane for lane in now.lanes if lane.calls]
    if rows.ended or calls:
        nouns = " and ".join(sorted(share.noun for share in now.shares.values()))
        lines.append(f"{rows.ended:>10,} {nouns or 'rows'} in {now.elapsed_s:,.1f} s")
    elapsed_s = max(1e-3, now.elapsed_s)
    lines += [f"{lane.calls:>10,} calls of {lane.name}, {lane.calls / elapsed_s:,.1f}/s" for lane in calls]
    if calls:
        lines.append(f"{now.retries:>10,} retries, {now.throttled:,} of them throttled")
    for number, what in ((now.saved_by_batching, "batching"), (now.saved_by_polling, "shared polling")):
        if number:
            lines.append(f"{number:>10,} calls saved by {what}")
    return lines


def summary_json(now: Snapshot) -> dict[str, Any]:
    calls: dict[str, int] = {}
    for lane in now.lanes:
        calls[lane.operation] = calls.get(lane.operation, 0) + lane.calls
    return {
        **_counts_json(now),
        "calls": calls,
        "saved_by_batching": now.saved_by_batching,
        "saved_by_polling": now.saved_by_polling,
        "calls_per_s": {lane.name: round(lane.calls / max(1e-3, now.elapsed_s), 2) for lane in now.lanes if lane.calls},
    }


def _counts_json(now: Snapshot) -> dict[str, Any]:
    rows = now.rows
    return {
        "total": rows.total,
        "complete": now.complete,
        "done": rows.done,
        "done_earlier": rows.earlier,
        "left": rows.total - rows.done,
        "succeeded": rows.succeeded,
        "accepted": rows.accepted,
        "failed": rows.failed,
        "rejected": rows.rejected,
        "repeated": rows.repeated,
        "retries": now.retries,
        "throttled": now.throttled,
        "duration_s": round(now.elapsed_s, 3),
    }


def named(row: tuple[str, ...]) -> dict[str, str]:
    """A row with the names of its columns."""
    columns: Sequence[str] = getattr(row, "_fields", ())
    return dict(zip(columns, row, strict=True))


def label(row: tuple[str, ...]) -> str:
    """A row for people: its values, without the account that it belongs to anyhow."""
    return ",".join(value for column, value in named(row).items() if value and column != "account")[:200]
