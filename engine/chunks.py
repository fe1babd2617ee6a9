"""Rows as a caller's iterator gives them, in chunks that are worth a transaction.

What the iterator raises comes after all that it gave.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from typing import Any

CHUNK_ROWS = 1_000
MOMENT_S = 0.005  # how long the caller's loop is kept by rows from a plain iterator
LINGER_S = 0.05  # how long rows of a slow source wait for others to share a call with


def chunked(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Chunks of as many rows as come within a moment. They come in the caller's loop, as the caller's own code would
    fetch them: an iterator need not bear another thread."""
    chunk: list[Any] = []
    until = time.perf_counter() + MOMENT_S
    try:
        for row in rows:
            chunk.append(row)
            if len(chunk) == CHUNK_ROWS or time.perf_counter() > until:
                yield chunk
                chunk = []
                until = time.perf_counter() + MOMENT_S
    except Exception:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


async def gathered(rows: AsyncIterable[Any]) -> AsyncGenerator[list[Any], None]:
    """Chunks of what an async source gives: full ones if it is fast, what has come after a moment if it is not."""
    source = aiter(rows)
    chunk: list[Any] = []
    pending: asyncio.Future[Any] | None = None
    end: Exception | None = None
    try:
        while end is None:
            pending = pending or asyncio.ensure_future(anext(source))
            done, _ = await asyncio.wait((pending,), timeout=LINGER_S if chunk else None)
            if not done:
                yield chunk
                chunk = []
                continue
            try:
                chunk.append(pending.result())
            except Exception as error:
                end = error
            finally:
                pending = None
            if len(chunk) == CHUNK_ROWS:
                yield chunk
                chunk = []
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.wait((pending,))
    if chunk:
        yield chunk
    if not isinstance(end, StopAsyncIteration):
        raise end
