"""A log that cannot be written is no reason to leave work undone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve, event


@contextmanager
def full() -> Iterator[int]:
    end = os.open("/dev/full", os.O_WRONLY)
    yield end
    os.close(end)


@contextmanager
def unread() -> Iterator[int]:
    """The end of a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("log", [full, unread])
def test_work_goes_on_without_a_log(
    serve: Serve, cloud: Clouds, log: Callable[[], AbstractContextManager[int]]
) -> None:
    serve.configure(serve.route(), serve.push())
    with log() as stderr:
        done = subprocess.run(
            serve.command("--stdin", "--until-end"), input=b"nonsense\n" + event("good") + b"\n", stderr=stderr,
            cwd=serve.directory, env=serve.environ, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0
    serve.start()  # which does what has waited
    serve.until(lambda: cloud.keys == {"good": 1})
    assert serve.end() == 0
