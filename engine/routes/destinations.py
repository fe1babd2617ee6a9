"""Where routes lead: what a change of an object is to a kind of row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from engine.model import Row
from engine.notifications import Kind, ObjectEvent


class Destination(ABC):
    """Rows of one type. `fixed` are its columns but one; equal destinations make equal rows of an event."""

    column: ClassVar[str]  # the one that tells what has changed

    def __init__(self, row: type[Any], fixed: Mapping[str, str], strip_prefix: str = "") -> None:
        self.row_type = row
        self.fixed = dict(fixed)
        self.strip_prefix = strip_prefix
        columns: tuple[str, ...] = row._fields
        at = columns.index(self.column)
        self._before = tuple([fixed[name] for name in columns[:at]])
        self._after = tuple([fixed[name] for name in columns[at + 1 :]])

    def row(self, event: ObjectEvent) -> Row | None:
        """None if the event is nothing that can be done there. The key begins with `strip_prefix`."""
        value = self.value(event.key[len(self.strip_prefix) :], event.kind)
        return None if value is None else self.row_of(value)

    def row_of(self, value: str) -> Row:
        row: Row = self.row_type(*self._before, value, *self._after)
        return row

    @abstractmethod
    def value(self, key: str, kind: Kind) -> str | None: ...

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self._before, self._after))


class Keys(Destination):
    """Told each object by its name. An object that was removed cannot be sent: its copy elsewhere stays."""

    column = "key"

    def __init__(
        self, row: type[Any], fixed: Mapping[str, str], strip_prefix: str = "", *, add_prefix: str = ""
    ) -> None:
        super().__init__(row, fixed, strip_prefix)
        self.add_prefix = add_prefix

    def value(self, key: str, kind: Kind) -> str | None:
        return None if kind is Kind.REMOVED else (self.add_prefix + key) or None


class Directories(Destination):
    """Told the directory that an object is in, where one appears, changes or disappears.

    With `trigger_depth`, one that lies deeper is folded into its ancestor at that depth; 0 is the whole share.
    """

    column = "path"

    def __init__(
        self, row: type[Any], fixed: Mapping[str, str], strip_prefix: str = "", *, trigger_depth: int | None = None
    ) -> None:
        super().__init__(row, fixed, strip_prefix)
        self.trigger_depth = trigger_depth

    def value(self, key: str, kind: Kind) -> str | None:
        if not key:  # the marker of the share's own root
            return None
        # "a/b/" is the marker of a directory, an entry of "a" as any other.
        directory = key.removesuffix("/").rpartition("/")[0]
        if self.trigger_depth is not None and directory.count("/") >= self.trigger_depth:
            directory = "/".join(directory.split("/", self.trigger_depth)[: self.trigger_depth])
        return "/" + directory
