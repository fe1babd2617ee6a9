"""`export-failed`: failed rows as a manifest."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio.from_thread
import anyio.to_thread

from engine.backlog import Failure, Tally
from engine.backlog.sqlite import SqliteBacklog
from engine.cli.everywhere import Everywhere
from engine.cli.exits import Exit
from engine.cli.looking import look_at
from engine.cli.output import Output
from engine.clouds import Cloud, clouds
from engine.errors import ConfigError
from engine.model import State
from engine.rows import write_manifest

PAGE = 500


def export_failed(path: Path | None, verb: str | None, everywhere: Everywhere) -> Exit:
    """Write failed rows as a manifest that the command of their kind takes."""
    settings = everywhere.settings()
    output = Output(everywhere.json, everywhere.quiet)

    async def look(backlog: SqliteBacklog) -> int:
        cloud = _one_kind(await backlog.tally(), verb)
        if cloud is None:
            return 0
        rows = _Failed(backlog, cloud)
        if everywhere.dry_run:
            return await anyio.to_thread.run_sync(lambda: sum(1 for _ in rows))
        if path is not None:
            return await anyio.to_thread.run_sync(write_manifest, path, rows)
        with TemporaryDirectory(prefix="syncmux-") as directory:
            written = Path(directory) / "failed.csv"
            number = await anyio.to_thread.run_sync(write_manifest, written, rows)
            with written.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return number

    number: int = look_at(settings.backlog, look)
    if path is not None or everywhere.dry_run:
        output.event("exported", rows=number, file=str(path) if path else None)
    output.note(f"{number:,} failed rows" + (f" in {path}" if path and number else ""))
    return Exit.DONE


class _Failed:
    """Failed rows of one kind, read page by page from the loop's backlog by a thread that writes them."""

    def __init__(self, backlog: SqliteBacklog, cloud: Cloud) -> None:
        self._failures = backlog.failures()
        self._cloud = cloud

    def __iter__(self) -> Iterator[Any]:
        while page := anyio.from_thread.run(self._page):
            for failure in page:
                if failure.job.target.cloud == self._cloud.name:
                    yield from self._cloud.rows(failure.job)

    async def _page(self) -> list[Failure]:
        page: list[Failure] = []
        async for failure in self._failures:
            page.append(failure)
            if len(page) == PAGE:
                break
        return page


def _one_kind(tally: Tally, verb: str | None) -> Cloud | None:
    """The cloud whose failures are meant; None if there are none.

    Raises:
        ConfigError: it is not clear, or there is no such verb.
    """
    known = {cloud.verb: cloud for cloud in clouds().values()}
    if verb is not None and verb not in known:
        raise ConfigError(f"--verb {verb} is not a kind of work; there is {', '.join(sorted(known))}")
    failed = {target.cloud for target, states in tally.items() if State.FAILED in states}
    found = [cloud for name, cloud in known.items() if cloud.name in failed and verb in {None, name}]
    if len(found) > 1:
        raise ConfigError(f"failures of several kinds: choose one with --verb {' or --verb '.join(sorted(known))}")
    return found[0] if found else None
