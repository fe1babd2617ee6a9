"""The page, as a browser would take it apart. `test_page_in_browser.py` has a browser do it."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from engine.daemon.page import PAGE, POLICY
from engine.daemon.status import status
from tests.daemon.conftest import LISTENER, Serve
from tests.daemon.test_metrics import observation

HTML = PAGE.body.decode()


class Page(HTMLParser):
    """Elements with their attributes, and what stands in scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.contents: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(HTML)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside in self.contents:
            self.contents[self._inside].append(data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


def directives() -> dict[str, str]:
    return {name: value for name, _, value in (each.partition(" ") for each in POLICY.split("; "))}


@pytest.mark.parametrize("tag", ["script", "style"])
def test_the_policy_lets_in_what_is_there_and_nothing_else(tag: str) -> None:
    (content,) = Page().contents[tag]
    digest = base64.b64encode(sha256(content.encode()).digest()).decode()
    assert directives()[f"{tag}-src"] == f"'sha256-{digest}'"
    assert directives()["default-src"] == "'none'"
    assert directives()["connect-src"] == "'self'"
    assert "unsafe" not in POLICY


def test_nothing_comes_from_elsewhere_and_nothing_runs_beside_the_script() -> None:
    page = Page()
    assert not re.search(r"(?i)https?://|//[a-z0-9.-]+\.[a-z]", HTML)
    assert not re.search(r"(?i)@import|url\(", page.contents["style"][0])
    for tag, attributes in page.elements:
        assert tag not in {"img", "iframe", "object", "embed", "video", "audio", "base"}
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "src", "action"}], tag
        assert attributes.get("href", "data:,") == "data:,"


def test_what_comes_from_outside_is_only_ever_text() -> None:
    (script,) = Page().contents["script"]
    code = re.sub(r"//.*", "", script)
    for sink in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "DOMParser",
                 "srcdoc", "createContextualFragment", ".href", "location"):  # fmt: skip
        assert sink not in code, sink
    assert re.findall(r"\bsetAttribute\b.*", code) == ['setAttribute("d", path.join(""));'], "a curve: numbers"
    texts = re.findall(r"\b(?:textContent|title) = (.+)", code)
    assert len(texts) == 2
    for text in texts:  # it was made visible
        assert text.startswith("seen("), text


def test_the_script_reads_what_status_has() -> None:
    (script,) = Page().contents["script"]
    found = status(observation())
    assert set(re.findall(r"\bnow\.(\w+)", script)) <= set(found)
    assert set(re.findall(r"\blane\.(\w+)", script)) <= set(found["lanes"][0])
    assert set(re.findall(r"\bnow\.oldest\.(\w+)", script)) <= set(found["oldest"])
    assert set(re.findall(r"\bnow\.inbox\.(\w+)", script)) <= set(found["inbox"])
    assert set(re.findall(r"\bnow\.rows\.(\w+)", script)) <= set(found["rows"])
    assert set(re.findall(r"\bcounts\.(\w+)", script)) <= set(found["senders"]["own"])


def test_what_the_script_writes_to_is_there_and_can_be_told_apart_by_ear() -> None:
    page = Page()
    (script,) = page.contents["script"]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'\b(?:at|table|tile)\("([\w-]+)"', script)) <= set(ids)
    parts = {f"{name}{part}" for name in re.findall(r'\btile\("(\w+)"', script)
             for part in re.findall(r'at\(name \+ "([\w-]+)"\)', script)}  # fmt: skip
    assert len(parts) == 18
    assert parts <= set(ids)
    named = {attributes[name] for _, attributes in page.elements for name in ("aria-labelledby", "for")
             if name in attributes}  # fmt: skip
    assert named <= set(ids)
    by_tag = dict(page.elements)
    assert by_tag["html"]["lang"] == "en"
    assert by_tag["label"]["for"] == by_tag["input"]["id"]
    assert [attributes.get("role") for _, attributes in page.elements if attributes.get("id") == "state"] == ["status"]


def luminance(colour: str) -> float:
    """By WCAG 2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_it_can_be_read(theme: int) -> None:
    (style,) = Page().contents["style"]
    roots = [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in re.findall(r"(?s):root \{(.*?)\}", style)]
    colours = roots[theme]
    for ink in ("ink", "soft", "good", "warn", "bad", "curve"):
        for paper in ("paper", "raised"):
            one, other = sorted((luminance(colours[ink]), luminance(colours[paper])))
            assert (other + 0.05) / (one + 0.05) >= 4.5, f"{ink} on {paper}"


def test_it_is_served_to_anybody_and_holds_nothing(serve: Serve) -> None:
    serve.configure(LISTENER, serve.route(), serve.push(), read_tokens=[f"sha256:{64 * '0'}"])
    serve.start()
    with serve.wire() as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: anywhere\r\n\r\n")
        answer = wire.answer()
    assert (answer.status, answer.body) == (200, PAGE.body)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
