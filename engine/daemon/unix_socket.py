"""A unix socket to listen on: it takes the place of one that nobody listens on any more, and of nothing else."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from engine.backlog.owner import Owner
from engine.errors import PASSING, BacklogError, ConfigError, ListenError

MOST_BYTES = 107  # of a path: `sun_path` without the zero at its end


def check(path: str) -> None:
    """Whether a socket can be made there, as far as can be seen without doing it. Raises ConfigError."""
    where = Path(path)
    if len(os.fsencode(path)) > MOST_BYTES:
        raise ConfigError(
            f"serve.bind: {path!r:.150} is longer than the {MOST_BYTES} bytes that a socket's path may have"
        )
    try:
        if not where.parent.is_dir():
            raise ConfigError(f"serve.bind: there is no directory {where.parent}")
        if not stat.S_ISSOCK(where.lstat().st_mode):
            raise ConfigError(f"serve.bind: {path} is there already, and is no socket")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise ConfigError(f"serve.bind: {path} cannot be used: {error.strerror}") from None
    if not os.access(where.parent, os.W_OK | os.X_OK, effective_ids=True):
        raise ConfigError(f"serve.bind: nothing may be made in {where.parent}")


class UnixSocket:
    """Listens, for its owner and their group. A lock beside it keeps two that begin at once from each other's place."""

    def __init__(self, path: str, backlog: int) -> None:
        """
        Raises:
            ListenError: somebody else does, or it cannot for now.
            ConfigError: it cannot.
        """
        check(path)
        self._path = Path(path)
        try:
            self._owner = Owner(self._path)
        except BacklogError as error:
            raise ListenError(f"serve.bind: cannot listen at unix:{path}: {error}") from None
        except OSError as error:
            kind = ListenError if error.errno in PASSING else ConfigError
            raise kind(f"serve.bind: cannot listen at unix:{path}: {path}.lock: {error.strerror}") from None
        self.listening = socket.socket(socket.AF_UNIX)
        try:
            self._make_way()
            self.listening.bind(path)
            self._made = self._there()
            self._path.chmod(0o660)
            self.listening.listen(backlog)
        except OSError as error:
            self._give_up()
            raise ConfigError(f"serve.bind: cannot listen at unix:{path}: {error.strerror}") from None
        except ListenError:
            self._give_up()
            raise

    def remove(self) -> None:
        """Unless another one has taken its place."""
        with suppress(OSError):
            if self._there() == self._made:
                self._path.unlink()
        self._owner.release()

    def _give_up(self) -> None:
        self.listening.close()
        self._owner.release()

    def _there(self) -> tuple[int, int]:
        found = self._path.lstat()
        return found.st_dev, found.st_ino

    def _make_way(self) -> None:
        """Remove a socket that nobody listens on."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.setblocking(False)
            try:
                asking.connect(str(self._path))
            except FileNotFoundError:
                return
            except ConnectionRefusedError:
                self._path.unlink(missing_ok=True)
                return
            except BlockingIOError:
                pass  # whoever listens has much to do
        raise ListenError(f"serve.bind: cannot listen at unix:{self._path}: another process does")
