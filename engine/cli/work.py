"""`trigger`, `push` and `retry-failed`: from what is asked for to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.backlog import Count
from engine.backlog.sqlite import SqliteBacklog
from engine.cli.conduct import conduct
from engine.cli.everywhere import Everywhere
from engine.cli.exits import Exit
from engine.cli.looking import look_at
from engine.cli.loop import run
from engine.cli.output import Output
from engine.cli.rejected import Rejections
from engine.cli.session import Session
from engine.clouds import clouds
from engine.config import Settings, accounts
from engine.engine import Engine
from engine.errors import ConfigError, InputError
from engine.feed import source_of
from engine.model import State
from engine.rows import Manifest
from engine.run import Options


def start_work(
    verb: str, paths: Sequence[str], fixed: Mapping[str, str], *, wait: bool, again: bool, everywhere: Everywhere
) -> Exit:
    """Do what manifests say, one after the other. What was done earlier is not done again, unless `again`."""
    settings = everywhere.settings()
    output = Output(everywhere.json, everywhere.quiet)
    cloud = next(cloud for cloud in clouds().values() if cloud.verb == verb)
    manifests = {path: Manifest(path, cloud.row, fixed) for path in paths}
    if option := next((path for path in paths if path.startswith("-") and path != "-"), None):
        raise ConfigError(f"there is no option {option}")
    if not manifests:
        raise ConfigError(f"name a manifest of {cloud.noun}, or - for standard input: syncmux {verb} MANIFEST...")
    callers = accounts(settings, only={cloud.name})
    if everywhere.dry_run:
        from engine.cli.dry_run import plan  # noqa: PLC0415

        return plan(cloud, list(manifests.values()), callers, settings, output)

    async def work() -> Exit:
        async with Engine(callers, settings.backlog, options=_options(settings, wait)) as engine:
            session = Session(engine, output)

            async def one_after_the_other(goes_on: Callable[[], bool]) -> None:
                for path, manifest in manifests.items():
                    if not goes_on():
                        session.cut_short = True
                        break
                    if error := _unreadable(path, manifest):
                        session.give_up(manifest.name, error)
                        continue
                    if again:
                        await engine.backlog.forget(source_of(manifest), [cloud.name])
                    await session.run(manifest.name, manifest)

            rejections = Rejections(manifests.values(), engine.backlog, settings.backlog)
            return await conduct(session, one_after_the_other, rejections)

    return run(work())


def retry_failed(everywhere: Everywhere) -> Exit:
    """Have failed jobs wait again, and run them to their end."""
    settings = everywhere.settings()
    output = Output(everywhere.json, everywhere.quiet)
    tally = look_at(settings.backlog, SqliteBacklog.tally)
    failed = {target.cloud for target, states in tally.items() if State.FAILED in states}
    if not failed or everywhere.dry_run:
        rows = sum(states.get(State.FAILED, Count()).rows for states in tally.values())
        output.result(f"{rows:,} failed rows " + ("would be tried again" if rows else "in the backlog: nothing to do"))
        output.event("plan", rows=rows)
        return Exit.DONE
    callers = accounts(settings, only=failed)

    async def work() -> Exit:
        async with Engine(callers, settings.backlog, options=_options(settings, wait=True)) as engine:
            session = Session(engine, output)

            async def once(_goes_on: Callable[[], bool]) -> None:
                count = await engine.backlog.retry_failed(sorted(failed))
                output.note(f"{count.rows:,} failed rows are tried again")
                await session.run("", ())

            return await conduct(session, once)

    return run(work())


def _unreadable(path: str, manifest: Manifest[Any]) -> InputError | None:
    """Why a file cannot be read at all, seen before anything is sent. What can be read only once is not tried."""
    if path == "-" or Path(path).is_fifo():
        return None
    try:
        next(manifest.chunks(), None)
    except InputError as error:
        return error
    return None


def _options(settings: Settings, wait: bool) -> Options:
    return Options(rate=settings.rate, concurrency=settings.concurrency, batch=settings.batch, wait=wait)
