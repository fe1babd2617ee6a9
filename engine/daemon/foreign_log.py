"""What others than the daemon have to say, libraries and modules that know no log: lines of the log like any other."""

from __future__ import annotations

import logging
import warnings

from engine.daemon.log import Log


class _ToLog(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        facts = {"error": repr(error)} if error else {}
        try:
            self._log.event(record.levelname.lower(), logger=record.name, message=record.getMessage(), **facts)
        except (TypeError, ValueError) as broken:  # whoever only wanted to say something goes on
            self._log.event("bug", error=repr(broken))


def take_in(log: Log) -> None:
    """Have all that is told Python's `logging`, from warnings on, and all its `warnings`, told to the log instead of
    written as text where the log is. For the rest of the process."""

    def warn(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        log.event("warning", logger=category.__name__, message=str(message))

    logging.getLogger().addHandler(_ToLog(log))
    warnings.showwarning = warn
