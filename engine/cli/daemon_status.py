"""`status --daemon`: what a running daemon does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.cli.asking import ask
from engine.cli.everywhere import Everywhere
from engine.cli.exits import Exit
from engine.cli.output import Output
from engine.cli.status import failures_told, label, span, work_told
from engine.errors import ProtocolError


def daemon_status(daemon: str, everywhere: Everywhere) -> Exit:
    """Raises what `ask` does."""
    output = Output(everywhere.json, everywhere.quiet)
    found = ask(daemon, "/v1/status")
    output.event("status", daemon=daemon, **found)
    try:
        told = list(_told(daemon, found))
    except (KeyError, TypeError, ValueError):
        raise ProtocolError(f"the daemon at {daemon} is of another version: {found.get('version')!r:.40}") from None
    output.result(*told)
    return Exit.DONE


def _told(daemon: str, found: Mapping[str, Any]) -> Iterator[str]:
    state = "ready" if found["ready"] else "not ready"
    yield f"daemon {daemon}: {state}, version {found['version']}, running for {span(found['at'] - found['began_at'])}"
    for why in found["obstacles"]:
        yield f"not ready: {why}"
    for why in found["warnings"]:
        yield f"warning: {why}"
    inbox = found["inbox"]
    oldest = f", the oldest for {span(inbox['waits_s'])}" if inbox["rows"] else ""
    yield f"inbox: {inbox['rows']:,} of {inbox['max_rows']:,} rows wait{oldest}"
    yield from work_told(found)
    for lane in found["lanes"]:
        numbers = ", ".join(
            f"{lane[what]:,} {what.replace('_', ' ')}"
            for what in ("calls", "in_flight", "throttled", "busy", "failed")
            if lane[what] or what == "calls"
        )
        yield f"{lane['name']}: {numbers}; {lane['rate']:,.1f}/s permitted{'; paused' if lane['paused'] else ''}"
    if job := found["oldest"]:
        why = f": {job['why']}" if job["why"] else ""
        yield f"waiting longest: {label(job['row'])}, {span(job['waits_s'])}{why}"
    yield from failures_told(found)
