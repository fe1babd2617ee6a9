"""syncmux inside a script: push the names of all files below a directory into a sync task.

python embedded.py DIRECTORY SYNC_TASK_ID
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import uvloop

from engine import Engine, Push


def keys(directory: Path) -> list[str]:
    """In the same order every time: then a second run sends nothing twice."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


async def main(directory: Path, sync_task_id: str) -> int:
    states: Counter[str] = Counter()
    async with Engine(backlog="push.db") as engine:  # run it again, and it goes on where it was left
        async for outcome in engine.run(Push(key, sync_task_id) for key in keys(directory)):
            states[outcome.state] += 1
            if not outcome.ok:
                print(f"{outcome.row}: {outcome.why}", file=sys.stderr)
    print(dict(states))
    return 3 if states["failed"] or states["rejected"] else 0


if __name__ == "__main__":
    sys.exit(uvloop.run(main(Path(sys.argv[1]), sys.argv[2])))
