"""python -m benchmarks.neighbour: keeps one processor and its caches busy half of the time, until it is ended."""

from __future__ import annotations

import random
import sys
import time

from benchmarks.children import follow_parent
from benchmarks.cores import stay_on

MOST_S = 0.2  # at a stretch


def main(core: int) -> None:
    follow_parent()
    stay_on(core)
    memory = bytearray(16_000_000)
    chance = random.Random(core)
    while True:
        until = time.perf_counter() + chance.uniform(0, MOST_S)
        while time.perf_counter() < until:
            memory[:] = memory[::-1]
        time.sleep(chance.uniform(0, MOST_S))


if __name__ == "__main__":
    main(int(sys.argv[1]))
