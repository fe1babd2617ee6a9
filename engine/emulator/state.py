"""What the operations of both clouds share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from .clock import Clock
from .exchange import Call, Payload
from .faults import Faults, Verdict
from .ledger import Ledger

# Carries out one call. Raises RefusedError. None is a success with nothing to say.
Operation: TypeAlias = Callable[[Call, Verdict], "Payload | None"]


@dataclass(frozen=True, slots=True)
class World:
    clock: Clock
    faults: Faults
    ledger: Ledger
