"""Memory that a burst has needed, and nobody needs since: of itself, a process keeps most of it."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable


def give_back() -> None:
    """Return what is free to the system. Takes milliseconds; what is reachable from nowhere but itself is freed first,
    since the collector waits for many such objects in a process of ours, which may take hours."""
    gc.collect()
    _trim()


def _allocators() -> Callable[[], object]:
    """How the C library of this system is told to; nothing where it cannot be."""
    library = ctypes.CDLL(None)
    if trim := getattr(library, "malloc_trim", None):  # glibc: mallopt's threshold looks at the end of the heap alone
        return lambda: trim(ctypes.c_size_t(0))
    if relieve := getattr(library, "malloc_zone_pressure_relief", None):  # macOS
        return lambda: relieve(None, ctypes.c_size_t(0))
    return lambda: None


_trim = _allocators()
