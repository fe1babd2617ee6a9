"""The options that every command takes, before its name or after it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter, Token

if TYPE_CHECKING:
    from engine.config import Settings

FLAG = Parameter(negative=(), show_default=False)


def _whole(_: object, tokens: Sequence[Token]) -> int:
    """Cyclopts itself would round. Raises ValueError."""
    value = tokens[0].value
    if not value.isdecimal():
        raise ValueError(f"{value!r:.40} is not a whole number")
    return int(value)


WHOLE = Parameter(converter=_whole)
_GROUP = Group("Everywhere", sort_key=9)


@Parameter(name="*", group=_GROUP)
@dataclass(frozen=True, slots=True, kw_only=True)
class Everywhere:
    """See the field docstrings; they are what --help shows."""

    config: Path | None = None
    "Settings, as TOML. Flags win over SYNCMUX_* variables, and those over the file."

    backlog: str | None = None
    "File that remembers all work [.syncmux/backlog.db]."

    rate: float | None = None
    "Calls/s, at most, of the operation that starts work; without it the pace is learnt."

    concurrency: Annotated[int | None, WHOLE] = None
    "Calls in flight, at most, per account and operation [as many as help]."

    batch: Annotated[int | None, WHOLE] = None
    "Rows in a call, where a cloud takes several [10]."

    json: Annotated[bool, FLAG] = False
    "JSON lines on standard output, for programs."

    dry_run: Annotated[bool, FLAG] = False
    "Only show what would be done: nothing is sent, no backlog is touched."

    quiet: Annotated[bool, FLAG] = False
    "Only speak of what went wrong."

    def settings(self) -> Settings:
        """Raises ConfigError for what is wrong, naming it, and warns of variables that nothing reads."""
        from engine.cli.variables import unread  # noqa: PLC0415 - `--help` needs none of it
        from engine.config import load  # noqa: PLC0415
        from engine.errors import ConfigError  # noqa: PLC0415

        for text in unread(os.environ):
            warnings.warn(text, stacklevel=2)
        settings = load(
            self.config, backlog=self.backlog, rate=self.rate, concurrency=self.concurrency, batch=self.batch
        )
        if "://" in settings.backlog:
            kind = settings.backlog.split("://")[0]
            raise ConfigError(f"backlog: {kind}:// is not yet supported; name a file")
        if any("\ud800" <= c <= "\udfff" for c in settings.backlog):  # SQLite takes no other name
            raise ConfigError(f"backlog: {settings.backlog!r} is not valid UTF-8")
        return settings


VALUED = {"--config", "--backlog", "--rate", "--concurrency", "--batch"}
FLAGS = {"--json", "--dry-run", "--quiet"}


def in_command(
    arguments: Sequence[str], commands: Collection[str], groups: Mapping[str, Collection[str]] = MappingProxyType({})
) -> list[str]:
    """The arguments with the options that stand before the command's name moved behind it, where they are read.

    `groups` are commands that have commands of their own.
    """
    options: list[str] = []
    rest = list(arguments)
    while rest and rest[0] not in commands:
        name = rest[0].partition("=")[0]
        if name not in VALUED | FLAGS:
            break
        taken = 2 if rest[0] in VALUED else 1
        options += rest[:taken]
        del rest[:taken]
    if rest and rest[0] in groups:
        return [rest[0], *in_command([*options, *rest[1:]], groups[rest[0]])]
    return [*rest[:1], *options, *rest[1:]]
