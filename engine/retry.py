"""What follows from a failed call: a table of reactions, and the delays between attempts."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import (
    BusyError,
    CallError,
    ForbiddenError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TargetError,
    ThrottledError,
    TransportError,
    UnauthorizedError,
    UnavailableError,
)

MAX_HINT_S = 300.0  # a vendor's hint to wait longer than this is taken as this
MAX_JITTER_S = 60.0
LONGEST_DELAY_S = MAX_HINT_S + MAX_JITTER_S  # between two attempts, at most


@dataclass(frozen=True, slots=True)
class Reaction:
    """What to do about a failed call.

    Attributes:
        again: whether the same call is worth making again.
        counted: whether the attempt counts against the job's `max_attempts`; being early or unlucky does not.
        divide: whether a smaller job may get through.
        stops: what cannot go on: "job", "target" or "account"; "" if everything can.
        sick: whether it says that the lane's cloud is in trouble.
    """

    again: bool
    counted: bool = False
    divide: bool = False
    stops: str = ""
    sick: bool = False


# The first class that fits decides, so the narrower classes come first.
REACTIONS: tuple[tuple[type[CallError], Reaction], ...] = (
    (ThrottledError, Reaction(again=True)),
    (BusyError, Reaction(again=True)),
    (ForbiddenError, Reaction(again=True, stops="target")),
    (UnauthorizedError, Reaction(again=True, stops="account")),
    (QuotaError, Reaction(again=True, stops="account")),
    (TargetError, Reaction(again=False, stops="target")),
    (RejectedError, Reaction(again=False, divide=True, stops="job")),
    (UnavailableError, Reaction(again=True, counted=True, sick=True)),
    (TransportError, Reaction(again=True, counted=True, sick=True)),
    (ProtocolError, Reaction(again=True, counted=True, sick=True)),
)


def reaction(error: CallError) -> Reaction:
    """How to react to a failed call that may be repeated without harm."""
    return next(found for kind, found in REACTIONS if isinstance(error, kind))


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential delays with full jitter: nobody comes back at the same moment as everybody else."""

    base_s: float = 0.5
    cap_s: float = MAX_JITTER_S

    def delay_s(self, attempt: int, chance: float, hint_s: float | None = None) -> float:
        """Seconds to wait before attempt `attempt` (the second is 1). `chance` is random in 0..1.

        A vendor's hint is the least; the jitter comes on top of it.
        """
        jitter = chance * min(self.cap_s, self.base_s * 2.0 ** min(attempt, 16))
        return min(hint_s, MAX_HINT_S) + jitter / 2 if hint_s is not None else jitter


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often, before a job or a lane is given up."""

    max_attempts: int = 8
    backoff_s: float = 0.5  # the first delay between attempts; it doubles, up to a minute
    give_up_s: float = 300.0  # without one valid answer from the cloud, before the account stops
    task_timeout_s: float = 6 * 3600.0  # from the start of a task; then its job fails
    again_s: float | None = None  # until an account or target that cannot go on is tried again, at first; None: never
    prefetch: int = 512  # jobs claimed ahead of their calls, over all targets of the lane
