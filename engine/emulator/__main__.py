"""``python -m engine.emulator``: both clouds on this machine."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import orjson

from .keys import load
from .server import Emulator, serve
from .settings import parse


def port(text: str) -> int:
    """A port to listen on."""
    number = int(text)
    if not 0 <= number < 1 << 16:
        raise ValueError
    return number


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=0, help="0, the default, takes a free one")
    parser.add_argument("--credentials", type=Path, metavar="FILE", help="access keys beside emulator-ak, as JSON")
    parser.add_argument("--faults", default="{}", metavar="JSON", help="settings as for PUT /_emulator/faults")
    options = parser.parse_args(arguments)
    try:
        keys = load(options.credentials) if options.credentials else []
        emulator = Emulator(options.port, options.host, keys=keys, faults=_settings(options.faults))
        _run(emulator)
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


def _settings(text: str) -> dict[str, Any]:
    try:
        return parse(orjson.loads(text))
    except ValueError as error:
        raise ValueError(f"--faults: {error}") from error


def _run(emulator: Emulator) -> None:
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        asyncio.run(serve(emulator))
    else:
        uvloop.run(serve(emulator))


if __name__ == "__main__":
    sys.exit(main())
