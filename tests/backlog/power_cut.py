"""Works on a backlog and loses power at the N-th write or sync, for a test to see what is left: BACKLOG N.

The file system under SQLite is one that keeps every write in memory until the file is synced, as a disk's cache may,
and takes the process down with SIGKILL when its time has come. What was acknowledged is printed, a line each.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

import apsw

from engine.backlog import Source
from engine.backlog.sqlite import SqliteBacklog
from engine.model import Finished, Job, Split, Started, State, Target
from tests.backlog.words import DIVIDERS, words

TARGET = Target("words", "account", "target")
BATCHES = 4
BATCH = 20
PIECE = 1 << 16
UNDERNEATH = apsw.vfs_names()[0]


class Power:
    left = 0

    @classmethod
    def use(cls) -> None:
        cls.left -= 1
        if cls.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class CachingDisk(apsw.VFS):
    def __init__(self) -> None:
        super().__init__("caching-disk", UNDERNEATH, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return CachedFile(name, flags)


class CachedFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int]) -> None:
        super().__init__(UNDERNEATH, name, flags)
        size = super().xFileSize()
        self._image = bytearray(super().xRead(size, 0)) if size else bytearray()

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return bytes(self._image[offset : offset + amount])

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        Power.use()
        if len(self._image) < offset:
            self._image.extend(bytes(offset - len(self._image)))
        self._image[offset : offset + len(data)] = data

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        del self._image[newsize:]

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._image)

    def xSync(self, flags: int) -> None:  # noqa: N802
        Power.use()
        super().xTruncate(len(self._image))
        for offset in range(0, len(self._image), PIECE):  # SQLite's own file takes less than 128 KiB at once
            super().xWrite(bytes(self._image[offset : offset + PIECE]), offset)


def batch(number: int) -> list[Job]:
    return [words(TARGET, f"{number}/{i}/x {number}/{i}/y") for i in range(BATCH)]


async def work(path: str) -> None:
    async with SqliteBacklog(path, DIVIDERS) as backlog:
        for number in range(BATCHES):
            await backlog.put(batch(number), source="m", progress=Source(str(number), BATCH * (number + 1), 0, 0))
            print(f"put {number}", flush=True)
            (claim,) = await backlog.claim([(TARGET, 4)], 1e12)
            one, two, three, four = claim.jobs
            half = Job(b"half" + one.key[4:], TARGET, b"half")
            await backlog.settle(
                [
                    Split(one, (half,)),
                    Started(two, f"t-{number}", 1.0),
                    Finished(three, State.ACCEPTED),
                    Finished(four, State.FAILED, "no"),
                ]
            )
            print(f"settled {number}", flush=True)
            await backlog.put([words(TARGET, four.payload.decode().split()[0])])
            print(f"again {number}", flush=True)
    print("closed", flush=True)


if __name__ == "__main__":
    Power.left = int(sys.argv[2])
    disk = CachingDisk()
    asyncio.run(work(sys.argv[1]))
