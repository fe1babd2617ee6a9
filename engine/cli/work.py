"""`trigger`, `push` and `retry-failed`: from what is asked for to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.backlog.sqlite import SqliteBacklog
from engine.cli.conduct import conduct, sum_up
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
    # What is named twice is read once: its rows would be taken for those of an earlier run.
    manifests = list({each.identity: each for each in (Manifest(path, cloud.row, fixed) for path in paths)}.values())
    if option := next((path for path in paths if path.startswith("-") and path != "-"), None):
        raise ConfigError(f"there is no option {option}")
    if not manifests:
        raise ConfigError(f"name a manifest of {cloud.noun}, or - for standard input: syncmux {verb} MANIFEST...")
    callers = accounts(settings, only={cloud.name})
    if everywhere.dry_run:
        from engine.cli.dry_run import plan  # noqa: PLC0415

        return plan(cloud, manifests, callers, settings, output)

    async def work() -> Exit:
        async with Engine(callers, settings.backlog, options=_options(settings, wait)) as engine:
            session = Session(engine, output)

            async def one_after_the_other(goes_on: Callable[[], bool]) -> None:
                for manifest in manifests:
                    if not goes_on():
                        session.cut_short = True
                        break
                    if error := _unreadable(manifest):
                        session.give_up(manifest.name, error)
                        continue
                    if again:
                        await engine.backlog.forget(source_of(manifest), [cloud.name])
                    await session.run(manifest.name, manifest)

            rejections = Rejections(manifests, engine.backlog, settings.backlog)
            return await conduct(session, one_after_the_other, rejections)

    return run(work())


def retry_failed(everywhere: Everywhere) -> Exit:
    """Have failed jobs wait again, and run them to their end."""
    settings = everywhere.settings()
    output = Output(everywhere.json, everywhere.quiet)
    tally = look_at(settings.backlog, SqliteBacklog.tally)
    failed = {
        (target.cloud, target.account): states[State.FAILED].rows
        for target, states in tally.items()
        if State.FAILED in states
    }
    if everywhere.dry_run:
        rows = sum(failed.values())
        output.result(f"{rows:,} failed rows would be tried again")
        output.event("plan", rows=rows)
        return Exit.DONE
    if not failed:
        output.result("0 failed rows in the backlog: nothing to do")
        return sum_up(Session(Engine([], ":memory:"), replace(output, quiet=True)), Rejections())
    callers = accounts(settings, only={cloud for cloud, _ in failed})
    if missing := {account for _, account in failed} - {account.name for account in callers}:
        raise ConfigError(
            f"rows of account {', '.join(sorted(missing))} have failed, which is not configured: see --config"
        )

    async def work() -> Exit:
        async with Engine(callers, settings.backlog, options=_options(settings, wait=True)) as engine:
            session = Session(engine, output)

            async def once(_goes_on: Callable[[], bool]) -> None:
                count = await engine.backlog.retry_failed([(account.cloud, account.name) for account in callers])
                output.note(f"{count.rows:,} failed rows are tried again")
                await session.run("", ())

            return await conduct(session, once)

    return run(work())


def _unreadable(manifest: Manifest[Any]) -> InputError | None:
    """Why a file cannot be read at all, seen before anything is sent. What can be read only once is not tried."""
    if manifest.read_once:
        return None
    try:
        next(manifest.chunks(), None)
    except InputError as error:
        return error
    return None


def _options(settings: Settings, wait: bool) -> Options:
    return Options(rate=settings.rate, concurrency=settings.concurrency, batch=settings.batch, wait=wait)
