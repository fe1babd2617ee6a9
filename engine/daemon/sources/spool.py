"""A directory that manifests are moved into: each is taken, and goes to done/ or failed/ with a report beside it.

A manifest is to appear by a rename: write it under a name that is not looked at, in the same directory, and rename it.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from engine.backlog.owner import Owner
from engine.daemon.intake import EventSource, Intake
from engine.daemon.log import Log
from engine.daemon.sources.manifests import Change, events
from engine.daemon.sources.offering import UNROUTED, Offering
from engine.daemon.sources.spooled import DONE, FAILED, Spooled, make_folder, recover, shown
from engine.errors import PASSING, BacklogError, ConfigError, InputError
from engine.rows import Chunk, Manifest, Rejected

UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", "~")
CHUNK_ROWS = 1_000
PUT_OFF_S = 10.0  # until a manifest is tried again that could not be taken or moved away


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    name: str  # of the source
    directory: Path
    bucket: str = ""  # of rows that name none
    poll_s: float = 1.0
    routes: frozenset[str] | None = None


class Spool(EventSource):
    """A manifest that cannot be taken or moved away is left lying, and keeps no other waiting."""

    def __init__(self, settings: SpoolSettings, log: Log) -> None:
        self.name = settings.name
        self.scope = settings.routes
        self._settings = settings
        self._log = log
        self._offering = Offering(settings.name, settings.routes, log)
        self._directory_fails = ""
        self._owner: Owner
        self._put_off: dict[Path, tuple[float, str]] = {}  # until when, by the loop's clock, and why

    @property
    def trouble(self) -> str:
        put_off = [f"manifests left lying: {len(self._put_off)}, such as {why}" for _, why in self._put_off.values()]
        return self._directory_fails or next(iter(put_off), "") or self._offering.trouble

    @contextmanager
    def held(self) -> Iterator[None]:
        self._owner = self._owned()
        try:
            yield
        finally:
            self._owner.release()

    async def run(self, intake: Intake) -> None:
        """Until cancelled. Raises BacklogError: nothing can be written any more."""
        while True:
            for path in await self._found():
                try:
                    await self._take(path, intake)
                except OSError as error:
                    self._leave(path, error)
                else:
                    self._put_off.pop(path, None)
            await asyncio.sleep(self._settings.poll_s)

    async def _found(self) -> list[Path]:
        """What is to be tried now; nothing while the directory cannot be read, or another process has it."""
        try:
            found = await asyncio.to_thread(self._manifests)
            if not await asyncio.to_thread(lambda: self._owner.holds):  # the directory was made anew
                before, self._owner = self._owner, self._owned()
                before.release()
        except (OSError, ConfigError, BacklogError) as error:
            if str(error) != self._directory_fails:
                self._log.event("spool_failed", source=self.name, error=str(error))
            self._directory_fails = str(error)
            return []
        self._directory_fails = ""
        self._put_off = {path: put_off for path, put_off in self._put_off.items() if path in found}
        now = asyncio.get_running_loop().time()
        return [path for path in found if path not in self._put_off or self._put_off[path][0] <= now]

    def _leave(self, path: Path, error: OSError) -> None:
        name, now = shown(path.name), asyncio.get_running_loop().time()
        why = f"{name}: {error.strerror}"
        if self._put_off.get(path, (0.0, ""))[1] != why:
            self._log.event("manifest_left", source=self.name, file=name, error=shown(str(error)))
        self._put_off[path] = now + PUT_OFF_S, why

    def _owned(self) -> Owner:
        """The directory, for this process alone. Raises as `held` does."""
        directory, where = self._settings.directory, f"spools.{self.name}.directory"
        try:
            for folder in (DONE, FAILED):
                make_folder(directory / folder)
            owner = Owner(directory / ".spool")
            try:
                left = recover(directory)
            except OSError:
                owner.release()
                raise
            for path, failure in left:
                self._log.event("manifest_left", source=self.name, file=shown(path.name), error=shown(str(failure)))
            return owner
        except OSError as error:
            kind = BacklogError if error.errno in PASSING else ConfigError
            raise kind(f"{where}: {error.filename or directory} cannot be used: {error.strerror}") from None
        except BacklogError as error:
            raise BacklogError(f"{where}: {error}") from None

    def _manifests(self) -> list[Path]:
        """Regular files with a name that is finished, the oldest first."""
        found = []
        with os.scandir(self._settings.directory) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED):
                    continue
                with suppress(FileNotFoundError):  # somebody has taken it back
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        found.append((status.st_mtime_ns, entry.name))
        return [self._settings.directory / name for _, name in sorted(found)]

    async def _take(self, path: Path, intake: Intake) -> None:
        """Take one manifest to its end. Raises OSError."""
        try:
            spooled = await asyncio.to_thread(Spooled, path)
        except FileNotFoundError:
            return  # somebody has taken it back
        manifest = Manifest(path, Change, {"bucket": self._settings.bucket}, CHUNK_ROWS)
        resume = spooled.cursor
        chunks = manifest.chunks(resume)
        try:
            chunk = await asyncio.to_thread(next, chunks, None)
            if resume and not manifest.resumed:
                spooled.begin_anew()
            while chunk:
                await self._take_chunk(spooled, chunk, intake)
                chunk = await asyncio.to_thread(next, chunks, None)
        except InputError as error:
            spooled.report.error = shown(str(error))
        if spooled.gone:
            spooled.discard()
        # What was written to it, or came in its place, is taken the next time.
        elif target := await asyncio.to_thread(spooled.finish):
            report = spooled.report
            self._log.event(
                "manifest_taken", source=self.name, file=shown(str(target)), rows=report.rows, taken=report.taken,
                rejected=report.rejected, error=report.error,
            )  # fmt: skip

    async def _take_chunk(self, spooled: Spooled, chunk: Chunk[Change], intake: Intake) -> None:
        report = spooled.report
        found, lines, rejected = events(chunk, report.manifest)
        offered = await self._offering.offer(intake, found)
        rejected += [
            Rejected(report.manifest, lines[at], UNROUTED, f"{found[at].bucket},{found[at].key}"[:200])
            for at in offered.refused
        ]
        report.rows += len(chunk.rows) + len(chunk.rejected)
        report.taken += offered.taken
        report.repeated += offered.repeated
        report.unrouted += offered.unrouted
        report.reject(sorted(rejected, key=lambda row: row.line))
        report.cursor = chunk.cursor.to_json()
        await asyncio.to_thread(spooled.save)
