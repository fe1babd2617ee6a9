"""``python -m engine`` is ``syncmux``."""

from __future__ import annotations

import signal
import sys

from engine.cli.collector import tune_collector
from engine.cli.interruption import HELD, end_at_once, hold, on_signals
from engine.cli.streams import mend_streams


def main() -> int:
    """Do what the arguments say; returns the exit code."""
    hold(*HELD)  # until it is known which command they are for
    on_signals(end_at_once)
    mend_streams()
    tune_collector()  # before the imports: they are most of what `--help` takes
    from engine.cli.app import main as run  # noqa: PLC0415

    code = run()
    on_signals(signal.SIG_IGN)  # any other handler would be taken away again before Python has ended
    return code


if __name__ == "__main__":
    sys.exit(main())
