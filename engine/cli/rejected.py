"""The report of rows that cannot be used: a file of JSON lines beside the backlog, with file, line and reason."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import orjson

from engine.backlog import Backlog, Rejected
from engine.cli.session import Session
from engine.feed import source_of
from engine.report import MOST_NAMED
from engine.rows import Manifest

LINES_AT_ONCE = 1000


class Rejections:
    """What was rejected of some manifests, in this run and earlier ones. False if nothing was."""

    def __init__(
        self, manifests: Iterable[Manifest[Any]] = (), backlog: Backlog | None = None, place: str = ":memory:"
    ) -> None:
        """`place` is that of the backlog; one in memory has no report beside it."""
        self.report = Path(f"{place}.rejected.jsonl") if place != ":memory:" else None
        self.rows = 0
        self._files = 0  # that cannot be read at all
        self._first: list[Rejected] = []
        self._names = {source_of(manifest): manifest.name for manifest in manifests}
        self._backlog = backlog

    def __bool__(self) -> bool:
        return self.rows + self._files > 0

    async def write(self, session: Session) -> None:
        """Write the report anew; an old one must not outlive what it tells of."""
        if self.report:
            self.report.unlink(missing_ok=True)
        lines: list[bytes] = []
        async for each in self._each(session):
            facts = {"file": each.source, "line": each.line, "reason": each.reason, "text": each.text}
            session.output.event("rejected", **facts)
            lines.append(orjson.dumps(facts, option=orjson.OPT_APPEND_NEWLINE))
            if len(lines) == LINES_AT_ONCE:
                self._append(lines)
                lines.clear()
        self._append(lines)

    def told(self) -> list[str]:
        """For people. Files that cannot be read were told of before."""
        lines = [f"rejected: {each.source}:{each.line}: {each.reason}" for each in self._first]
        if self.rows > len(lines):
            lines.append(f"... and {self.rows - len(lines):,} more")
        if self and self.report:
            lines.append(f"all that is rejected: {self.report}")
        return lines

    async def _each(self, session: Session) -> AsyncIterator[Rejected]:
        for name, error in session.unreadable:
            self._files += 1
            yield Rejected(name, 1, str(error).removeprefix(f"{name}: "), "")
        if self._backlog is None:
            return
        async for rejected in self._backlog.rejections():
            if rejected.source in self._names:
                self.rows += 1
                named = rejected._replace(source=self._names[rejected.source])
                if self.rows <= MOST_NAMED:
                    self._first.append(named)
                yield named

    def _append(self, lines: list[bytes]) -> None:
        if lines and self.report:
            # It repeats names of objects: for the owner's eyes, like the backlog.
            with open(self.report, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.writelines(lines)
