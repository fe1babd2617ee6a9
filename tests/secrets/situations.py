"""Marked credentials in every place that they can come from, and everything that can happen to who uses them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from engine.emulator import EmulatorProcess
from tests.secrets.marks import (
    BODY,
    BUCKET_KEYS,
    CDN_KEY,
    COMMAND,
    ENVIRONMENT,
    FILE,
    OIDC_TOKEN,
    PASSWORD,
    PROFILE,
    SETS,
    URI_TOKEN,
    Keys,
    Mark,
)
from tests.secrets.stranger import PROJECT, TASK, Stranger, stranger

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:1"  # where connections are refused
BUCKETS = ["--src-region", "cn-beijing", "--src-bucket", "from", "--dst-region", "cn-north-4", "--dst-bucket", "to"]
BUCKET = ["--bucket-region", "cn-hangzhou", "--bucket-name", "bucket-1"]


class Situation(NamedTuple):
    """`mood` is the stranger's; "" is that everything works, with the emulated clouds, and "refused" that nobody is
    there."""

    mood: str = ""
    status: int = 400
    sources: str = "fine"
    reads: bool = False


SITUATIONS = {
    "everything works": Situation(),
    "a wrong secret, repeated": Situation("echo", 403),
    "a refusal that repeats all": Situation("echo", 400),
    "a refused change": Situation("echo", 401, reads=True),
    "a page that repeats all": Situation("page"),
    "an answer that is cut": Situation("cut"),
    "connection refused": Situation("refused"),
    "sources that fail": Situation("echo", 403, sources="echo"),
}


@dataclass(frozen=True)
class World:
    """The emulated clouds, which know the marked keys, and the stranger."""

    emulator: EmulatorProcess
    stranger: Stranger

    def url(self, situation: Situation) -> str:
        """Where calls go."""
        self.stranger.mood, self.stranger.status = situation.mood or "fine", situation.status
        self.stranger.sources, self.stranger.reads = situation.sources, situation.reads
        return {"": self.emulator.alibaba, "refused": NOBODY}.get(situation.mood, self.stranger.url)


@contextmanager
def world(place: Path) -> Iterator[World]:
    known: list[dict[str, Any]] = [
        {"access_key_id": key_id.value, "secret": secret.value, "security_token": token.value, "account": "marked"}
        for key_id, secret, token in SETS
    ]
    known.append({"access_key_id": "marked-user", "secret": PASSWORD.value, "account": "company"})
    keys = place / "keys.json"
    keys.write_bytes(orjson.dumps(known))
    with ExitStack() as stack:
        emulator = stack.enter_context(EmulatorProcess(credentials=keys, faults={"task_s": 0.02}))
        yield World(emulator, stack.enter_context(stranger()))


def prepare(home: Path, world: World, situation: Situation) -> dict[str, str]:
    """Files in a directory of their own, with an account for every source of credentials. Returns the environment."""
    home.mkdir()
    url, sources = world.url(situation), world.stranger.url

    def private(name: str, content: str | object, mode: int = 0o600) -> Path:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else orjson.dumps(content))
        path.chmod(mode)
        return path

    file = private("keys.json", _json(FILE))
    printed = private("printed.json", _json(COMMAND))
    program = private("print", f"#!/bin/sh\nexec cat {printed}\n", 0o700)
    token = private("oidc-token", OIDC_TOKEN.value)
    key_id, secret, sts_token = (mark.value for mark in PROFILE)
    role = {"name": "role", "mode": "RamRoleArn", "ram_role_arn": "acs:ram::1:role/r", "ram_session_name": "s"}
    held = {"access_key_id": key_id, "access_key_secret": secret, "sts_token": sts_token}
    profiles = [{"name": "keys", "mode": "StsToken", **held}, {**role, **held}]
    private(".aliyun/config.json", {"current": "keys", "profiles": profiles})
    private(
        ".huaweicloud/credentials",
        f"[basic]\nak = {key_id}\nsk = {secret}\nsecurity_token = {sts_token}\n"
        f"[user]\nuser_name = marked-user\npassword = {PASSWORD.value}\ndomain_name = company\n",
    )
    private("bucket-keys.toml", "".join(f"{name} = '{mark.value}'\n" for name, mark in BUCKET_KEYS.items()))
    private("body.json", {"bucket": {"names": ["a"], "sk": BODY.value}})
    alibaba = {
        "environment": {}, "rpc": {"credentials": "environment", "signature": "rpc"},
        "file": {"credentials": f"file:{file}"}, "command": {"credentials": f"command:{program}"},
        "metadata": {"credentials": "metadata"}, "profile": {"credentials": "profile"},
        "role": {"credentials": "profile:role"}, "oidc": {"credentials": "oidc"}, "uri": {"credentials": "uri"},
    }  # fmt: skip
    iam = url if situation.mood else world.emulator.iam
    huawei: dict[str, dict[str, str]] = {
        "environment": {}, "file": {"credentials": f"file:{file}", "project_id": ""},
        "command": {"credentials": f"command:{program}"}, "metadata": {"credentials": "metadata"},
        "profile": {"credentials": "profile"}, "password": {"credentials": "password"},
        "user": {"credentials": "profile:user"},
        "token": {"credentials": "password", "endpoint": url if situation.mood else sources, "iam_endpoint": sources},
    }  # fmt: skip
    tables = {f"a-{name}": {"cloud": "alibaba", "region": "cn-shanghai", "endpoint": url, "metadata_endpoint": sources,
                            "sts_endpoint": sources, **table} for name, table in alibaba.items()}  # fmt: skip
    tables |= {f"h-{name}": {"cloud": "huawei", "region": "cn-north-4", "endpoint": url, "iam_endpoint": iam,
                             "metadata_endpoint": sources, "project_id": PROJECT, **table}
               for name, table in huawei.items()}  # fmt: skip
    lines = []
    for name, table in tables.items():
        lines += [f"[accounts.{name}]", *(f"{key} = '{value}'" for key, value in table.items() if value), ""]
    private("syncmux.toml", "\n".join(lines))
    rows = [f"gw-{name},NFSa,/{name},{name}" for name in tables if name.startswith("a-")]
    private("directories.csv", "\n".join(["gateway_id,index_id,path,account", *rows]) + "\n")
    rows = [f"{name}.jpg,{TASK},{name}" for name in tables if name.startswith("h-")]
    private("keys.csv", "\n".join(["key,sync_task_id,account", *rows]) + "\n")
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONASYNCIODEBUG": "1",
        "HOME": str(home),
        "ALIBABA_CLOUD_CREDENTIALS_URI": f"{sources}/credentials?token={URI_TOKEN.core}",
        "ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1:role/r",
        "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1:oidc-provider/p",
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(token),
        "HW_USER_NAME": "marked-user",
        "HW_USER_PASSWORD": PASSWORD.value,
        "HW_DOMAIN_NAME": "company",
        "SYNCMUX_CONFIG": str(home / "syncmux.toml"),
        "SYNCMUX_CDN_AUTHENTICATION_KEY": CDN_KEY.value,
        **_variables("ALIBABA_CLOUD_ACCESS_KEY_ID ALIBABA_CLOUD_ACCESS_KEY_SECRET ALIBABA_CLOUD_SECURITY_TOKEN"),
        **_variables("HUAWEICLOUD_SDK_AK HUAWEICLOUD_SDK_SK HUAWEICLOUD_SDK_SECURITY_TOKEN"),
        **{f"SYNCMUX_{name.upper()}": mark.value for name, mark in BUCKET_KEYS.items()},
    }


def _json(keys: Keys) -> dict[str, str]:
    names = ("AccessKeyId", "AccessKeySecret", "SecurityToken")
    return dict(zip(names, (mark.value for mark in keys), strict=True))


def _variables(names: str) -> dict[str, str]:
    return dict(zip(names.split(), (mark.value for mark in ENVIRONMENT), strict=True))


def commands() -> list[list[str]]:
    """Every command, failing or not, and with --json and --dry-run where that shows something else."""
    create = ["sync-task", "create", *BUCKETS, "--cdn-domain", "cdn.example"]
    call = ["call", "huawei", "CreateTask", "--path", "/v2/{project_id}/tasks", "--body", "body.json"]
    plain: list[list[str]] = [
        ["trigger", "directories.csv", "--dry-run"],
        ["trigger", "directories.csv"],
        ["push", "keys.csv", "--dry-run", "--json"],
        ["push", "keys.csv", "--json"],
        ["status"],
        ["status", "--json"],
        ["export-failed", "--verb", "trigger"],
        ["export-failed", "--verb", "push", "-o", "failed.jsonl"],
        ["retry-failed", "--json"],
        [*create, "--dry-run", "--json"],
        [*create, "--keys", "bucket-keys.toml", "--no-if-not-exists"],
        [*create, "--account=h-token", "--json"],
        ["sync-task", "list"],
        *(["sync-task", verb, TASK, "--account=h-token"] for verb in ("start", "stop", "show", "stats", "delete")),
        ["express-sync", "create", "group-1", *BUCKET],
        ["express-sync", "list", "--json"],
        ["express-sync", "shares", "sync-1"],
        ["express-sync", "add-shares", "sync-1", "gw-1/a"],
        ["express-sync", "remove-shares", "sync-1", "gw-1/a", "--json"],
        ["express-sync", "validate", "group-2", *BUCKET],
        ["express-sync", "delete", "sync-1"],
        ["call", "alibaba", "DescribeRegions", "--account=a-rpc"],
        [*call, "--dry-run"],
        call,
        ["doctor", "--json"],
    ]
    return [[*command, "--config", "syncmux.toml"] for command in plain]


class Said(NamedTuple):
    """What one run left to be seen, by where: standard output, standard error, files it wrote, ..."""

    places: Mapping[str, bytes]
    sent: frozenset[Mark]  # which marks the stranger was sent meanwhile


def run(argv: Sequence[str], home: Path, environ: Mapping[str, str], world: World, stdin: bytes = b"") -> Said:
    """Run a program to its end in `home`, and read everything that it wrote."""
    before = {path for path in home.rglob("*") if path.is_file()}
    world.stranger.sent.clear()
    done = subprocess.run(
        [sys.executable, "-m", *argv], cwd=home, env=dict(environ), input=stdin, capture_output=True, check=False,
        timeout=100,
    )  # fmt: skip
    places = {"stdout": done.stdout, "stderr": done.stderr}
    return Said({**places, **written(home, before)}, frozenset(world.stranger.sent))


def written(home: Path, before: set[Path]) -> dict[str, bytes]:
    """The files that were not there before."""
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path not in before
    }


def run_ours(home: Path, world: World, situation: Situation) -> Said:
    environ = prepare(home, world, situation)
    demo = [["demo", "--directories", "20", "--keys", "200", "--json"]] if not situation.mood else []
    return run(["tests.secrets.ours"], home, environ, world, orjson.dumps([*commands(), *demo]))
