"""One operation, or a few that belong together, done by a command: from its options to its exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from engine.backlog.intent_store import MEMORY, beside
from engine.changes import Changed, Changes
from engine.cli.dry_run import InCapitals
from engine.cli.everywhere import Everywhere
from engine.cli.exits import Exit
from engine.cli.following import Following
from engine.cli.loop import run
from engine.cli.output import Output
from engine.clouds.change import DELETED, Change
from engine.clouds.creation import Creation, stated
from engine.clouds.operation import Operation
from engine.config import accounts
from engine.creates import Created, Creates
from engine.engine import Engine
from engine.intents import Patience

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
    shown: Mapping[str, Any] = MappingProxyType({}),
    account: str = "",
) -> Exit:
    """Do `work` with an engine. With --dry-run `operations` are shown instead, and nothing is sent.

    `shown` are parameters as they are to be shown, where that is not as they are.

    The backlog is left to whoever works on it: only what is remembered beside it is used.
    """
    settings = everywhere.settings()
    output = Output(everywhere.json, everywhere.quiet)
    callers = accounts(settings, only={cloud})
    if everywhere.dry_run:
        caller = next((caller for caller in callers if account in {"", caller.name}), callers[0])
        complete = replace(caller, settings=InCapitals(caller.settings))
        for operation in operations:
            operation.call(complete)  # warns, and fails, as it would
            name, parameters = type(operation).__name__, {**stated(operation), **shown}
            output.event("plan", operation=name, parameters=parameters)
            output.result(name, *(f"  {key}: {value}" for key, value in parameters.items()))
        output.result("nothing was sent")
        return Exit.DONE

    async def working() -> Exit:
        async with Engine(callers, MEMORY, intents=beside(settings.backlog)) as engine:
            return await work(engine, output)

    return run(working())


async def create(
    engine: Engine,
    output: Output,
    creation: Creation,
    following: Following,
    *,
    if_not_exists: bool,
    patience: Patience | None = None,
) -> Created:
    """Create once and say what happened. Stays, if that is asked for, until nothing can be created a second time.

    Raises `TimeoutError` if that takes too long.
    """
    creates = Creates(engine, patience, output.note)
    created = await creates.create(creation, following.account, if_not_exists=if_not_exists)
    _tell_created(output, creation, created)
    if created.settled_at and following.stays:
        _tell_waiting(output, created.id, created.settled_at, "a lost request may create a second one, to be deleted")
        async with asyncio.timeout(following.timeout):
            settled = await creates.settle(creation, following.account)
        if settled:
            _tell_created(output, creation, settled)
    return created


def bring_about(everywhere: Everywhere, wanted: Change, name: str, following: Following) -> Exit:
    """Bring something, called `name`, into a state, and follow it there if that is asked for."""

    async def work(engine: Engine, output: Output) -> Exit:
        return await bring(engine, output, wanted, name, following)

    return perform(everywhere, wanted.act.cloud, [wanted.act], work, account=following.account)


async def bring(
    engine: Engine, output: Output, wanted: Change, name: str, following: Following, patience: Patience | None = None
) -> Exit:
    changes = Changes(engine, patience, output.note)
    changed = await changes.bring(wanted, following.account)
    _tell_changed(output, wanted, name, changed, following)
    if following.stays:
        return await follow(changes, output, wanted, changed, name, following)
    if changed.settled_at:
        output.note(
            f"an older request, whose answer was lost, may undo this until {_clock(changed.settled_at)}; "
            "with --wait the command stays until then, and repeats it if need be"
        )
    return Exit.DONE


async def follow(
    changes: Changes, output: Output, wanted: Change, changed: Changed, name: str, following: Following
) -> Exit:
    """Stay until no older request can undo it and, if asked to, until it has come about.

    `Exit.FAILED` if the cloud's task failed; `Exit.ERROR` if it took too long, or a newer request stands against it.
    """
    try:
        async with asyncio.timeout(following.timeout):
            if changed.settled_at:
                _tell_waiting(
                    output, name, changed.settled_at, "an older request may undo this, and it is repeated then"
                )
                held = await changes.hold(wanted, following.account)
                changed = replace(held, task=held.task or changed.task)
            if changed.how == "superseded":
                output.event("end", id=name, state=wanted.state, reached=False)
                output.result(f"{name} is not {wanted.state}: a newer request stands against it")
                return Exit.ERROR
            if not following.wait:
                return Exit.DONE
            reached = await changes.follow(wanted, changed, following.account)
    except TimeoutError:
        output.event("end", id=name, state=wanted.state, reached=None)
        certainly = " for certain" if changed.settled_at else ""
        output.result(
            f"{name} is not yet{certainly} {wanted.state} after {following.timeout:g} s; the cloud goes on with it"
        )
        return Exit.ERROR
    output.event("end", id=name, state=wanted.state, reached=reached)
    output.result(f"{name} is {wanted.state}" if reached else f"{name} is not {wanted.state}: the task failed")
    return Exit.DONE if reached else Exit.FAILED


def _tell_changed(output: Output, wanted: Change, name: str, changed: Changed, following: Following) -> None:
    output.event("change", id=name, state=wanted.state, **asdict(changed))
    if changed.how == "already" and wanted.state == DELETED:
        output.result(f"{name} is not there")
        return
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
    if created.settled_at and creation.unique:
        output.note(
            "a lost request cannot create a second one: the cloud refuses it. But if this one is deleted before "
            f"{_clock(created.settled_at)}, that request may create it anew: look again then"
        )
    elif created.settled_at:
        output.note(
            f"a lost request may still create a second one until {_clock(created.settled_at)}; the same command, run "
            "again then, finds it, and deletes it unless it is in use; with --wait this one stays and does so"
        )


def _tell_waiting(output: Output, name: str, until: float, why: str) -> None:
    output.event("waiting", id=name, until=until)
    output.note(f"waiting until {_clock(until)}: until then {why}")


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC"
