"""Tells the service manager how the daemon is, by systemd's protocol.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress


class Notifier:
    """Does nothing where nobody listens, and never fails: who is told how we are does not change how we are."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        meant = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        usec = environ.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(usec) / 1e6 if meant and usec.isascii() and usec.isdigit() else 0.0  # 0: none

    def ready(self) -> None:
        self._tell("READY=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def alive(self, status: str) -> None:
        """Feed the watchdog."""
        self._tell(f"WATCHDOG=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """`status` is one line."""
        self._tell(f"STATUS={status}")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Nobody is told that it is ready again if it is to end meanwhile."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        yield
        self.ready()

    def _tell(self, text: str) -> None:
        if not self._address.startswith(("/", "\0")):
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
            sending.setblocking(False)
            sending.sendto(text.encode(), self._address)
