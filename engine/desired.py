"""What each subject is to be, and in which order that was asked for. No I/O: `changes` does that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Self

import orjson

from engine.errors import BacklogError


@dataclass(frozen=True, slots=True)
class Desired:
    """The newest wish for a subject, as the backlog keeps it.

    `lost` tells, by state, when the last request for it was sent of which it is not known what it did: it may take
    effect yet, and after a newer one.
    """

    generation: int = 0
    state: str = ""
    lost: Mapping[str, float] = field(default_factory=dict)

    def newer(self, state: str, now: float, settle_s: float) -> Desired:
        """One more wish; what was lost too long ago to take effect is forgotten."""
        lost = {name: at for name, at in self.lost.items() if at + settle_s > now}
        return Desired(self.generation + 1, state, lost)

    def sending(self, state: str, now: float) -> Desired:
        return Desired(self.generation, self.state, {**self.lost, state: now})

    def answered(self, state: str, before: Desired) -> Desired:
        """The request that `sending` recorded after `before` was answered, whatever the answer."""
        lost = {name: at for name, at in self.lost.items() if name != state}
        if state in before.lost:
            lost[state] = before.lost[state]
        return Desired(self.generation, self.state, lost)

    def settled_at(self, settle_s: float) -> float:
        """From when on no lost request can undo this wish; 0 if none can."""
        return max((at + settle_s for state, at in self.lost.items() if state != self.state), default=0.0)

    def dump(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def load(cls, text: str | None) -> Self:
        """Raises `BacklogError` if it is not one."""
        try:
            return cls(**orjson.loads(text)) if text else cls()
        except (orjson.JSONDecodeError, TypeError) as error:
            raise BacklogError(f"a wish in the backlog cannot be read: {error}") from None
