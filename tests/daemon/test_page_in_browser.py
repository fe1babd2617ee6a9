"""The page in a real browser, headless. `make browser` runs it, and it needs Chromium: `apt-get install chromium`.

Driven by the DevTools protocol: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve, event
from tests.daemon.test_operations import OPERATOR, digest, start

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 30.0
HOSTILE = '<img src=x onerror="document.title=1">\u202e</td><script>document.title=2</script>'


class Tab:
    """One page of a browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.heard: list[dict[str, Any]] = []  # events that came while something else was waited for
        self._socket = socket
        self._numbers = count(1)

    async def do(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(PATIENCE_S):
            while True:
                said: dict[str, Any] = await self._socket.receive_json()
                if said.get("id") == number:
                    assert "error" not in said, said
                    result: dict[str, Any] = said["result"]
                    return result
                self.heard.append(said)

    async def value(self, expression: str) -> Any:
        said = await self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    async def until(self, expression: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not await self.value(expression):
                pass

    async def picture(self, file: Path) -> None:
        shot = await self.do("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))


@asynccontextmanager
async def browsing(profile: Path, url: str) -> AsyncIterator[Tab]:
    binary = next(filter(None, map(shutil.which, NAMES)), None)
    if binary is None:
        pytest.fail(f"none of {', '.join(NAMES)} is here: apt-get install chromium")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    process = await asyncio.create_subprocess_exec(
        binary, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}", "--no-first-run",
        "--disable-gpu", "--disable-background-networking", "--window-size=1280,1000", *sandbox, "about:blank",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr
    try:
        async with asyncio.timeout(PATIENCE_S):
            place = None
            while not place:
                line = await process.stderr.readline()
                assert line, "the browser ended"
                place = re.search(rb"listening on ws://([^/]+)/", line)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://{place[1].decode()}/json/list") as answer:
                (target,) = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await tab.do(f"{domain}.enable")
                await tab.do("Page.navigate", url=url)
                yield tab
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def cell(table: str, row: str, column: str) -> str:
    """An expression for the text of a cell, by its headings."""
    return (
        f"(() => {{ const t = document.getElementById('{table}');"
        f" const i = [...t.querySelectorAll('thead th')].findIndex((c) => c.textContent === '{column}');"
        f" const r = [...t.querySelectorAll('tbody tr')].find((c) => c.children[0].textContent === '{row}');"
        " return r ? r.children[i].textContent : null; })()"
    )


async def test_people_see_what_happens_while_it_happens(serve: Serve, cloud: Clouds, tmp_path: Path) -> None:
    start(serve, serve.push(), serve.trigger())
    async with browsing(tmp_path / "profile", f"http://127.0.0.1:{serve.port}/") as tab:
        await tab.until("!document.getElementById('shown').hidden")
        assert await tab.value("document.getElementById('state').textContent") == "ready"
        serve.post(*[event(f"d{i}/x") for i in range(50)])
        await tab.until(f"{cell('senders', 'own', 'events')} === '50'")
        await tab.until(f"{cell('lanes', 'alibaba/TriggerGatewayRemoteSync', 'calls')} === '50'")
        before = int(await tab.value(cell("lanes", "huawei/CreateSyncEvents", "calls")))
        cloud.set(throttle=1.0)
        serve.post(event(HOSTILE))
        await tab.until(f"Number({cell('lanes', 'huawei/CreateSyncEvents', 'throttled')}) > 0")
        assert int(await tab.value(cell("lanes", "huawei/CreateSyncEvents", "calls"))) > before
        await tab.until("document.getElementById('oldest').textContent.includes('<img src=x')")
        assert "\\u202e" in await tab.value("document.getElementById('oldest').textContent"), "it is spelt out"
        assert await tab.value("document.title") == "syncmux", "no name of an object did anything"
        assert await tab.value("document.querySelectorAll('img, script:not(body > script:last-child)').length") == 0
        shots = Path(os.environ.get("SYNCMUX_SHOTS", tmp_path))
        for theme in ("light", "dark"):
            await tab.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
            await tab.picture(shots / f"page-{theme}.png")
        papers = await tab.value("getComputedStyle(document.body).backgroundColor")
        assert papers == "rgb(20, 22, 26)", "the style is in force, and dark is dark"
        wrong = [each for each in tab.heard if each["method"] in {"Runtime.exceptionThrown", "Log.entryAdded"}]
        assert not wrong, "no error, and nothing that the policy forbids"
        asked = {
            each["params"]["request"]["url"] for each in tab.heard if each["method"] == "Network.requestWillBeSent"
        }
        home = f"http://127.0.0.1:{serve.port}/"
        assert asked <= {home, f"{home}v1/status", "data:,"}
        cloud.set(throttle=0.0)


async def test_a_token_is_asked_for_where_one_is_needed(serve: Serve, tmp_path: Path) -> None:
    start(serve, read_tokens=[digest(OPERATOR)])
    async with browsing(tmp_path / "profile", f"http://127.0.0.1:{serve.port}/") as tab:
        await tab.until("!document.getElementById('ask').hidden")
        for token, shown in (("wrong", False), (OPERATOR, True)):
            await tab.value(
                f"document.getElementById('token').value = '{token}';"
                "document.getElementById('ask').requestSubmit(); undefined"
            )
            await tab.until("!document.getElementById('shown').hidden" if shown else
                            "document.getElementById('refused').textContent !== ''")  # fmt: skip
        assert await tab.value("document.getElementById('ask').hidden")
        kept = await tab.value("[document.cookie, localStorage.length, sessionStorage.length, location.href].join()")
        assert kept == f",0,0,http://127.0.0.1:{serve.port}/", "it is kept nowhere"
