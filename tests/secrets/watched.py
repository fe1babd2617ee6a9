"""What a process says of itself when it is asked for everything: logs at DEBUG, tracebacks, reprs, locals."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import sys
import traceback
from pathlib import Path
from typing import Any

TRACEBACKS, REPRS, LOCALS = "tracebacks", "reprs", "locals"


def speak() -> None:
    """Log everything that anybody logs, each callback of a loop among it, and wait for nothing."""
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, force=True)
    random.random = lambda: 0.0  # delays between attempts
    asyncio.set_event_loop_policy(Talkative())


class Talkative(asyncio.DefaultEventLoopPolicy):
    """Loops that log each callback as a slow one."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        loop.set_debug(True)
        if isinstance(loop, asyncio.BaseEventLoop):
            loop.slow_callback_duration = 0.0
        return loop


class Witness:
    """Writes down, in files of `place`, what can be seen while an error is handled."""

    def __init__(self, place: Path, packages: tuple[str, ...]) -> None:
        self._place = place
        self._packages = packages
        self._told: set[str] = set()

    def error(self, error: BaseException) -> None:
        self._write(TRACEBACKS, "".join(traceback.format_exception(error)))
        frames = traceback.TracebackException.from_exception(error, capture_locals=True)
        self._write(LOCALS, "".join(frames.format()))
        chain: list[BaseException] = []
        following: BaseException | None = error
        while following is not None and following not in chain:
            chain.append(following)
            following = following.__cause__ or following.__context__
        self.things(*[thing for each in chain for thing in (each, each.args, vars(each))])

    def things(self, *things: Any) -> None:
        """The things, and everything of the packages that is alive."""
        gc.collect()  # what nobody can reach is seen in a core dump at most
        alive = [thing for thing in gc.get_objects() if self._ours(type(thing).__module__)]
        reprs = dict.fromkeys(_repr(thing) for thing in (*things, *alive))
        self._write(REPRS, "\n".join(text for text in reprs if text not in self._told))
        self._told |= reprs.keys()

    def _ours(self, module: object) -> bool:
        return isinstance(module, str) and module.partition(".")[0] in self._packages

    def _write(self, name: str, text: str) -> None:
        with (self._place / name).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text + "\n")


def _repr(thing: object) -> str:
    try:
        return f"{type(thing).__qualname__} {thing!r} {thing}"
    except Exception as error:  # a vendor's repr may need what the object has not
        return f"{type(thing).__qualname__}: no repr ({type(error).__name__})"
