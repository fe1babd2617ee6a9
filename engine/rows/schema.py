"""Columns: what a row type takes, and how values become rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Generic, TypeVar

R = TypeVar("R", bound=tuple[str, ...])

TEXT_CHARACTERS = 200
NOT_UTF8 = "not valid UTF-8: save the manifest as UTF-8"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that cannot be used, where it stands and why. `text` is its beginning, with control characters escaped."""

    source: str
    line: int
    reason: str
    text: str


class RowError(ValueError):
    """One row cannot be used; the message says why."""


class Schema(Generic[R]):
    """The columns of a NamedTuple class, and what stands in for values that are absent or empty."""

    def __init__(self, row_type: type[R], fixed: Mapping[str, str] | None = None) -> None:
        """`fixed` overrides the defaults of the class. Raises ValueError if it names a column that does not exist."""
        named_tuple: Any = row_type
        self.columns: tuple[str, ...] = named_tuple._fields
        if unknown := set(fixed or ()) - set(self.columns):
            raise ValueError(f"{row_type.__name__} has no column {', '.join(sorted(unknown))}")
        given = {column: value for column, value in (fixed or {}).items() if value}
        self.defaults: dict[str, str] = {**named_tuple._field_defaults, **given}
        self.required = [column for column in self.columns if column not in self.defaults]
        self._row_type = row_type

    def row(self, values: Mapping[str, str]) -> R:
        """One row, every value checked. Raises RowError."""
        self.check_columns(values)
        for column in self.required:
            if not values.get(column):
                state = "is empty" if column in values else "is missing"
                raise RowError(f"{column} {state}: every row needs one")
        for column, value in values.items():
            if "\0" in value:
                raise RowError(f"{column} contains a NUL character, which no object name has")
        return self._row_type(*[values.get(column) or self.defaults[column] for column in self.columns])

    def rows(self, columns: Mapping[str, Sequence[str]], count: int) -> list[R] | None:
        """`count` rows from whole columns, already known to be free of NUL. None if a required value is missing."""
        filled: list[Iterable[str]] = []
        for column in self.columns:
            values = columns.get(column)
            default = self.defaults.get(column)
            if values is not None and "" not in values:
                filled.append(values)
            elif default is None:
                return None
            elif values is None:
                filled.append(repeat(default, count))
            else:
                filled.append([value or default for value in values])
        # The class's own __new__ does just this, in a Python frame of its own for every row.
        return list(map(tuple.__new__, repeat(self._row_type), zip(*filled, strict=True)))

    def check_columns(self, names: Iterable[str]) -> None:
        """Raises RowError if there is no such column."""
        for name in names:
            if name not in self.columns:
                raise RowError(f"unknown column {printable(name)!r}; known: {', '.join(self.columns)}")


def printable(text: str) -> str:
    """The beginning of `text`, safe to show on a terminal."""
    return visible(text[:TEXT_CHARACTERS])


def visible(text: str) -> str:
    """All of `text`, safe to show on a terminal: it moves no cursor, begins no line and does not turn the writing."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def excerpt(line: bytes) -> str:
    """The beginning of a line, safe to show on a terminal."""
    longest = line[: 4 * TEXT_CHARACTERS]  # a character has up to four bytes
    return printable(longest.rstrip(b"\r\n").decode(errors="backslashreplace"))
