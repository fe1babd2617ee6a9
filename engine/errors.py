"""What can go wrong, classed by how syncmux reacts to it rather than by what caused it."""

from __future__ import annotations

from errno import (
    EAGAIN,
    EDQUOT,
    EHOSTDOWN,
    EHOSTUNREACH,
    EIO,
    EMFILE,
    ENFILE,
    ENOMEM,
    ENOSPC,
    ENOTCONN,
    ESTALE,
    ETIMEDOUT,
)

# Of the operating system's errors those that pass by themselves: of a file system that is elsewhere and may answer
# later, of a full disk, and of too many processes, too many open files or too little memory.
PASSING = frozenset(
    {EIO, ESTALE, ETIMEDOUT, EHOSTDOWN, EHOSTUNREACH, ENOTCONN, ENOSPC, EDQUOT, EAGAIN, EMFILE, ENFILE, ENOMEM}
)


class SyncmuxError(Exception):
    """Every error that syncmux raises on purpose."""


class ConfigError(SyncmuxError):
    """A setting is missing or wrong. Raised before anything is sent; the message names the setting."""


class CredentialsError(ConfigError):
    """No usable credentials for an account. Raised before anything is sent."""


class CredentialsNotReadyError(CredentialsError):
    """None for now: what fetches them failed or did not end in time, or the machine could not run or read it."""


class ListenError(SyncmuxError):
    """The daemon cannot listen where it is to, for now: somebody else does, or the machine has no such address yet."""


class InputError(SyncmuxError):
    """A row, or a whole manifest, that cannot be used. A row is rejected and the run goes on."""


class BacklogError(SyncmuxError):
    """The backlog cannot be read or written. The run stops: nothing may run unrecorded."""


class UnusableBacklogError(BacklogError):
    """The file is damaged, of another syncmux, or no backlog: it can only be put right by somebody. The message names
    it, and says what to do."""


class NoSpaceError(BacklogError):
    """The disk under the backlog is full. What was to be written is not; it may be tried again when there is room."""


class BacklogGoneError(BacklogError):
    """The backlog's file was deleted or replaced while it is open: what is taken in now would end with the process.
    Nothing was taken; it may be tried again when the file is back."""


class InboxFullError(SyncmuxError):
    """Too much waits to be sent. Nothing was taken; the same is to be offered again later."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooManyRowsError(InputError):
    """One message makes more rows than may wait at all. It will not fit later either."""


class CallError(SyncmuxError):
    """One call to a cloud did not give a valid answer.

    ``sent`` tells whether the request may have reached the cloud. What was sent and not validly answered is
    ambiguous: it may or may not have taken effect.
    """

    def __init__(
        self,
        message: str,
        *,
        cloud: str = "",
        operation: str = "",
        status: int = 0,
        code: str = "",
        request_id: str = "",
        sent: bool = True,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.cloud = cloud
        self.operation = operation
        self.status = status
        self.code = code
        self.request_id = request_id
        self.sent = sent
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        where = " ".join(part for part in (self.cloud, self.operation) if part)
        known = [self.code, f"HTTP {self.status}" if self.status else "", self.request_id]
        facts = ", ".join(part for part in known if part)
        return (f"{where}: " if where else "") + self.message + (f" ({facts})" if facts else "")


class TransportError(CallError):
    """No answer, or only a part of one. Repeated if it was not sent, ambiguous if it was."""


class ProtocolError(CallError):
    """An answer that cannot be what the operation answers. Ambiguous if the request was sent."""


class UnavailableError(CallError):
    """The cloud is there and cannot serve now (5xx). Again later."""


class ThrottledError(CallError):
    """Too fast for the account's quota. The lane slows down and the call is made again."""

    limit_per_s: float | None = None  # the quota, where the cloud tells


class BusyError(CallError):
    """The target of the call is busy. It waits; other targets go on."""


class RejectedError(CallError):
    """The cloud read the request and said no. The job fails."""


class TargetError(RejectedError):
    """The cloud says that the target itself cannot be used. Every job for that target would fail alike."""


class QuotaError(RejectedError):
    """A quota that waiting a little does not restore. The account stops."""


class UnauthorizedError(CallError):
    """The cloud does not accept the credentials, or they lack a permission.

    The account stops: Huawei locks a key for five minutes after more than five failures in a row.
    """


class ForbiddenError(UnauthorizedError):
    """The cloud knows the key, which lacks a permission: for that target at least, and maybe for all of them.

    The target is left alone. Others find out by themselves: a policy may allow some and not others.
    """


class StaleSignatureError(UnauthorizedError):
    """The cloud's clock and ours are too far apart. Signed again once, with its time."""


class ExpiredCredentialsError(UnauthorizedError):
    """Temporary credentials have come to their end. Fetched anew once."""
