"""One manifest in a spool: how far it was taken, what was wrong with it, and where it goes in the end.

While it is taken, the report lies beside it, hidden, and holds the cursor; in the end it goes where the manifest goes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import orjson

from engine.daemon.sources.whole_file import share, sync_directory, write_whole
from engine.rows import Cursor, Rejected

MOST_ROWS = 1 << 53  # of a report that tells the truth
MOST_NAMED = 1_000  # rejected rows that a report names; it counts all of them
DONE, FAILED = "done", "failed"
REPORT = ".report.json"
MOVING = ".moving"  # until it is known what was moved
MOST_NAME_BYTES = 200  # of a file's name (255 on most systems), so that a time and REPORT can stand beside it


@dataclass(slots=True)
class Report:
    manifest: str
    file: tuple[int, int]  # inode and time of the last change
    began_at: float
    rows: int = 0
    taken: int = 0
    repeated: int = 0  # known by their ids
    unrouted: int = 0  # dropped, since they fit no route
    rejected: int = 0
    rejections: list[dict[str, Any]] = field(default_factory=list)  # the first ones
    error: str = ""  # why nothing more could be read
    cursor: str = ""  # how far it was taken

    def reject(self, rejected: Sequence[Rejected]) -> None:
        self.rejected += len(rejected)
        for row in rejected[: MOST_NAMED - len(self.rejections)]:
            self.rejections.append({"line": row.line, "reason": row.reason, "text": row.text})

    @classmethod
    def read(cls, path: Path) -> Self | None:
        try:
            read = cls(**orjson.loads(path.read_bytes()))
            inode, changed_at = read.file
            read.file = int(inode), int(changed_at)
            if read.cursor:
                Cursor.from_json(read.cursor)
        except (OSError, ValueError, TypeError):
            return None
        return read if read._is_sound() else None

    def _is_sound(self) -> bool:
        """Whether all is of the kind that it should be: anybody who uses the spool can write one."""
        blank = Report("", (0, 0), 0.0)
        counts = (self.rows, self.taken, self.repeated, self.unrouted, self.rejected)
        return (
            all(type(getattr(self, each.name)) is type(getattr(blank, each.name)) for each in fields(self))
            and all(0 <= count < MOST_ROWS for count in counts)
            and all(_kinds_in(each) == [int, str, str] for each in self.rejections)
        )


def _kinds_in(rejection: object) -> list[type]:
    return [type(value) for value in rejection.values()] if isinstance(rejection, dict) else []


def shown(name: str) -> str:
    """A file's name as text, also if its bytes are none."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _shortened(name: str) -> str:
    """A name that is long with a digest in the place of its middle: what it ends with tells what it holds."""
    encoded = os.fsencode(name)
    if len(encoded) <= MOST_NAME_BYTES:
        return name
    digest = blake2b(encoded, digest_size=8).hexdigest().encode()
    head, tail = encoded[: MOST_NAME_BYTES - 60], encoded[-40:]
    return b"-".join([head, digest, tail]).decode("utf-8", "ignore")


def make_folder(path: Path) -> None:
    """In a spool, for those who may use that; one that is there stays as it is. Raises OSError."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        share(folder, path.parent.stat(), 0o1777)  # systemd may forbid to set the bit for the group
    finally:
        os.close(folder)


def recover(spool: Path) -> list[tuple[Path, OSError]]:
    """Have all taken again that a process was moving away as it ended: it may be unread. Returns what had to be left.

    Of reports that tell how far something was taken, those remain that lie beside it.
    """
    left = []
    hidden = {read.file[0]: path for path in spool.glob(f".*{REPORT}") if (read := Report.read(path))}
    for folder in (DONE, FAILED):
        for moving in (spool / folder).glob(f".*{MOVING}"):
            try:
                found = moving.stat()
                back = next((path for path in spool.iterdir() if os.path.samestat(path.lstat(), found)), None)
                if back:  # it was being taken back, by a second name
                    moving.unlink()
                    _untell(moving, back, hidden.get(found.st_ino))
                else:
                    _put_back(moving, spool / _unlike_others(_moved(moving)), hidden.get(found.st_ino))
            except OSError as error:
                left.append((moving, error))
    beside = {_hidden_report(path) for path in spool.glob("*")}
    for path in hidden.values():
        if path not in beside and not left:
            with suppress(OSError):
                path.unlink()
    return left


def _moving(target: Path) -> Path:
    return target.with_name(f".{target.name}{MOVING}")


def _moved(moving: Path) -> str:
    """The name that it was to have."""
    return moving.name.removeprefix(".").removesuffix(MOVING)


def _put_back(moving: Path, back: Path, hidden: Path | None) -> None:
    """Back into the spool, where no other one can be."""
    moving.rename(back)
    _untell(moving, back, hidden)


def _untell(moving: Path, back: Path, hidden: Path | None) -> None:
    """What was hidden beside it is so again, where it is now; no report tells any more that it was taken."""
    if hidden:
        with suppress(FileNotFoundError):
            hidden.replace(_hidden_report(back))
    moving.with_name(_moved(moving) + REPORT).unlink(missing_ok=True)


def _unlike_others(name: str) -> str:
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.urandom(4).hex()}-{_shortened(name)}"


def _hidden_report(path: Path) -> Path:
    return path.with_name(f".{_shortened(path.name)}{REPORT}")


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_ino, found.st_mtime_ns


class Spooled:
    """A manifest that lies in the spool. Everything raises OSError."""

    def __init__(self, path: Path) -> None:
        """Takes up the report that an earlier process left, if it is about this very file. Nothing is to be taken of
        it while nothing can be written beside it: it would be taken again and again."""
        self.path = path
        self._hidden = _hidden_report(path)
        known, file = Report.read(self._hidden), _identity(path.stat())
        self.report = known if known and known.file[0] == file[0] else self._fresh(file)
        self.report.file = file
        for folder in (DONE, FAILED):
            make_folder(path.parent / folder)
        self.save()

    def begin_anew(self) -> None:
        """What was taken before is not what it holds now."""
        self.report = self._fresh(self.report.file)

    @property
    def cursor(self) -> Cursor | None:
        return Cursor.from_json(self.report.cursor) if self.report.cursor else None

    @property
    def gone(self) -> bool:
        """Whether somebody has taken it back."""
        return not self.path.exists()

    def save(self) -> None:
        """What is lost of it by a power cut is taken twice."""
        write_whole(self._hidden, asdict(self.report), durable=False)

    def finish(self) -> Path | None:
        """Move it away, its report first. Returns where it is now; None if it has changed since we began to read it,
        or another one has come under its name: that is left in the spool, or put back if it came in the last moment."""
        # What is open keeps its inode, also where a rename would give it another one (some network file systems).
        with self.path.open("rb") as file:
            return self._moved_away(file.fileno())

    def _moved_away(self, file: int) -> Path | None:
        before = os.fstat(file)
        if _identity(before) != self.report.file:
            return None
        folder = self.path.parent / (FAILED if self.report.error or self.report.rejected else DONE)
        name = _shortened(self.path.name)
        target = folder / name
        if target.exists() or _moving(target).exists():
            target = folder / _unlike_others(name)
        told = {name: value for name, value in asdict(self.report).items() if name not in {"file", "cursor"}}
        told["ended_at"] = round(time.time(), 3)
        beside = target.with_name(target.name + REPORT)
        write_whole(beside, told, like=before)
        if _identity(os.fstat(file)) != self.report.file:  # to write that took as long as a disk takes to sync
            beside.unlink()
            return None
        moving = _moving(target)
        self.path.rename(moving)
        try:
            found = moving.stat()  # whose time may be that of the rename
            if not os.path.samestat(found, os.fstat(file)) or found.st_size != before.st_size:
                _put_back(moving, self._elsewhere(), self._hidden)
                return None
            # The cursor first: a crash before the rename repeats the manifest, and no other one is taken for it.
            self.discard()
            moving.rename(target)
        except OSError:
            self._take_back(moving)
            raise
        sync_directory(folder)
        sync_directory(self.path.parent)
        return target

    def _take_back(self, moving: Path) -> None:
        """To be moved away another time; under its name, unless there is another one now."""
        with suppress(OSError):
            back = self.path
            try:
                os.link(moving, back)  # in the place of no other one, which a rename would take
            except OSError:  # there is another one; or no links are made here, or none to what is another user's
                back = self.path if self.gone else self._elsewhere()
                _put_back(moving, back, self._hidden)
            else:
                moving.unlink()
                _untell(moving, back, self._hidden)
            self._hidden = _hidden_report(back)
            self.save()

    def _elsewhere(self) -> Path:
        """In the spool, with a time before its name: a newer one of that name may have come meanwhile."""
        return self.path.with_name(_unlike_others(self.path.name))

    def discard(self) -> None:
        with suppress(FileNotFoundError):
            self._hidden.unlink()

    def _fresh(self, file: tuple[int, int]) -> Report:
        return Report(shown(self.path.name), file, round(time.time(), 3))
