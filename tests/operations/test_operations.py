"""Every operation in every way: as a library call, by commands, as bare HTTP, and by each of the vendors' SDKs."""

from __future__ import annotations

from typing import Any

import pytest

from .commands import COMMANDS
from .forms import Answer
from .here import Here
from .scenarios import SCENARIOS
from .ways import cells, columns


class Doing:
    """An operation in one way: one request, which the cloud answers with a success."""

    def __init__(self, here: Here, operation: str, way: str) -> None:
        self.way = way
        self.times = 0
        self._here = here
        self._operation = operation

    async def __call__(self, **params: Any) -> Answer:
        before = self._here.answered(self._operation)
        answer = await columns(self._operation)[self.way].way(self._here, self._operation, **params)
        assert self._here.answered(self._operation) == before + 1
        self.times += 1
        return answer


@pytest.mark.parametrize(("operation", "way"), [pytest.param(*cell, id="-".join(cell)) for cell in cells([*SCENARIOS])])
async def test_operation(operation: str, way: str, here: Here) -> None:
    doing = Doing(here, operation, way)
    await SCENARIOS[operation](doing, here)
    assert doing.times == 1


@pytest.mark.parametrize("operation", COMMANDS)
async def test_command(operation: str, here: Here) -> None:
    words, used = COMMANDS[operation]
    before, during = 0, 0

    def run(*more: str, stdin: bytes = b"") -> list[dict[str, Any]]:
        nonlocal before, during
        before = here.answered(operation)
        events = here.run(*words.split(), *more, stdin=stdin)
        during = here.answered(operation) - before
        return events

    await used(run, here)
    assert during >= 1
