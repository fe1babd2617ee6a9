"""What was measured, and on what: a figure without these is worth nothing."""

from __future__ import annotations

import platform
import ssl
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import gettempdir
from typing import TypedDict

import apsw

from benchmarks import cores

ROOT = Path(__file__).resolve().parent.parent
RECORD = "benchmarks/recorded.json"  # which is no code
UNKNOWN = "unknown"
# What /proc/cpuinfo says of the model, on x86 and on ARM. A hypervisor may give many models one name.
MODEL = ("model name", "cpu family", "model", "stepping")
MODEL_ON_ARM = ("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision")
PACKAGES = (
    "syncmux",
    "aiohttp",
    "aiolimiter",
    "apsw",
    "orjson",
    "uvloop",
    "aliyun-python-sdk-core",
    "alibabacloud-sgw20180511",
    "alibabacloud-tea-openapi",
    "huaweicloudsdkcore",
    "huaweicloudsdkoms",
)


class Provenance(TypedDict):
    commit: str
    date: str
    machine: Mapping[str, str | int | None]
    versions: Mapping[str, str]


def provenance() -> Provenance:
    """As it is now: to be taken before anything is measured."""
    date = datetime.now(UTC).isoformat(timespec="minutes")
    return Provenance(commit=commit(), date=date, machine=machine(), versions=versions())


def commit() -> str:
    """The commit of this checkout, with a plus if it has been changed since; "unknown" outside of a checkout."""
    try:
        name = _git("rev-parse", "--short=10", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{RECORD}")
        return f"{name}+" if changed else name
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN


def committed() -> bool:
    """Whether the commit says all of what is measured."""
    name = commit()
    return name != UNKNOWN and not name.endswith("+")


def versions() -> Mapping[str, str]:
    return {name: _version(name) for name in PACKAGES} | {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "compiler": platform.python_compiler(),
        "openssl": ssl.OPENSSL_VERSION,
        "sqlite": apsw.sqlite_lib_version(),
    }


def machine() -> Mapping[str, str | int | None]:
    client, server = cores.apart()
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor() or platform.processor() or platform.machine(),
        "processors": len(cores.mine()),
        "clients_on": client,
        "server_on": server,
        "file_system": _file_system(Path(gettempdir())),
    }


def _git(*arguments: str) -> str:
    told = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S607
    return told.stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    if sys.platform == "linux":
        return processor_of(Path("/proc/cpuinfo").read_text())
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
    return ""


def processor_of(cpuinfo: str) -> str:
    """Name, family, model and stepping of the first processor that Linux tells of, as far as it does."""
    first = cpuinfo.strip().partition("\n\n")[0]
    told = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())}
    model = [told[MODEL[0]]] if MODEL[0] in told else []
    return ", ".join(model + [f"{name} {told[name]}" for name in (*MODEL[1:], *MODEL_ON_ARM) if name in told])


def _file_system(path: Path) -> str:
    """Of what kind that is on which the path lies; backlogs are written there."""
    if sys.platform != "linux":
        return "unknown"
    kinds = {}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split(" ")
        kinds[Path(place)] = kind  # what is mounted over another comes later
    return next(kinds[place] for place in (path.resolve(), *path.resolve().parents) if place in kinds)
