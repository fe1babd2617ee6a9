from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import resource, sys
from engine.cli.loop import FILES, run
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))

async def allowed():
    return resource.getrlimit(resource.RLIMIT_NOFILE)

soft, still = run(allowed())
assert still == hard
assert soft == (FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)), soft
"""


def test_as_many_files_may_be_open_as_calls_are_in_flight() -> None:
    subprocess.run((sys.executable, "-c", SCRIPT), check=True, timeout=30)
