"""That `make guards` takes out what it means to."""

from __future__ import annotations

import pytest

from tests.guards import GUARDS, ROOT, Guard


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_each_stands_there_once(guard: Guard) -> None:
    assert (ROOT / guard.file).read_text().count(guard.code) == 1
    assert all((ROOT / file).exists() for file in guard.tests)
