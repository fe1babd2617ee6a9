"""The variables that syncmux reads, and those that somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from engine.cli import bucket_keys
from engine.config import variables

PREFIX = "SYNCMUX_"
DAEMON_TOKEN = "SYNCMUX_DAEMON_TOKEN"  # noqa: S105 - for `status --daemon`


def unread(environ: Mapping[str, str]) -> Iterator[str]:
    """What to say of each variable with our prefix that nothing reads. Its value may be a secret in the wrong place."""
    known = {name.removeprefix(PREFIX) for name in variables() | bucket_keys.VARIABLES | {DAEMON_TOKEN}}
    for name in sorted(name.removeprefix(PREFIX) for name in environ if name.startswith(PREFIX)):
        if name not in known:
            meant = get_close_matches(name, sorted(known), n=1, cutoff=0.7)
            yield f"{PREFIX}{name} is not a setting" + (f"; did you mean {PREFIX}{meant[0]}?" if meant else "")
