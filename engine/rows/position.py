"""How far a manifest was read."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows. Format and header are not part of it: they are read again from the file's start."""

    offset_bytes: int  # of the decompressed content
    line: int  # lines before it
    rows: int  # valid rows before it
    digest: str  # BLAKE2b of the decompressed content before it, in hexadecimal

    def to_json(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> Cursor:
        """Raises ValueError if `text` did not come from :meth:`to_json`."""
        try:
            read = cls(**orjson.loads(text))
        except TypeError as error:
            raise ValueError(f"not a cursor: {text[:200]}") from error
        if [type(value) for value in astuple(read)] != [int, int, int, str]:
            raise ValueError(f"not a cursor: {text[:200]}")
        return read
