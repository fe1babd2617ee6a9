"""Exit codes: a contract with scripts."""

from __future__ import annotations

from enum import IntEnum

from engine.errors import (
    ConfigError,
    CredentialsError,
    InputError,
    QuotaError,
    SyncmuxError,
    UnauthorizedError,
    UnusableBacklogError,
)


class Exit(IntEnum):
    DONE = 0
    ERROR = 1  # anything without a number of its own
    USAGE = 2  # usage or configuration, no row that can be used, or a file that can be no backlog
    FAILED = 3  # finished, with failed jobs or rejected rows
    CREDENTIALS = 4
    INTERRUPTED = 5  # run the same command again to resume
    QUOTA = 6  # a quota is exhausted


# The first class that fits decides, so the narrower classes come first.
_CODES: tuple[tuple[type[SyncmuxError], Exit], ...] = (
    (CredentialsError, Exit.CREDENTIALS),
    (UnauthorizedError, Exit.CREDENTIALS),
    (QuotaError, Exit.QUOTA),
    (ConfigError, Exit.USAGE),
    (InputError, Exit.USAGE),
    (UnusableBacklogError, Exit.USAGE),
)


def exit_of(error: SyncmuxError) -> Exit:
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.ERROR)
