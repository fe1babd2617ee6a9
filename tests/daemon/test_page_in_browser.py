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
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.cli.conftest import Clouds
from tests.daemon.conftest import Serve, event
from tests.daemon.test_operations import OPERATOR, ask, digest, start

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 30.0
HOSTILE = '<img src=x onerror="window.ran=1">\u202e</td>  <script>window.ran=2</script><b id=made>'
BOXES = "html, body, table, th, td, dl > div, dt, dd, li, p"
LONG = "long-word-" * 40 + "x" * 400


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
        said = await self.do("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    async def open(self, url: str) -> None:
        await self.do("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def until(self, expression: str) -> None:
        """The page looks by itself: being asked over and over would keep it, and the daemon, from work."""
        look = f"const look = () => {expression} ? done() : setTimeout(look, 20); look();"
        with suppress(TimeoutError):
            await self.value(f"new Promise((done) => {{ {look} }})")
            return
        pytest.fail(f"never: {expression}\nin: {await self.value('document.body.innerText')}")

    async def text(self, id_: str) -> str:
        return str(await self.value(f"document.getElementById('{id_}').textContent"))

    async def picture(self, file: Path) -> None:
        shot = await self.do("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def fine(self, port: int) -> None:
        """Nothing went wrong, the policy forbade nothing, and nobody else was asked for anything."""
        assert not [each for each in self.heard if each["method"] == "Runtime.exceptionThrown"]
        entries = [each["params"]["entry"] for each in self.heard if each["method"] == "Log.entryAdded"]
        assert not [each for each in entries if each["level"] in {"warning", "error"}]
        sent = [each["params"]["request"] for each in self.heard if each["method"] == "Network.requestWillBeSent"]
        home = f"http://127.0.0.1:{port}/"
        assert {each["url"] for each in sent} - {"data:,"} == {home, f"{home}v1/status"}


async def pictures(tab: Tab, elsewhere: Path) -> None:
    """In both themes, where SYNCMUX_SHOTS says."""
    for theme, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 22, 26)")):
        await tab.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        await tab.picture(Path(os.environ.get("SYNCMUX_SHOTS", elsewhere)) / f"page-{theme}.png")
        assert await tab.value("getComputedStyle(document.body).backgroundColor") == paper, "the style is in force"


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
                await tab.open(url)
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


def says(id_: str, text: str) -> str:
    return f"document.getElementById('{id_}').textContent.includes({orjson.dumps(text).decode()})"


async def test_numbers_change_while_things_happen(serve: Serve, cloud: Clouds, tmp_path: Path) -> None:
    start(serve, serve.push(), serve.trigger())
    calls = cell("lanes", "alibaba/TriggerGatewayRemoteSync", "calls")
    async with browsing(tmp_path / "profile", f"http://127.0.0.1:{serve.port}/") as tab:
        await tab.until(says("state", "✓ ready"))
        assert await tab.value("document.title") == f"✓ ready · syncmux 127.0.0.1:{serve.port}"
        assert (await tab.value(calls), await tab.text("events-more")) == ("0", "0 in all")
        await tab.value("window.before = document.querySelector('#lanes tbody td.number'); undefined")
        for number in (50, 70):
            serve.post(*[event(f"d{number}-{i}/x") for i in range(number)])
            total = {50: "50", 70: "120"}[number]
            await tab.until(f"{cell('senders', 'own', 'events')} === '{total}'")
            assert await tab.text("events-more") == f"{total} in all"
            assert float(await tab.text("events")) > 0
            assert float(await tab.value(cell("senders", "own", "events/s"))) > 0
            await tab.until(f"{calls} === '{total}'")  # which may take longer than rates look back
        await tab.until(f"{cell('accounts', 'alibaba', 'succeeded')} === '120'")
        assert await tab.value("window.before.isConnected"), "what somebody has selected stays so"
        curve = await tab.value("document.getElementById('events-chart').getAttribute('d')")
        assert re.fullmatch(r"M[\d.]+ [\d.]+(L[\d.]+ [\d.]+)+", curve)
        cloud.set(throttle=1.0)
        serve.post(event("one-more"))
        await tab.until(
            f"/^▲ throttled: [0-9]+ % of calls$/.test({cell('lanes', 'huawei/CreateSyncEvents', 'condition')})"
        )
        assert int(await tab.value(cell("lanes", "huawei/CreateSyncEvents", "throttled"))) > 0
        await pictures(tab, tmp_path)
        tab.fine(serve.port)


async def test_a_name_is_text_whatever_it_holds(serve: Serve, cloud: Clouds, tmp_path: Path) -> None:
    start(serve, serve.push())
    cloud.set(reject_keys=[HOSTILE])
    async with browsing(tmp_path / "profile", f"http://127.0.0.1:{serve.port}/") as tab:
        await tab.until(says("state", "✓ ready"))
        elements = "document.querySelectorAll('script, img, b, [onerror]').length"
        before = await tab.value(elements)
        serve.post(event(HOSTILE))
        shown = f"key {HOSTILE}".replace("\u202e", "\\u202e")
        await tab.until(says("failures", shown))
        cloud.set(throttle=1.0)
        serve.post(event(HOSTILE + "/waits"))
        await tab.until(says("oldest", shown))
        assert "  " in await tab.value("document.getElementById('failures').innerText"), "spaces are seen, too"
        assert await tab.value(elements) == before
        assert await tab.value("[typeof window.ran, document.getElementById('made')]") == ["undefined", None]
        assert await tab.text("state") == "✓ ready"
        tab.fine(serve.port)


async def test_it_says_that_contact_is_lost_and_goes_on(serve: Serve, cloud: Clouds, tmp_path: Path) -> None:
    start(serve)
    toml = serve.directory / "serve.toml"
    toml.write_text(toml.read_text().replace("127.0.0.1:0", f"127.0.0.1:{serve.port}"))
    async with browsing(tmp_path / "profile", f"http://127.0.0.1:{serve.port}/") as tab:
        serve.post(*[event(f"d{i}/x") for i in range(7)])
        await tab.until(says("events-more", "7 in all"))
        serve.kill()
        await tab.until(says("state", "? no contact"))
        assert (await tab.value("document.title")).startswith("? no contact")
        assert re.match(r"\? no contact since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, for ", await tab.text("notices"))
        assert await tab.text("events-more") == "7 in all", "the last that was heard"
        pale = "getComputedStyle(document.getElementById('events')).color"
        assert await tab.value(pale) == "rgb(86, 91, 102)"
        serve.start()
        await tab.until(says("state", "✓ ready"))
        assert await tab.text("notices") == ""
        assert await tab.value(pale) == "rgb(26, 28, 32)"
        assert await tab.text("events-more") == "0 in all", "the daemon counts anew"
        serve.post(event("d/x"), event("e/x"))
        await tab.until(says("events-more", "2 in all"))
        curve = await tab.value("document.getElementById('waiting-chart').getAttribute('d')")
        assert curve.count("M") == 2, "nothing is drawn where nothing was heard"


async def test_it_fits(serve: Serve, cloud: Clouds, tmp_path: Path) -> None:
    start(serve, serve.push(), serve.trigger(), operate_tokens=[digest(OPERATOR)])
    ask(serve, "/v1/lanes/alibaba/TriggerGatewayRemoteSync/pause", OPERATOR, "POST")
    cloud.set(reject_keys=[f"{LONG}/x"])
    serve.post(event(f"{LONG}/x"))
    async with browsing(tmp_path / "profile", f"http://127.0.0.1:{serve.port}/") as tab:
        await tab.until(says("failures", LONG))
        await tab.until(says("oldest", LONG))
        assert await tab.text("state") == "▲ ready, with warnings"
        for width in (320, 400, 800, 1000, 1280, 2560):
            await tab.do(
                "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
            )
            for out in ("e.getBoundingClientRect().right > innerWidth", "e.scrollWidth > e.clientWidth + 1"):
                outside = f"[...document.querySelectorAll('{BOXES}')].filter((e) => {out}).map((e) => e.outerHTML)"
                assert await tab.value(outside) == [], (width, out)


async def test_a_token_is_asked_for_where_one_is_needed(serve: Serve, tmp_path: Path) -> None:
    start(serve, read_tokens=[digest(OPERATOR)])
    async with browsing(tmp_path / "profile", f"http://127.0.0.1:{serve.port}/") as tab:
        await tab.until("document.activeElement.id === 'token'")
        assert await tab.value("document.getElementById('shown').hidden")
        for token, shown in (("wrong", False), (OPERATOR, True)):
            await tab.do("Input.insertText", text=token)
            for kind in ("keyDown", "keyUp"):
                await tab.do("Input.dispatchKeyEvent", type=kind, key="Enter", windowsVirtualKeyCode=13, text="\r")
            await tab.until("!document.getElementById('shown').hidden" if shown else says("refused", "not one of them"))
        assert await tab.value("document.getElementById('ask').hidden")
        assert await tab.text("state") == "✓ ready"
        kept = await tab.value("[document.cookie, localStorage.length, sessionStorage.length, location.href].join()")
        assert kept == f",0,0,http://127.0.0.1:{serve.port}/", "it is kept nowhere"
