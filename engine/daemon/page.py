"""The page for people: one file, which asks for /v1/status and for nothing else."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from pathlib import Path

from engine.daemon.http_head import Response

_HTML = Path(__file__).with_name("page.html").read_bytes()


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
