"""One operation, or a few that belong together, done by a command: from its options to its exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from engine.changes import Changed, Changes
from engine.cli.everywhere import Everywhere
from engine.cli.exits import Exit
from engine.cli.following import Following
from engine.cli.loop import run
from engine.cli.output import Output
from engine.clouds.change import Change
from engine.clouds.creation import Creation, stated
from engine.clouds.operation import Operation
from engine.config import accounts
from engine.creates import Created, Creates
from engine.engine import Engine

CREATED = {
    "created": "created",
    "recovered": "created (the answer was lost; it was found by looking)",
    "exists": "exists already",
}


def perform(
    everywhere: Everywhere,
    cloud: str,
    operations: Collection[Operation[Any]],
    work: Callable[[Engine, Output], Awaitable[Exit]],
    *,
    recorded: bool = False,
) -> Exit:
    """Do `work` with an engine. With --dry-run `operations` are shown instead, and nothing is sent.

    `recorded`: what is done must outlive this process. Anything else leaves the backlog to whoever works on it.
    """
    settings = everywhere.settings()
    output = Output(everywhere.json, everywhere.quiet)
    callers = accounts(settings, only={cloud})
    if everywhere.dry_run:
        for operation in operations:
            name, parameters = type(operation).__name__, stated(operation)
            output.event("plan", operation=name, parameters=parameters)
            output.result(name, *(f"  {key}: {value}" for key, value in parameters.items()))
        output.result("nothing was sent")
        return Exit.DONE

    async def working() -> Exit:
        async with Engine(callers, settings.backlog if recorded else ":memory:") as engine:
            return await work(engine, output)

    return run(working())


async def create(
    engine: Engine, output: Output, creation: Creation, account: str, *, if_not_exists: bool, settle: bool
) -> Created:
    """Create once and say what happened."""
    creates = Creates(engine)
    created = await creates.create(creation, account, if_not_exists=if_not_exists)
    _tell_created(output, creation, created)
    if settle and created.settled_at:
        output.note(f"waiting until {_clock(created.settled_at)}, when no lost request can take effect any more")
        settled = await creates.settle(creation, account)
        if settled:
            _tell_created(output, creation, settled)
    return created


def bring_about(everywhere: Everywhere, wanted: Change, name: str, following: Following) -> Exit:
    """Bring something, called `name`, into a state, and follow it there if that is asked for."""

    async def work(engine: Engine, output: Output) -> Exit:
        changes = Changes(engine)
        changed = await changes.bring(wanted, following.account)
        _tell_changed(output, wanted, name, changed, following)
        if changed.settled_at and following.settle:
            output.note(f"waiting until {_clock(changed.settled_at)}, when no older request can undo it any more")
            await changes.hold(wanted, following.account)
        elif changed.settled_at:
            output.note(f"an older request, whose answer was lost, may undo this until {_clock(changed.settled_at)}")
        return await follow(changes, output, wanted, changed, name, following) if following.wait else Exit.DONE

    return perform(everywhere, wanted.act.cloud, [wanted.act], work, recorded=bool(wanted.subject))


async def follow(
    changes: Changes, output: Output, wanted: Change, changed: Changed, name: str, following: Following
) -> Exit:
    """Wait for the end state. `Exit.FAILED` if the cloud's task failed, `Exit.ERROR` if it took too long."""
    try:
        async with asyncio.timeout(following.timeout):
            reached = await changes.follow(wanted, changed, following.account)
    except TimeoutError:
        output.event("end", id=name, state=wanted.state, reached=None)
        output.result(f"{name} is not yet {wanted.state} after {following.timeout:g} s; the cloud goes on with it")
        return Exit.ERROR
    output.event("end", id=name, state=wanted.state, reached=reached)
    output.result(f"{name} is {wanted.state}" if reached else f"{name} is not {wanted.state}: the task failed")
    return Exit.DONE if reached else Exit.FAILED


def _tell_changed(output: Output, wanted: Change, name: str, changed: Changed, following: Following) -> None:
    output.event("change", id=name, state=wanted.state, **asdict(changed))
    asked = "asked for" if changed.task and not following.wait else ""
    words = {"done": asked, "already": "already", "superseded": "superseded"}
    output.result(" ".join(part for part in (name, wanted.state, words[changed.how]) if part))


def _tell_created(output: Output, creation: Creation, created: Created) -> None:
    output.event("create", kind=creation.noun, **asdict(created))
    output.result(f"{creation.noun} {created.id} {CREATED[created.how]}")
    if created.differs:
        output.note(f"it is not as asked for in {', '.join(created.differs)}")
    for thing in created.removed:
        output.result(f"{creation.noun} {thing} came of the same request, and was deleted")
    for thing in created.surplus:
        output.result(f"{creation.noun} {thing} came of the same request, and is still there: look whether it is used")
    if created.settled_at:
        output.note(
            f"a lost request may still create a second one until {_clock(created.settled_at)}; "
            "the same command, run again then, finds and deletes it"
        )


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC"
