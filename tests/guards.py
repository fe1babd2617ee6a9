"""Shows that the guards against F96 to F105 of the faults are held by tests: each is taken out, and a test must be red.

`make guards` does it in a copy of the tree, one after the other, in about three minutes. Names may be given, to take
only those whose names have one of them: `python -m tests.guards F101 signature`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 200.0
FAILED = 1  # pytest's exit status; others tell of no test at all


@dataclass(frozen=True)
class Guard:
    """See `guards.toml`."""

    fault: str
    what: str
    file: str
    code: str
    without: str
    tests: list[str]
    named: str = ""

    @property
    def name(self) -> str:
        return f"{self.fault} {self.what}"


GUARDS = [Guard(**each) for each in tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["guards"]]


def held(guard: Guard, tree: Path) -> tuple[bool, str]:
    """Whether a test is red without it, and pytest's last line."""
    file = tree / guard.file
    whole = file.read_text()
    file.write_text(whole.replace(guard.code, guard.without))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout", "20", *guard.tests]
    if guard.named:
        command += ["-k", guard.named]
    try:
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    finally:
        file.write_text(whole)
    return done.returncode == FAILED, (done.stdout.strip() or done.stderr.strip()).rpartition("\n")[2]


def main(names: Sequence[str]) -> int:
    loose = 0
    with TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        for guard in GUARDS:
            if names and not any(name in guard.name for name in names):
                continue
            red, said = held(guard, tree)
            loose += not red
            print(f"{'red  ' if red else 'GREEN'} {guard.name}: {said}", flush=True)
    print(f"{loose} guards are held by no test")
    return int(loose > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
