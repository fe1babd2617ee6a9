"""How far sources of rows were read, and which of their rows cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple
from typing import Any

from engine.backlog import Rejected, Source


class SourceTable:
    def __init__(self, sql: Callable[..., Any]) -> None:
        self._sql = sql

    def advance(self, source: str, progress: Source) -> None:
        self._sql("INSERT OR REPLACE INTO source VALUES (?,?,?,?,?)", (source, *astuple(progress)))

    def progress(self, source: str) -> Source | None:
        row = self._sql("SELECT cursor, rows, rejected, repeated FROM source WHERE name=?", (source,)).fetchone()
        return Source(*row) if row else None

    def all(self) -> dict[str, Source]:
        rows = self._sql("SELECT name, cursor, rows, rejected, repeated FROM source ORDER BY name")
        return {name: Source(*progress) for name, *progress in rows}

    def reject(self, rejected: Sequence[Rejected]) -> None:
        for row in rejected:
            self._sql("INSERT OR REPLACE INTO rejected VALUES (?,?,?,?)", row)

    def rejections(self, after: tuple[str, int], limit: int) -> list[Rejected]:
        sql = "SELECT * FROM rejected WHERE (source, line) > (?, ?) ORDER BY source, line LIMIT ?"
        return [Rejected(*row) for row in self._sql(sql, (*after, limit))]

    def forget(self, name: str) -> None:
        self._sql("DELETE FROM source WHERE name=?", (name,))
        self._sql("DELETE FROM rejected WHERE source=?", (name,))
