"""Shows that tests hold what guards the daemon against its senders: each guard is taken out, and a test must be red.

Senders may be strangers, or lie, or be slow, or send too much: those who have no token, or would guess one by the time
that a comparison takes; bodies, headers and connections without an end, or more of them than there is room for;
requests that two servers would read differently; notifications that are forged, or sent once more; JSON that reads in
two ways, or is no object; and an answer that events are safe before they are. `guards.toml` has the guards.

The same tests must be green with the guard in place, else their being red without it tells nothing.

`make guards` does it in a copy of the tree, one after the other, in about four minutes. Names may be given, to take
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
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 200.0
PASSED, FAILED = 0, 1  # pytest's exit statuses; others tell of no test at all


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


class Ran(NamedTuple):
    """What became of some tests. There is no status if they took too long."""

    status: int | None
    said: str  # pytest's last line


class Copy:
    """A copy of the tree, in which guards may be taken out."""

    def __init__(self, tree: Path, timeout_s: float = TIMEOUT_S) -> None:
        self._tree = tree
        self._timeout_s = timeout_s
        self._unmodified: dict[tuple[str, ...], Ran] = {}

    def held(self, guard: Guard) -> tuple[bool, str]:
        """Whether its tests are green with it and one is red without it, and what was seen of that."""
        chosen = (*guard.tests, "-k", guard.named)
        if chosen not in self._unmodified:
            self._unmodified[chosen] = self._run(chosen)
        before = self._unmodified[chosen]
        if before.status != PASSED:
            return False, f"not shown, as its tests are not green with it: {before.said}"
        file = self._tree / guard.file
        whole = file.read_text()
        file.write_text(whole.replace(guard.code, guard.without))
        try:
            after = self._run(chosen)
        finally:
            file.write_text(whole)
        return after.status == FAILED, after.said

    def _run(self, chosen: Sequence[str]) -> Ran:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout", "60", *chosen]
        try:
            done = subprocess.run(
                command, cwd=self._tree, capture_output=True, text=True, timeout=self._timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            return Ran(None, f"no end after {self._timeout_s:g} s")
        return Ran(done.returncode, (done.stdout.strip() or done.stderr.strip()).rpartition("\n")[2])


def main(names: Sequence[str]) -> int:
    loose = 0
    with TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        copy = Copy(tree)
        for guard in GUARDS:
            if names and not any(name in guard.name for name in names):
                continue
            held, said = copy.held(guard)
            loose += not held
            print(f"{'held ' if held else 'LOOSE'} {guard.name}: {said}", flush=True)
    print(f"{loose} guards are not shown to be held by a test")
    return int(loose > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
