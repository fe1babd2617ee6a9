"""One world for every test: the emulated clouds and a stranger."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.secrets.situations import World, world


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("world")) as running:
        yield running
