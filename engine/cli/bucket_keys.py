"""The keys to the buckets of a sync task: from the environment or a private file, never from the command line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from engine.credentials.private_file import read
from engine.errors import ConfigError, CredentialsError

NAMES = ("src_ak", "src_sk", "dst_ak", "dst_sk")
CDN = "cdn_authentication_key"
FILE_VARIABLE = "SYNCMUX_BUCKET_KEYS"
VARIABLES = {FILE_VARIABLE, *(f"SYNCMUX_{name.upper()}" for name in (*NAMES, CDN))}


def bucket_keys(file: Path | None, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`NAMES`, and `CDN` if it is set: SYNCMUX_SRC_AK and so on, else what a TOML file says under the same names.

    Raises:
        CredentialsError: one is missing; the message says what to set. Or the file is open to others.
        ConfigError: the file is no such file.
    """
    place = file or (Path(environ[FILE_VARIABLE]) if environ.get(FILE_VARIABLE) else None)
    found = _from_file(place) if place else {}
    for name in (*NAMES, CDN):
        if value := environ.get(f"SYNCMUX_{name.upper()}"):
            found[name] = value
    if missing := [name for name in NAMES if name not in found]:
        variables = ", ".join(f"SYNCMUX_{name.upper()}" for name in missing)
        raise CredentialsError(f"the keys to the buckets are missing: set {variables}, or name a file with --keys")
    return found


def _from_file(place: Path) -> dict[str, str]:
    body = read(str(place))
    if body is None:
        raise ConfigError(f"there is no file {place}")
    try:
        table = tomllib.loads(body.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):  # their messages may repeat a line
        raise ConfigError(f"{place} is not valid TOML") from None
    for name, value in table.items():
        if name not in {*NAMES, CDN} or not isinstance(value, str):
            raise ConfigError(f"{name} in {place} is not a key; there is {', '.join((*NAMES, CDN))}, each a text")
    return table
