"""What a stretch of work cost this process."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from benchmarks.memory import peak_rss_bytes
from benchmarks.model import Sample

WARM_UP = 4  # calls for each that is in flight, before what is measured


class Meter:
    """Measures what is done inside its ``with``: wall time, and the CPU time of all threads."""

    wall_s = 0.0
    cpu_s = 0.0

    def __enter__(self) -> Self:
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wall_s, self.cpu_s = time.perf_counter() - self._wall_s, time.process_time() - self._cpu_s

    def sample(self, calls: int) -> Sample:
        return {
            "calls_per_s": calls / self.wall_s,
            "cpu_us": self.cpu_s / calls * 1e6,
            "rss_mb": peak_rss_bytes() / 1e6,
        }
