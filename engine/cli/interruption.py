"""Signals: the first asks to end well, the second to end at once. Nothing is lost either way.

None of them raises anything where it comes: extension modules crash over that while they are imported, and others'
code may catch it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from engine.cli.exits import Exit

SIGNALS = (signal.SIGINT, signal.SIGTERM)
HELD = (*SIGNALS, signal.SIGHUP)
INTERRUPTED = "interrupted; run the same command again to resume"


def hold(*numbers: signal.Signals) -> None:
    """Have the system keep them until they are let in: what they are to do is not known yet."""
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


def let_in(*numbers: signal.Signals) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


def on_signals(handler: Callable[..., Any] | signal.Handlers) -> None:
    for number in SIGNALS:
        signal.signal(number, handler)


def end_at_once(*_: object) -> None:
    """While there is nothing yet that must be ended well."""
    with suppress(OSError):  # nobody hears it
        os.write(2, f"syncmux: {INTERRUPTED}\n".encode())
    os._exit(Exit.INTERRUPTED)


class Interruption:
    """Counts the signals that came."""

    def __init__(self, first: Callable[[], object], second: Callable[[], object]) -> None:
        self.count = 0
        self._first = first
        self._second = second

    def _came(self) -> None:
        self.count += 1
        if self.count == 1:
            self._first()
        else:
            self._second()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While this lasts, signals end nothing by themselves. Afterwards, when what was done is told, they change
        nothing any more."""
        import asyncio  # noqa: PLC0415 - slow, and handlers must be set before

        # Not the loop's own handlers: between those and the next ones, signals would have their default effect.
        loop = asyncio.get_running_loop()
        on_signals(lambda *_: loop.call_soon_threadsafe(self._came))
        try:
            yield
        finally:
            on_signals(lambda *_: None)
