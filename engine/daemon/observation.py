"""What can be seen of the daemon at one moment. Plain facts, from which metrics, status and health are made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from engine.backlog.inbox_tables import Destination
from engine.backlog.overview import Overview
from engine.credentials import Unrenewed
from engine.daemon.intake import Counts
from engine.daemon.mover import Moved
from engine.daemon.outcomes import Streak
from engine.lanes import Count
from engine.model import Lane
from engine.rest import LeftAlone


@dataclass(frozen=True, slots=True)
class LaneView:
    lane: Lane
    starts: bool  # its calls start work; else they ask about it
    count: Count  # of all runs of this process
    rate: float = 0.0  # calls/s that are permitted
    in_flight: int = 0
    held: bool = False  # by an operator
    sick_s: float = 0.0  # how long its cloud has been in trouble
    pause_s: float = 0.0  # until it goes on by itself
    last_error: str = ""  # if its last call failed
    last_trouble: str = ""  # of a call that failed or came too fast, however many were answered since


@dataclass(frozen=True, slots=True)
class InboxView:
    rows: int = 0
    most: int = 0
    full: bool = False
    destinations: Sequence[tuple[Destination, int, float]] = ()  # rows, and since when the oldest waits

    @property
    def oldest_at(self) -> float | None:
        return min([since for _, _, since in self.destinations], default=None)


@dataclass(frozen=True, slots=True)
class ServerView:
    bind: str = ""
    listeners: Sequence[str] = ()
    answers: Mapping[tuple[str, int], int] = field(default_factory=dict)  # by path and status
    connections: int = 0
    refused: int = 0  # connections beyond the bounds


@dataclass(frozen=True, slots=True)
class BacklogView:
    seen_at: float = 0.0  # when it last answered, by the monotonic clock
    overview: Overview | None = None


@dataclass(frozen=True, slots=True)
class ProcessView:
    resident_bytes: int | None = None  # None: this system does not say
    open_files: int | None = None
    cpu_s: float = 0.0
    coroutines: int = 0  # tasks of the event loop
    blocks: int = 0  # of memory, that Python's objects are in


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Times are seconds since the epoch but for those that say otherwise."""

    at: float  # by the backlog's clock
    monotonic: float
    began_at: float
    version: str
    draining: bool = False
    reloads: int = 0
    reload_error: str = ""
    lag_s: float = 0.0  # how late the event loop was, at worst, in the last seconds
    left_alone: Sequence[LeftAlone] = ()
    preparing: Collection[str] = ()  # accounts that could not begin yet
    unrenewed: Mapping[str, Unrenewed] = field(default_factory=dict)  # credentials, by account
    strangers: Collection[str] = ()  # accounts that rows wait for and the settings do not have
    lanes: Sequence[LaneView] = ()
    tasks: int = 0  # that run at the clouds
    inbox: InboxView = InboxView()
    server: ServerView = ServerView()
    backlog: BacklogView = BacklogView()
    no_space: str = ""  # why nothing is taken in, while the disk is full or nearly
    gone: str = ""  # why what is taken in would be lost, while the backlog's file is not in its place
    process: ProcessView = ProcessView()
    senders: Mapping[str, Counts] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)  # by name, their trouble, or ""
    unsubscribed: Sequence[tuple[str, str]] = ()  # listeners, and topics that they get nothing more of
    moved: Moved = field(default_factory=Moved)
    outcomes: Mapping[tuple[str, str], int] = field(default_factory=dict)  # rows, by account and state
    streaks: Sequence[Streak] = ()  # targets where all fails of late

    @property
    def stopped(self) -> list[LeftAlone]:
        """Accounts."""
        return [each for each in self.left_alone if not each.target]

    @property
    def closed(self) -> list[LeftAlone]:
        """Targets."""
        return [each for each in self.left_alone if each.target]
