"""``python -m engine`` is ``syncmux``."""

from __future__ import annotations

import sys

from engine.cli.collector import tune_collector


def main() -> int:
    """Do what the arguments say; returns the exit code."""
    tune_collector()  # before the imports: they are most of what `--help` takes
    from engine.cli.app import main as run  # noqa: PLC0415

    return run()


if __name__ == "__main__":
    sys.exit(main())
