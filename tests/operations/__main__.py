"""`python -m tests.operations` brings docs/operations.md up to date."""

from __future__ import annotations

from .table import DOCUMENT, document

DOCUMENT.write_text(document(), "utf-8")
