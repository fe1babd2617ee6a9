"""The options of commands that change something at a cloud, and can stay until it is so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

from engine.cli.everywhere import FLAG


@Parameter(name="*", group=Group("Once it is asked for", sort_key=7))
@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """See the field docstrings; they are what --help shows."""

    wait: Annotated[bool, FLAG] = False
    "Until it is so, and stays so: the cloud shows it, or its task has ended, and no older request can undo it."

    timeout: float = 1200.0
    "Seconds to wait, at most."

    settle: Annotated[bool, FLAG] = False
    "Stay only until no older request, whose answer was lost, can undo or repeat it: up to 15 minutes."

    account: str = ""
    "Whose; by default the first."

    @property
    def stays(self) -> bool:
        return self.wait or self.settle
