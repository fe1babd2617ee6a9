"""Tables of settings as they stand in a TOML file, of which everything must be known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engine.errors import ConfigError


class Table:
    """One table. What it is asked for may be set; `end` refuses the rest. Everything raises ConfigError."""

    def __init__(self, table: Mapping[str, Any], where: str) -> None:
        self.where = where
        self._table = table
        self._known: set[str] = set()

    def text(self, name: str, default: str = "", *, needed: bool = False) -> str:
        value = self._value(name, default)
        if not isinstance(value, str) or "\0" in value:
            raise ConfigError(f"{self.where}.{name} is {value!r:.60}, not text")
        if needed and not value:
            raise ConfigError(f"{self.where}.{name} is not set")
        return value

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """Where the default is of type int, a whole one. The default may lie outside, and mean that there is none."""
        value = self._value(name, default)
        if name not in self._table:
            return float(default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ConfigError(f"{self.where}.{name} is {value!r:.40}; it must be a number from {least:g} to {most:g}")
        if isinstance(default, int) and value != int(value):
            raise ConfigError(f"{self.where}.{name} is {value!r:.40}; it must be a whole number")
        return float(value)

    def texts(self, name: str, absent: str = "none") -> list[str]:
        """Empty only if it is not set, which means what `absent` says: no list becomes that by losing its last text."""
        value = self._value(name, None)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ConfigError(f"{self.where}.{name} must be a list of texts")  # which may be secret
        if not value:
            raise ConfigError(f"{self.where}.{name} is empty; leave it out to mean {absent}")
        return value

    def flag(self, name: str) -> bool:
        value = self._value(name, False)
        if not isinstance(value, bool):
            raise ConfigError(f"{self.where}.{name} is {value!r:.60}; it must be true or false")
        return value

    def some_of(self, name: str, known: Collection[str], what: str) -> frozenset[str] | None:
        """None if it is not set."""
        value = frozenset(self.texts(name, f"every {what}"))
        if unknown := sorted(value - set(known)):
            raise ConfigError(f"{self.where}.{name}: there is no {what} {unknown[0]!r:.60}")
        return value or None

    def without(self, name: str, why: str) -> None:
        """Refuse one that is set and would have no effect."""
        if self._table.get(name):
            raise ConfigError(f"{self.where}.{name} has no effect: {why}")

    def end(self) -> None:
        for name in self._table:
            if name not in self._known:
                known = ", ".join(sorted(self._known))
                raise ConfigError(f"{self.where}.{name} is not a setting; there is {known}")

    def _value(self, name: str, default: object) -> Any:
        self._known.add(name)
        return self._table.get(name, default)
