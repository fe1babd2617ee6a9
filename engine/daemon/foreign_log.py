"""What others than the daemon have to say, libraries and modules that know no log: lines of the log like any other."""

from __future__ import annotations

import logging
import traceback
import warnings
from collections.abc import Callable

from engine.daemon.log import Log


class _ToLog(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        _tell(self._log, record.levelname.lower(), record.name, record.getMessage, error)


def take_in(log: Log) -> None:
    """Have all that is told Python's `logging`, from warnings on, and all its `warnings`, told to the log instead of
    written as text where the log is. For the rest of the process."""

    def warn(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        _tell(log, "warning", category.__name__, lambda: str(message))

    logging.getLogger().addHandler(_ToLog(log))
    warnings.showwarning = warn


def _tell(log: Log, event: str, logger: str, message: Callable[[], str], error: BaseException | None = None) -> None:
    """Whoever only wanted to say something goes on, also if it cannot be said."""
    try:
        facts = {"error": _text(repr(error)), "trace": _trace(error)} if error else {}
        log.event(event, logger=_text(logger), message=_text(message()), **facts)
    except Exception as broken:  # it may be anything: their code makes the text
        why = "".join(traceback.format_exception_only(broken)).strip()  # also of one whose own text fails
        log.event("bug", logger=_text(logger), error=_text(why), trace=_trace(broken))


def _trace(error: BaseException) -> str:
    """Where it happened: files, lines and functions, and no values."""
    return _text("".join(traceback.format_tb(error.__traceback__)))


def _text(told: str) -> str:
    """Text that UTF-8 can hold."""
    return told.encode("utf-8", "backslashreplace").decode()
