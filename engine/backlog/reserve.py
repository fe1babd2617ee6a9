"""Disk space that no more is taken into, for the work to go on and make room: it writes, too."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

MIB = 1 << 20
MOST_BYTES = 256 * MIB  # twice what the log takes at its longest: what is in it goes into the database as well
SHARE = 10  # of a small volume, one part in so many
RESUME = 1.25  # times the reserve must be free before more is taken in
PAGE_BYTES = 4096


def log_pages(directory: Path) -> int:
    """How long the log may become: half the reserve."""
    return _reserve_bytes(os.statvfs(directory)) // 2 // PAGE_BYTES


class Reserve:
    """On the volume of one directory. Unused pages of the database count as free: they are what the work gives back."""

    def __init__(self, directory: Path, sql: Callable[..., Any]) -> None:
        self._directory = directory
        self._sql = sql
        self.touched = ""  # why no more may be taken in; "" if it may
        self.useful_pages = 0  # unused ones that count: so many as leave half of the reserve for the log

    def look(self) -> None:
        """In the writer's thread, in a transaction. Costs two calls of the system and one page."""
        try:
            volume = os.statvfs(self._directory)
        except OSError:  # it is gone, which others find
            return
        if not volume.f_blocks:  # what is free is not said either
            self.touched = ""
            return
        unused, page_bytes = (self._sql(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size"))
        reserve_bytes = _reserve_bytes(volume)
        self.useful_pages = reserve_bytes // 2 // page_bytes
        free_bytes = volume.f_bavail * volume.f_frsize + min(unused, self.useful_pages) * page_bytes
        resume_bytes = int(reserve_bytes * RESUME)
        if free_bytes >= (resume_bytes if self.touched else reserve_bytes):
            self.touched = ""
        else:
            self.touched = (
                f"little space is left for the backlog: {free_bytes // MIB:,} MiB; {reserve_bytes // MIB:,} MiB are "
                f"kept for the work that waits to go on, and events are taken again at {ceil(resume_bytes / MIB):,} MiB"
            )


def _reserve_bytes(volume: os.statvfs_result) -> int:
    """Some file systems do not say how large they are."""
    return min(MOST_BYTES, volume.f_blocks * volume.f_frsize // SHARE or MOST_BYTES)
