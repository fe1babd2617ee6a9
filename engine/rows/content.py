"""The bytes of a manifest, decompressed, piece by piece."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

from engine.errors import InputError

READ_BYTES = 1 << 20
INFLATE_BYTES = 1 << 18  # bounds what a bomb can make of one piece

GZIP = b"\x1f\x8b"  # no UTF-8 text starts like this, so the name of the file does not matter


class DamagedError(InputError):
    """The compressed data ends early or is corrupt. All that could be read before it was given."""


def pieces(path: Path | None) -> Generator[bytes, None, None]:
    """The content of a file (None: standard input), in non-empty pieces, as soon as they are there.

    Raises InputError if it cannot be opened or read, DamagedError if its gzip stream breaks off.
    """
    try:
        with _opened(path) as file:
            read = getattr(file, "read1", file.read)  # what is there, up to so many bytes
            head = read(READ_BYTES)
            if head == GZIP[:1]:
                head += read(READ_BYTES)
            if head.startswith(GZIP):
                yield from _inflated(head, read)
                return
            while head:
                yield head
                head = read(READ_BYTES)
    except OSError as error:
        raise InputError(f"{path or 'standard input'}: {error.strerror or error}") from error


def _opened(path: Path | None) -> AbstractContextManager[BinaryIO]:
    if path is not None:
        return path.open("rb")
    if sys.stdin is None:
        raise InputError("standard input is closed")
    # Unbuffered: a thread that waits in a read would hold the buffer's lock, also when the process wants to end.
    return nullcontext(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))  # not ours to close


def _inflated(head: bytes, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The members of a gzip stream, one after the other. Zeros may pad its end, as they do on tapes."""
    compressed, given_bytes = head, 0
    while compressed:
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            before = member.copy()
            try:
                piece = member.decompress(compressed, INFLATE_BYTES)
            except zlib.error as error:
                saved = _before_damage(before, compressed)
                if saved:
                    yield saved
                raise _damaged("is corrupt", given_bytes + len(saved)) from error
            compressed = member.unconsumed_tail
            if piece:
                given_bytes += len(piece)
                yield piece
            elif not compressed and not member.eof:
                compressed = read(READ_BYTES)
                if not compressed:
                    raise _damaged("ends too early", given_bytes)
        compressed = member.unused_data.lstrip(b"\0")
        while not compressed and (more := read(READ_BYTES)):
            compressed = more.lstrip(b"\0")


def _before_damage(member: zlib._Decompress, compressed: bytes) -> bytes:
    """What zlib had made of `compressed` before it failed, which its exception loses."""
    saved = bytearray()
    try:
        for at in range(len(compressed)):
            saved += member.decompress(compressed[at : at + 1])
    except zlib.error:
        pass
    return bytes(saved)


def _damaged(how: str, offset_bytes: int) -> DamagedError:
    return DamagedError(
        f"the gzip data {how} after {offset_bytes:,} decompressed bytes; what follows could not be read: "
        "make the file again and repeat the command"
    )
