"""Client and server, each on a processor of its own: what the server costs must not come out of the client's time."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def mine() -> Sequence[int]:
    """The processors that this process may use."""
    if sys.platform == "linux":
        return sorted(os.sched_getaffinity(0))
    return range(os.cpu_count() or 1)


def apart() -> tuple[int | None, int | None]:
    """(for clients, for the server); (None, None) where that is not to be had."""
    usable = mine()
    return (usable[0], usable[-1]) if len(usable) > 1 and sys.platform == "linux" else (None, None)


def stay_on(core: int | None) -> None:
    if core is not None and sys.platform == "linux":
        os.sched_setaffinity(0, {core})
