"""Everything of the engine is run on both event loops that it supports."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping

import pytest
from hypothesis import settings

# What a landing must pass is the same every time; `make soak` tries other examples.
settings.register_profile("same", derandomize=True)
settings.register_profile("others", derandomize=False)
settings.load_profile("same")

if sys.platform == "win32":
    LOOPS: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
else:
    import uvloop

    LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

ON_EVERY_LOOP = (
    "tests/engine/",
    "tests/backlog/test_conformance.py",
    "tests/backlog/test_failed_rows.py",
    "tests/credentials/test_command.py",
    "tests/credentials/test_renewing.py",
    "tests/credentials/test_runs.py",
    "tests/daemon/test_connections.py",
    "tests/daemon/test_doorway.py",
    "tests/test_lanes.py",
)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    everywhere = item.nodeid.startswith(ON_EVERY_LOOP)
    return LOOPS if everywhere else {"asyncio": asyncio.new_event_loop}
