"""What is known of a creation, and what follows from it. No I/O: `creates` does that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum, auto
from hashlib import sha256
from typing import Any, NamedTuple, Self

import orjson

from engine.clouds.creation import Existing
from engine.errors import BacklogError, BusyError, CallError, ThrottledError
from engine.model import Account
from engine.retry import reaction

SIGNATURE_S = 900.0  # how long both clouds take a signed request: one that was lost may execute until then


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what. The defaults are for real clouds.

    Attributes:
        unsure_s: see `Creation.unsure_s`, which it replaces.
        settle_s: how long a lost request may take effect.
        attempts: requests, before the last failure is raised.
        give_up_s: how long to look for what a lost request did while listings tell nothing.
    """

    unsure_s: float | None = None
    settle_s: float = SIGNATURE_S
    attempts: int = 8
    look_s: float = 1.0
    most_s: float = 10.0
    give_up_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Intent:
    """One creation, as the backlog keeps it. It is written before a request is sent and after each answer."""

    token: str
    operation: str
    stated: Mapping[str, Any] = field(default_factory=dict)  # for people; never a secret
    attempts: int = 0
    lost: int = 0  # requests that may or may not have taken effect, or may yet
    doubtful_at: float = 0.0  # when the last of them was sent; 0: there is none
    id: str = ""  # of what was created, once that is known
    swept_at: float = 0.0  # when last it was seen that nothing was created twice

    def sending(self, now: float) -> Intent:
        """One more request is about to be sent. Until its answer is recorded it counts as lost."""
        return replace(self, attempts=self.attempts + 1, lost=self.lost + 1, doubtful_at=now)

    def answered(self, before: Intent) -> Intent:
        """What that request did is known."""
        return replace(self, lost=before.lost, doubtful_at=before.doubtful_at)

    def recovered(self) -> Intent:
        """It was seen what one of the lost requests did."""
        return replace(self, lost=self.lost - 1, doubtful_at=self.doubtful_at if self.lost > 1 else 0.0)

    def dump(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def load(cls, text: str) -> Self:
        """Raises `BacklogError` if it is not one."""
        try:
            return cls(**orjson.loads(text))
        except (orjson.JSONDecodeError, TypeError) as error:
            raise BacklogError(f"an intent in the backlog cannot be read: {error}") from None

    def settled_at(self, settle_s: float) -> float:
        """From when on nothing that was lost can still take effect; 0 if nothing was lost."""
        return self.doubtful_at + settle_s if self.doubtful_at else 0.0

    def settled(self, settle_s: float) -> bool:
        """Whether it was seen, after the last lost request could execute, that nothing was created twice."""
        return bool(self.swept_at) and self.swept_at >= self.settled_at(settle_s)


def whose(accounts: Iterable[Account], cloud: str, name: str) -> tuple[str, str]:
    """The account that a name means, "" being the first at the cloud, and its region: things are apart by both."""
    meant = ((each.name, each.region) for each in accounts if each.cloud == cloud and name in {"", each.name})
    return next(meant, (name, ""))


def intent_key(operation: str, account: str, region: str, identity: Mapping[str, str]) -> str:
    """The name under which the backlog keeps the intent of a creation: the same for the same thing."""
    told = orjson.dumps([operation, account, region, identity], option=orjson.OPT_SORT_KEYS)
    return f"intent {operation} {sha256(told).hexdigest()[:32]}"


class Verdict(Enum):
    """What a failed attempt says of the effect of its request."""

    NOT_NOW = auto()  # none; it may be made again later
    REFUSED = auto()  # none; it would be refused again
    IN_DOUBT = auto()  # unknown


def verdict(error: CallError) -> Verdict:
    """A 5xx after the request was sent is in doubt: the cloud may have done it before it failed."""
    how = reaction(error)
    if how.sick:
        return Verdict.IN_DOUBT if error.sent else Verdict.NOT_NOW
    return Verdict.NOT_NOW if isinstance(error, ThrottledError | BusyError) else Verdict.REFUSED


class Sight(NamedTuple):
    """Everything of a kind that an account has. `whole` is False if the listing contradicts its own count: then it
    can show what there is, and not what there is not."""

    things: tuple[Existing, ...]
    whole: bool


def sight(things: Iterable[Existing], listed: int, total: int | None) -> Sight:
    distinct = tuple({thing.id: thing for thing in things}.values())
    return Sight(distinct, total is None or len(distinct) == listed == total)


@dataclass(frozen=True, slots=True)
class Absence:
    """Whole listings in a row in which a thing is missing. One alone proves nothing."""

    looks: int = 0
    since: float = 0.0

    def again(self, now: float) -> Absence:
        return Absence(self.looks + 1, self.since if self.looks else now)

    def proven(self, now: float, unsure_s: float, looks: int = 3) -> bool:
        return self.looks >= looks and now - self.since >= unsure_s


class Choice(NamedTuple):
    """Which of the things that came of one intent it stands for, and which are too many."""

    kept: Existing | None
    surplus: tuple[Existing, ...] = ()


def choose(seen: Sight, known: str = "") -> Choice:
    """The one that is known already; else the eldest, so that everybody who looks chooses the same."""
    mine = sorted((thing for thing in seen.things if thing.mine), key=lambda thing: (thing.born, thing.id))
    kept = next((thing for thing in mine if thing.id == known), mine[0] if mine else None)
    if known and kept and kept.id != known:
        return Choice(None)  # what is known is not listed now: nothing can be said to be too many
    return Choice(kept, tuple(thing for thing in mine if thing is not kept))


_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(now: float, chance: bytes) -> str:
    """A token in 26 characters that sorts by time; `chance` are ten random bytes."""
    number = int(now * 1000) << 80 | int.from_bytes(chance[:10])
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))
