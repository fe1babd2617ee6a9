"""The page for people: one file, which asks for /v1/status and for nothing else."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from pathlib import Path

from engine.daemon.http_head import Response


def _assembled() -> bytes:
    """Style and script inside the page: one answer, of which all parts fit each other."""
    page = Path(__file__).with_name("page.html")
    html = page.read_bytes()
    for tag, suffix in ((b"style", ".css"), (b"script", ".js")):
        content = page.with_suffix(suffix).read_bytes()
        html = html.replace(b"<%s>" % tag, b"<%s>\n%s" % (tag, content))
    return html


_HTML = _assembled()


def _source(tag: bytes) -> str:
    """What the policy calls the content of an element. No other may run, or style anything."""
    found = re.findall(rb"<%s>(.*?)</%s>" % (tag, tag), _HTML, re.DOTALL)
    return " ".join([f"'sha256-{base64.b64encode(sha256(content).digest()).decode()}'" for content in found])


POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src {_source(b'script')}",
        f"style-src {_source(b'style')}",
        "connect-src 'self'",
        "img-src data:",  # the icon, which is empty
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)

PAGE = Response(
    200,
    _HTML,
    "text/html; charset=utf-8",
    (
        ("Content-Security-Policy", POLICY),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Referrer-Policy", "no-referrer"),
    ),
)
