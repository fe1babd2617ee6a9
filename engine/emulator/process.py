"""The emulator in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson


class EmulatorProcess:
    """Spawns ``python -m engine.emulator`` and ends it, by its process id, when the ``with`` ends.

    `alibaba`, `huawei` and `iam` are base URLs. Raises RuntimeError if the emulator does not start; why,
    it says on standard error.
    """

    def __init__(self, *, port: int = 0, credentials: Path | None = None, faults: Mapping[str, Any] | None = None):
        self._command = [sys.executable, "-m", "engine.emulator", "--port", str(port)]
        if credentials is not None:
            self._command += ["--credentials", str(credentials)]
        if faults:
            self._command += ["--faults", orjson.dumps(faults).decode()]
        self._process: subprocess.Popen[bytes] | None = None
        self.alibaba = self.huawei = self.iam = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE)  # noqa: S603 - our own command
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        line = self._process.stdout.readline()
        if not line:
            self._process.stdout.close()
            raise RuntimeError(f"the emulator ended with status {self._process.wait()} before it was ready")
        urls = orjson.loads(line)
        self.alibaba, self.huawei, self.iam = urls["alibaba"], urls["huawei"], urls["iam"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self.status = self._process.wait(timeout=10.0)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()

    @property
    def pid(self) -> int:
        """The process id; 0 before it was started."""
        return self._process.pid if self._process else 0
