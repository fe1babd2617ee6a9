"""Where words go: results to standard output, everything else to standard error; with --json, events instead.

Names of objects and messages of clouds are among the words: what is not printable in them is escaped, or they could
steer the terminal and forge lines. Whoever reads may have enough at any time: that changes nothing about the work.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import orjson

from engine.cli.exits import Exit, exit_of
from engine.errors import SyncmuxError
from engine.rows.schema import visible

VERSION = 1  # of the events


@dataclass(frozen=True, slots=True)
class Output:
    json: bool = False
    quiet: bool = False

    def event(self, name: str, **facts: Any) -> None:
        """For programs: one JSON line on standard output. Nothing without --json."""
        if self.json:
            _write_json({"syncmux": VERSION, "event": name, **facts}, orjson.OPT_APPEND_NEWLINE)

    def result(self, *lines: str) -> None:
        """For people: what they asked for."""
        if not self.json:
            with _heard(sys.stdout):
                for line in lines:
                    print(visible(line))

    def document(self, content: Any) -> None:
        """For people and programs: JSON that they asked for, to the letter."""
        if not self.json:
            _write_json(content, orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2)

    def note(self, text: str) -> None:
        """For people: what is going on."""
        if not self.json and not self.quiet:
            with _heard(sys.stderr):
                print(visible(text), file=sys.stderr)

    def failure(self, error: SyncmuxError) -> Exit:
        """One line that says what went wrong; returns the exit code that says it too."""
        code = exit_of(error)
        complain(str(error))
        self.event("error", kind=type(error).__name__, message=str(error), exit=code)
        return code


def complain(text: str) -> None:
    """One line of ours on standard error."""
    with _heard(sys.stderr):
        print(f"syncmux: {visible(text)}", file=sys.stderr)


def _write_json(content: Any, options: int) -> None:
    with _heard(sys.stdout):
        sys.stdout.flush()
        sys.stdout.buffer.write(orjson.dumps(content, option=options))  # UTF-8, whatever people's encoding is


@contextmanager
def _heard(stream: TextIO) -> Iterator[None]:
    try:
        yield
        stream.flush()
    except BrokenPipeError:
        silence(stream)


def silence(stream: TextIO) -> None:
    """Nobody reads it any more: have it lead nowhere, also what it still holds, which Python writes at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
