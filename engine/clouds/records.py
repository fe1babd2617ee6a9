"""Reads JSON objects into frozen dataclasses, by the types of their fields.

A `str` is an id and an `int` a number that the answer is worthless without. What may be missing is ``| None``, and is
None too where the cloud sends something of another type: it then tells nothing that can be relied on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeAlias, TypeVar, get_type_hints

from engine.clouds.replies import identifier, shown, whole
from engine.errors import ProtocolError

Record = TypeVar("Record")
Spelling: TypeAlias = Callable[[str], str]


def record(kind: type[Record], item: object, spelled: Spelling = str, **known: Any) -> Record:
    """A `kind` made of a JSON object. `spelled` gives the name on the wire of a field; `known` fields are not read.

    Raises:
        ProtocolError: it is not an object, or lacks what it must have.
    """
    if not isinstance(item, dict):
        raise ProtocolError(f"the answer has {shown(item)} where an object is expected")
    plan: Any = kind
    for name, wire, read in _fields(plan, spelled):
        if name not in known:
            known[name] = read(item.get(wire), wire)
    return kind(**known)


def objects(value: object, name: str) -> list[Any]:
    """A JSON array. A missing one is no empty one: absence must never be read out of a broken answer.

    Raises:
        ProtocolError: it is not one.
    """
    if not isinstance(value, list):
        raise ProtocolError(f"the answer has no list of {name}")
    return value


@cache
def _fields(kind: type[Any], spelled: Spelling) -> tuple[tuple[str, str, Callable[[object, str], Any]], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, spelled(field.name), _READERS.get(hints[field.name], _unread)) for field in fields(kind))


def _number(value: object, name: str) -> int:
    number = whole(value)
    if number is None:
        raise ProtocolError(f"the answer has no usable {name}: {shown(value)}")
    return number


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise ProtocolError(f"the answer has no usable {name}: {shown(value)}")
    return value


def _unread(value: object, name: str) -> object:
    raise TypeError(f"{name} is of a type that is not read by itself: pass it as known")


_READERS: Mapping[Any, Callable[[object, str], Any]] = {
    str: identifier,
    int: _number,
    bool: _flag,
    str | None: lambda value, _: value if isinstance(value, str) else None,
    int | None: lambda value, _: whole(value),
    bool | None: lambda value, _: value if isinstance(value, bool) else None,
}
