"""What creates and changes remember, when several processes remember it."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.backlog import intent_store
from engine.backlog.intent_store import IntentStore, beside
from engine.errors import BacklogError, UnusableBacklogError

COUNT = """
import asyncio, sys
from engine.backlog.intent_store import IntentStore
async def main():
    store = IntentStore(sys.argv[1])
    for _ in range(100):
        await store.update("n", lambda text: str(int(text or 0) + 1))
    await store.close()
asyncio.run(main())
"""
CLAIM = """
import asyncio, sys
from engine.backlog.intent_store import IntentStore
async def main():
    async with IntentStore(sys.argv[1]).claimed("mine", print):
        print("claimed", flush=True)
        sys.stdin.readline()
asyncio.run(main())
"""


def untold(text: str) -> None:
    pytest.fail(text)


@contextmanager
def claimer(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "claimed\n"
        try:
            yield process
        finally:
            process.kill()


async def test_what_is_remembered_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "intents.db"
    for expected in (None, "1", "2"):
        store = IntentStore(path)
        assert await store.recall("n") == expected
        assert await store.update("n", lambda text: str(int(text or 0) + 1))
        assert not await store.update("n", lambda text: None)
        await store.close()
    assert [oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()] == ["0o600", "0o600"]
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "intents.db"
    counting = [subprocess.Popen([sys.executable, "-c", COUNT, str(path)]) for _ in range(3)]
    assert [process.wait() for process in counting] == [0, 0, 0]
    store = IntentStore(path)
    assert await store.recall("n") == "300"
    await store.close()


async def test_a_claim_is_one_processs_and_falls_with_it(tmp_path: Path) -> None:
    path, said = tmp_path / "intents.db", asyncio.Event()
    store = IntentStore(path)
    with claimer(path) as process:
        async with store.claimed("another", untold):
            pass

        async def claim() -> None:
            async with store.claimed("mine", lambda _text: said.set()):
                assert process.poll() is not None

        claiming = asyncio.create_task(claim())
        await said.wait()
        process.kill()
        process.wait()
        await claiming
    async with store.claimed("mine", untold):
        pass
    await store.close()


async def test_who_waits_for_a_claim_gives_up_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intent_store, "CLAIM_S", 0.1)
    path = tmp_path / "intents.db"
    store = IntentStore(path)
    with claimer(path), pytest.raises(BacklogError, match="another process is busy with the same"):
        async with store.claimed("mine", lambda _text: None):
            pytest.fail("it was claimed twice")
    await store.close()


async def test_among_ourselves_a_claim_is_one_tasks(tmp_path: Path) -> None:
    for path in (":memory:", tmp_path / "intents.db"):
        store, inside = IntentStore(path), 0

        async def claim(store: IntentStore = store) -> None:
            nonlocal inside
            async with store.claimed("mine", untold):
                inside += 1
                await store.remember("n", str(inside))
                assert inside == 1
                inside -= 1

        await asyncio.gather(*(claim() for _ in range(10)))
        await store.close()


@pytest.mark.parametrize("content", [b"no database, but long enough to be told from one", b"SQLite format 3\0" * 40])
async def test_what_is_no_such_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "intents.db"
    path.write_bytes(content)
    store = IntentStore(path)
    for _ in range(2):
        with pytest.raises(UnusableBacklogError, match=f"the backlog {path} is damaged, or something else"):
            await store.recall("n")
    await store.close()
    assert path.read_bytes() == content


async def test_one_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "intents.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    store = IntentStore(path)
    with pytest.raises(UnusableBacklogError, match=f"the backlog {path} was written by a newer syncmux"):
        await store.recall("n")
    await store.close()


def test_where_it_is() -> None:
    assert beside("a/backlog.db") == Path("a/backlog.db.intents.db")
    assert beside(":memory:") == ":memory:"
