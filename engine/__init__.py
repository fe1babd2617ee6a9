"""syncmux: tells clouds what to synchronise, and follows it to the end.

from engine import Engine, Push, Trigger
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.changes import Changed, Changes
    from engine.clouds.alibaba import Trigger
    from engine.clouds.huawei import Push
    from engine.creates import Created, Creates
    from engine.engine import Engine
    from engine.errors import (
        BacklogError,
        CallError,
        ConfigError,
        CredentialsError,
        InputError,
        SyncmuxError,
        UnauthorizedError,
        UnusableBacklogError,
    )
    from engine.model import Account, Outcome, State
    from engine.retry import Limits
    from engine.rows import Manifest
    from engine.run import Options
    from signers import Credentials

__all__ = [
    "Account",
    "BacklogError",
    "CallError",
    "Changed",
    "Changes",
    "ConfigError",
    "Created",
    "Creates",
    "Credentials",
    "CredentialsError",
    "Engine",
    "InputError",
    "Limits",
    "Manifest",
    "Options",
    "Outcome",
    "Push",
    "State",
    "SyncmuxError",
    "Trigger",
    "UnauthorizedError",
    "UnusableBacklogError",
]

# Loaded when first used: `syncmux --help` needs no HTTP client, and the emulator nothing of the engine.
_HOMES = {
    "Account": "engine.model",
    "BacklogError": "engine.errors",
    "CallError": "engine.errors",
    "Changed": "engine.changes",
    "Changes": "engine.changes",
    "ConfigError": "engine.errors",
    "Created": "engine.creates",
    "Creates": "engine.creates",
    "Credentials": "signers",
    "CredentialsError": "engine.errors",
    "Engine": "engine.engine",
    "InputError": "engine.errors",
    "Limits": "engine.retry",
    "Manifest": "engine.rows",
    "Options": "engine.run",
    "Outcome": "engine.model",
    "Push": "engine.clouds.huawei",
    "State": "engine.model",
    "SyncmuxError": "engine.errors",
    "Trigger": "engine.clouds.alibaba",
    "UnauthorizedError": "engine.errors",
    "UnusableBacklogError": "engine.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
