"""How much memory a process has taken. Imports next to nothing, for those who measure what imports take."""

from __future__ import annotations

import resource
import sys


def peak_rss_bytes() -> int:
    """The most memory that this process has had at once.

    Not by `getrusage` on Linux: there that begins with the peak of the process that started this.
    """
    if sys.platform == "linux":
        with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib would count, too
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
