"""`export-failed`: failed rows as a manifest."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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
        cloud, any_failed = _one_kind(await backlog.tally(), verb)
        rows = _Failed(backlog, cloud if any_failed else None)
        if everywhere.dry_run:
            return await _in_thread(lambda: sum(1 for _ in rows), rows)
        if path is not None:  # also without failures: an old file would tell of others
            return await _in_thread(lambda: write_manifest(path, rows, cloud.row if cloud else None), rows)
        if not any_failed:
            return 0
        with TemporaryDirectory(prefix="syncmux-") as directory:
            written = Path(directory) / "failed.csv"
            number = await _in_thread(lambda: write_manifest(written, rows), rows)
            with written.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return number

    number: int = look_at(settings.backlog, look)
    if path is not None or everywhere.dry_run:
        output.event("exported", rows=number, file=str(path) if path else None)
    output.note(f"{number:,} failed rows" + (f" in {path}" if path and not everywhere.dry_run else ""))
    return Exit.DONE


async def _in_thread(work: Callable[[], int], rows: _Failed) -> int:
    """Work that reads `rows`. It has ended when this has, whatever ends it: nobody else could give it the next ones."""
    thread = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        rows.cancelled = True
        await asyncio.wait((thread,))
        thread.exception()  # not what is to be told
        raise


class _Failed:
    """Failed rows of one kind, read page by page from the loop's backlog by a thread that writes them."""

    def __init__(self, backlog: SqliteBacklog, cloud: Cloud | None) -> None:
        self.cancelled = False
        self._failures = backlog.failures()
        self._cloud = cloud
        self._loop = asyncio.get_running_loop()

    def __iter__(self) -> Iterator[Any]:
        """Raises RuntimeError if it was cancelled: half of the rows are worse than none."""
        while self._cloud and (page := asyncio.run_coroutine_threadsafe(self._page(), self._loop).result()):
            if self.cancelled:
                raise RuntimeError
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


def _one_kind(tally: Tally, verb: str | None) -> tuple[Cloud | None, bool]:
    """The cloud whose failures are meant, and whether there are any; if not, the cloud whose they would be, if any.

    Raises:
        ConfigError: it is not clear, or there is no such verb.
    """
    known = {cloud.verb: cloud for cloud in clouds().values()}
    if verb is not None and verb not in known:
        raise ConfigError(f"--verb {verb} is not a kind of work; there is {', '.join(sorted(known))}")
    meant = [cloud for name, cloud in known.items() if verb in {None, name}]
    failed = {target.cloud for target, states in tally.items() if State.FAILED in states}
    found = [cloud for cloud in meant if cloud.name in failed]
    if len(found) > 1:
        raise ConfigError(f"failures of several kinds: choose one with --verb {' or --verb '.join(sorted(known))}")
    if found:
        return found[0], True
    worked = {target.cloud for target in tally}
    candidates = [cloud for cloud in meant if verb or cloud.name in worked]
    return (candidates[0] if len(candidates) == 1 else None), False
