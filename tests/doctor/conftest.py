"""Accounts at the emulated clouds, each in some condition of its own, and a doctor for them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.clouds.examination import Finding, Status
from engine.config import load
from engine.doctor import Diagnosis, described, examine
from engine.emulator import EmulatorProcess
from tests.cli.conftest import Result
from tests.emulator.control import Control

from .between import Between, between
from .certificates import Authority

PAST = 1_600_000_000
KEYS: list[dict[str, Any]] = [
    {"access_key_id": "well-key-id", "secret": "well-secret", "account": "well"},
    {"access_key_id": "full-key-id", "secret": "full-secret", "account": "full"},
    {"access_key_id": "crowded-key-id", "secret": "crowded-secret", "account": "crowded"},
    {"access_key_id": "other-key-id", "secret": "other-secret", "account": "other"},
    {"access_key_id": "ended-key-id", "secret": "ended-secret", "security_token": "ended-token", "expires": PAST},
]
SECRETS = [key["secret"] for key in KEYS] + ["ended-token"]
VARIABLES = {
    "alibaba": ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
    "huawei": ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
}
SERVICES = {"alibaba": ("", "_STS", "_METADATA"), "huawei": ("", "_IAM", "_METADATA")}
REGIONS = {"alibaba": "cn-shanghai", "huawei": "cn-north-4"}
READS = {
    "DescribeRegions",
    "DescribeGateways",
    "DescribeTasks",
    "DescribeGatewayFileShares",
    "DescribeGatewayFileStatus",
    "DescribeStorageBundles",
    "DescribeExpressSyncs",
    "DescribeExpressSyncShares",
    "DescribeSharesBucketInfoForExpressSync",
    "ValidateExpressSyncConfig",
    "KeystoneListProjects",
    "ListSyncTasks",
    "ShowSyncTask",
    "ListSyncTaskStatistic",
}


def keys(cloud: str, who: str, secret: str = "", token: str = "", prefix: str = "") -> dict[str, str]:
    """The environment's variables with one's access key."""
    names = [prefix + name for name in VARIABLES[cloud]]
    values = (f"{who}-key-id", secret or f"{who}-secret", token)
    return {name: value for name, value in zip(names, values, strict=True) if value}


class Emulated(Control):
    def __init__(self, process: EmulatorProcess) -> None:
        super().__init__(process.alibaba)
        self.url = process.alibaba

    def forget(self) -> None:
        self._ask("DELETE", "ledger")

    def environ(self, *clouds: str, who: str = "well", url: str = "") -> dict[str, str]:
        """All that the environment says of some clouds."""
        found: dict[str, str] = {}
        for cloud in clouds:
            upper = cloud.upper()
            found |= keys(cloud, who) | {f"SYNCMUX_{upper}_REGION": REGIONS[cloud]}
            found |= {f"SYNCMUX_{upper}{service}_ENDPOINT": url or self.url for service in SERVICES[cloud]}
        return found


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    known = tmp_path_factory.mktemp("doctor") / "keys.json"
    known.write_bytes(orjson.dumps(KEYS))
    with EmulatorProcess(credentials=known) as running:
        yield running


@pytest.fixture
def emulated(process: EmulatorProcess) -> Iterator[Emulated]:
    """What is set through it is undone after the test; the ledger is the test's own."""
    clouds = Emulated(process)
    clouds.forget()
    yield clouds
    clouds.clear()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def proxy(emulated: Emulated) -> Iterator[Between]:
    with between(emulated.url) as running:
        yield running


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of somebody who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@dataclass(frozen=True)
class Report:
    """What was found, by account."""

    diagnoses: Mapping[str, Diagnosis]

    def all(self, check: str, account: str = "", subject: str = "") -> list[Finding]:
        return [
            finding
            for name, diagnosis in self.diagnoses.items()
            for finding in diagnosis.findings
            if finding.check == check and account in {"", name} and subject in {"", finding.subject}
        ]

    def the(self, check: str, account: str = "", subject: str = "") -> Finding:
        (found,) = self.all(check, account, subject)
        return found

    def bad(self, account: str = "") -> set[tuple[str, str]]:
        """Checks and subjects of what is not well."""
        return {
            (finding.check, finding.subject)
            for name, diagnosis in self.diagnoses.items()
            for finding in diagnosis.findings
            if finding.status in {Status.WARN, Status.FAIL} and account in {"", name}
        }

    @property
    def text(self) -> str:
        return repr(self.diagnoses)


async def diagnoses(
    environ: Mapping[str, str], config: Path | None = None, deadline_s: float = 10.0
) -> AsyncGenerator[Diagnosis, None]:
    async with aclosing(examine(described(load(config, environ), environ), deadline_s)) as found:
        async for diagnosis in found:
            yield diagnosis


async def diagnosed(environ: Mapping[str, str], config: Path | None = None, deadline_s: float = 10.0) -> Report:
    report = Report({found.account: found async for found in diagnoses(environ, config, deadline_s)})
    assert not [secret for secret in SECRETS if secret in report.text]
    return report


@dataclass
class Command:
    """`syncmux doctor` in its own process."""

    directory: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str) -> Result:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environ = {**kept, "HOME": str(self.directory), "PYTHONPATH": str(Path(__file__).parents[2]), **self.environ}
        command = [sys.executable, "-m", "engine", "doctor", *arguments]
        done = subprocess.run(
            command, capture_output=True, cwd=self.directory, check=False, env=environ, timeout=60, text=True
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr]
        assert [path.name for path in self.directory.iterdir() if path.name.startswith(".syncmux")] == []
        return Result(done.returncode, done.stdout, done.stderr)

    def file(self, name: str, content: str, mode: int = 0o600) -> str:
        path = self.directory / name
        path.write_text(content)
        path.chmod(mode)
        return str(path)


@pytest.fixture
def doctor(tmp_path: Path) -> Command:
    return Command(tmp_path)
