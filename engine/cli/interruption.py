"""Signals: the first asks to end well, the second to end at once. Nothing is lost either way."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Counts the signals that came."""

    def __init__(self, first: Callable[[], None], second: Callable[[], None]) -> None:
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
        """While this lasts, signals end nothing by themselves."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._came)
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)
                signal.signal(number, signal.default_int_handler)  # as `main` has it: KeyboardInterrupt
