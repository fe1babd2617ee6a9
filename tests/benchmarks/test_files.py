"""As many connections as a search for the best concurrency makes, wherever few files may be open."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

FEW = """
import resource
from engine.cli.loop import FILES

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
"""

LOOP = """
from benchmarks.turns import in_loop

async def samples():
    yield {"files": resource.getrlimit(resource.RLIMIT_NOFILE)[0]}

assert next(in_loop(samples())) == {"files": min(FILES, hard) if hard != resource.RLIM_INFINITY else FILES}
"""

SERVER = """
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from benchmarks import suite
from benchmarks.children import Children
from benchmarks.stage import Stage
from benchmarks.suite.calls import constant_request

with Children() as children, TemporaryDirectory() as place:
    setup = Stage(children, Path(place), quick=True).setup(suite.load("calls"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    request, at = constant_request(setup.http), urlsplit(setup.http)
    connections = [HTTPConnection(at.hostname, at.port, timeout=10) for _ in range(100)]
    for each in connections:
        each.request("POST", urlsplit(request.url).path, request.body, dict(request.headers))
        assert each.getresponse().status == 200
    for each in connections:
        each.close()
"""


@pytest.mark.parametrize("work", [LOOP, SERVER], ids=["loop", "server"])
def test_who_has_many_connections_asks_for_the_files(work: str) -> None:
    subprocess.run((sys.executable, "-c", FEW + work), cwd=ROOT, check=True, timeout=60)
