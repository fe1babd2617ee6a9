"""The query parameters of Huawei Cloud OMS's sync task operations."""

from __future__ import annotations

from .exchange import Call, RefusedError


def required(call: Call, name: str) -> str:
    text = call.params.get(name, "")
    if not text:
        raise RefusedError(400, "OMS.1004", f"Some required parameters are missing. {name}")
    return text


def epoch_ms(call: Call, name: str) -> int:
    """A required instant."""
    return _integer(name, required(call, name))


def bounded(call: Call, name: str, default: int, least: int, most: int) -> int:
    """An optional integer."""
    text = call.params.get(name, "")
    number = _integer(name, text) if text else default
    if not least <= number <= most:
        raise RefusedError(400, "OMS.0051", f"Invalid value for parameter range. {name}")
    return number


def _integer(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise RefusedError(400, "OMS.1010", f"Incorrect parameter type. {name}")
    return int(text)
