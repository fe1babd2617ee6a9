"""Files that hold secrets are read only if nobody else can have read or written them."""

from __future__ import annotations

import errno
import os
import stat
from shlex import quote

from engine.errors import PASSING, CredentialsError, CredentialsNotReadyError

MAX_BYTES = 1 << 20


def read(path: str, *, private: bool = True) -> bytes | None:
    """The whole file as it is at one moment; None if there is none. Blocks: for a thread.

    Raises:
        CredentialsNotReadyError: it cannot be read for now.
        CredentialsError: it cannot be read; or, if `private`, it is a link, somebody else's, or open to others.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe in its place must not hold us up
    try:
        descriptor = os.open(path, flags | (os.O_NOFOLLOW if private else 0))
        try:
            body = _whole(path, descriptor, private=private)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise CredentialsError(f"{path} is a symbolic link; name the file that it leads to") from None
        kind = CredentialsNotReadyError if error.errno in PASSING else CredentialsError
        raise kind(f"cannot read {path}: {error.strerror}") from None
    if len(body) > MAX_BYTES:
        raise CredentialsError(f"{path} is larger than {MAX_BYTES:,} bytes")
    return body


def _whole(path: str, descriptor: int, *, private: bool) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise CredentialsError(f"{path} is not a file")
    if private:
        _refuse_others(path, found)
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(MAX_BYTES + 1)


def _refuse_others(path: str, found: os.stat_result) -> None:
    if found.st_uid not in {os.geteuid(), 0}:
        raise CredentialsError(f"{path} belongs to user {found.st_uid}, not to you; run: chown $(id -u) {quote(path)}")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise CredentialsError(f"{path} is open to other users (mode {mode:04o}); run: chmod 600 {quote(path)}")
