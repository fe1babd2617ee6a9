"""What a vendor says a parameter must be, said once, beside its field.

name: Annotated[str, length(1, 128)]

A rule takes a value and tells what is wrong with it, "" if nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeAlias, Union, get_args, get_origin, get_type_hints

from engine.errors import InputError

Rule: TypeAlias = Callable[[Any], str]


def length(least: int, most: int) -> Rule:
    """Of a text, in characters; of a list, in entries."""

    def broken(value: str | Sequence[str]) -> str:
        unit = "characters in length" if isinstance(value, str) else "entries"
        wanted = f"must be {least:,} to {most:,} {unit}" if least else f"cannot exceed {most:,} {unit}"
        return "" if least <= len(value) <= most else f"{wanted}, and has {len(value):,}"

    return broken


def between(least: int, most: int, meaning: str = "") -> Rule:
    wanted = meaning or f"from {least:,} to {most:,}"
    return lambda value: "" if least <= value <= most else f"must be {wanted}"


def one_of(*values: str) -> Rule:
    return lambda value: "" if value in values else f"must be one of {', '.join(values)}"


def matching(fits: Callable[[str], object], wanted: str) -> Rule:
    return lambda value: "" if fits(value) else wanted


def an_id(most: int) -> Rule:
    """The vendors do not say what their ids look like. A dot segment could lead a path elsewhere."""

    def broken(value: str) -> str:
        fine = 0 < len(value) <= most and value.isprintable() and " " not in value and value not in {".", ".."}
        return "" if fine else "is not an id"

    return broken


def each(rule: Rule) -> Rule:
    """A list, or the names and values of a mapping, all of whose texts follow a rule."""

    def broken(value: object) -> str:
        texts = _texts(value)
        if texts is None:
            return "must be a list of texts, or a mapping of texts to them"
        return next((f"holds {text!r:.80}, which {wrong}" for text in texts if (wrong := rule(text))), "")

    return broken


NonEmpty = Annotated[str, matching(bool, "is empty")]
Milliseconds = Annotated[int, between(10**12, 10**13 - 1, "in milliseconds since the epoch, which has 13 digits")]


def check(parameters: Any) -> None:
    """Check every field of a dataclass against its type and its rules.

    Raises:
        InputError: one breaks a rule. The message names it, and shows its value unless it is kept from `repr`.
    """
    for name, shown, kind, optional, rules in _fields(parameters.__class__):
        value = getattr(parameters, name)
        if value is None and optional:
            continue
        broken = _ill_typed(value, kind) or next((wrong for rule in rules if (wrong := rule(value))), "")
        if broken:
            raise InputError(f"{name} {value!r:.80} {broken}" if shown else f"{name} {broken}")


def hidden(parameters: Any) -> Iterator[str]:
    """The texts of a dataclass that are kept from `repr`, those of dataclasses in it too."""
    for field in fields(parameters):
        value = getattr(parameters, field.name)
        if is_dataclass(value):
            yield from hidden(value)
        elif not field.repr and isinstance(value, str):
            yield value


class _Field(NamedTuple):
    name: str
    shown: bool
    kind: Any
    optional: bool
    rules: tuple[Rule, ...]


@cache
def _fields(kind: type[Any]) -> tuple[_Field, ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(_Field(field.name, field.repr, *_taken_apart(hints[field.name])) for field in fields(kind))


def _taken_apart(hint: Any) -> tuple[Any, bool, tuple[Rule, ...]]:
    """The type, whether None is one too, and the rules."""
    optional = get_origin(hint) in {Union, UnionType} and NoneType in get_args(hint)
    if optional:
        (hint,) = (arg for arg in get_args(hint) if arg is not NoneType)
    if get_origin(hint) is Annotated:
        kind, *rules = get_args(hint)
        return kind, optional, tuple(rules)
    return hint, optional, ()


def _ill_typed(value: object, kind: Any) -> str:
    if kind is str:
        return "must be a text" if not isinstance(value, str) else _unencodable(value)
    if kind is bool:
        return "" if isinstance(value, bool) else "must be True or False"
    if kind is int:
        return "" if isinstance(value, int) and not isinstance(value, bool) else "must be a whole number"
    kind = get_origin(kind) or kind
    return "" if isinstance(value, kind) else f"must be a {kind.__name__}"


def _unencodable(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode (it contains a lone surrogate)"
    return ""


def _texts(value: object) -> list[str] | None:
    """All the texts in a list, or in a mapping of texts to lists; None if it is neither. A text is no list of texts."""
    if isinstance(value, Mapping):
        lists = [_texts(inner) for inner in value.values()]
        found: list[Any] = [*value, *(text for inner in lists if inner is not None for text in inner)]
        return None if None in lists or not all(isinstance(text, str) for text in found) else found
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(text, str) for text in value):
        return None
    return list(value)
