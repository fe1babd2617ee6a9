"""What every format does: turn a block of lines into rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic

from engine.rows.lines import Block
from engine.rows.schema import R, Rejected, Schema, excerpt


@dataclass(slots=True)
class Parsed(Generic[R]):
    """Rows of one block, with the line each began on. A row that may go on in the next block is held back."""

    rows: list[R] = field(default_factory=list)
    lines: Sequence[int] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    held_bytes: int = 0
    held_lines: int = 0


class Format(ABC, Generic[R]):
    """Two readers that agree: `fast` for whole blocks without a flaw, `careful` for line by line."""

    def __init__(self, source: str, schema: Schema[R]) -> None:
        self.source = source
        self.schema = schema

    def parse(self, block: Block) -> Parsed[R]:
        rows = self.fast(block)
        if rows is None:
            return self.careful(block)
        return Parsed(rows, range(block.line, block.line + len(rows)))

    @abstractmethod
    def fast(self, block: Block) -> list[R] | None:
        """The rows of a block, one for every line. None if anything about the block needs care."""

    @abstractmethod
    def careful(self, block: Block) -> Parsed[R]:
        """The rows of any block; what is not a row is rejected or, if it is empty, skipped."""

    def reject(self, line: int, reason: str, text: bytes) -> Rejected:
        return Rejected(self.source, line, reason, excerpt(text))


def is_blank(line: bytes) -> bool:
    return line in {b"", b"\r"}
