"""The standard streams, made fit for what is written to them."""

from __future__ import annotations

import io
import os
import sys


def mend_streams() -> None:
    """Open what is closed on nothing, and have what an encoding lacks written as escapes.

    The number of a closed stream would go to the next file or socket: the loop aborts over that, and what is printed
    would end up there. Standard input that is closed stays None in `sys`: nothing is not the same as an empty file.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
