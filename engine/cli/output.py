"""Where words go: results to standard output, everything else to standard error; with --json, events instead."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import orjson

from engine.cli.exits import Exit, exit_of
from engine.errors import SyncmuxError

VERSION = 1  # of the events


@dataclass(frozen=True, slots=True)
class Output:
    json: bool = False
    quiet: bool = False

    def event(self, name: str, **facts: Any) -> None:
        """For programs: one JSON line on standard output. Nothing without --json."""
        if self.json:
            print(orjson.dumps({"syncmux": VERSION, "event": name, **facts}).decode(), flush=True)

    def result(self, *lines: str) -> None:
        """For people: what they asked for."""
        if not self.json:
            for line in lines:
                print(line)
            sys.stdout.flush()

    def note(self, text: str) -> None:
        """For people: what is going on."""
        if not self.json and not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def failure(self, error: SyncmuxError) -> Exit:
        """One line that says what went wrong; returns the exit code that says it too."""
        code = exit_of(error)
        print(f"syncmux: {error}", file=sys.stderr, flush=True)
        self.event("error", kind=type(error).__name__, message=str(error), exit=code)
        return code
