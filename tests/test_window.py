from __future__ import annotations

import asyncio

from engine.window import WIDEST, Window


async def test_input_waits_while_enough_is_outstanding() -> None:
    window = Window(limit=10)
    window.change("a", 10)
    assert window.full
    reader = asyncio.ensure_future(window.room())
    await asyncio.sleep(0)
    assert not reader.done()
    window.change("a", -1)
    await reader


async def test_an_account_that_crawls_does_not_keep_another_waiting() -> None:
    window = Window(limit=10)
    window.change("slow", 15)
    window.change("fast", 3)
    assert not window.full
    window.change("fast", 10)
    assert window.full
    window.change("fast", -5)
    assert not window.full
    assert window.live == 23


async def test_the_whole_is_bounded_all_the_same() -> None:
    window = Window(limit=10)
    window.change("fast", 0)
    window.change("slow", WIDEST * 10)
    assert window.full
