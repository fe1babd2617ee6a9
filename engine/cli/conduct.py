"""Work under way: shown while it goes on, ended by signals, summed up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine import report
from engine.cli.exits import Exit
from engine.cli.interruption import Interruption
from engine.cli.progress import shown
from engine.cli.rejected import Rejections
from engine.cli.session import Session
from engine.errors import SyncmuxError
from engine.report import label, named


async def conduct(
    session: Session,
    work: Callable[[Callable[[], bool]], Awaitable[None]],
    rejections: Rejections | None = None,
) -> Exit:
    """Do the work with progress and signals, and sum it up. `work` is given whether it may go on to its next input."""
    output = session.output

    def first() -> None:
        output.note("ending: what is in flight is finished and recorded; another signal ends at once")
        output.event("draining")
        session.drain()

    interruption = Interruption(first, session.engine.stop)
    error: SyncmuxError | None = None
    with interruption.watched():
        try:
            async with shown(output, session.snapshot):
                await work(lambda: not interruption.count)
        except SyncmuxError as failure:
            error = failure
        except asyncio.CancelledError:
            if not interruption.count:
                raise
    rejections = Rejections() if rejections is None else rejections
    await rejections.write(session)
    return sum_up(session, rejections, error, interrupted=bool(interruption.count))


def sum_up(
    session: Session, rejections: Rejections, error: SyncmuxError | None = None, *, interrupted: bool = False
) -> Exit:
    """Say what became of it all; returns the exit code that says it too."""
    output, now = session.output, session.snapshot()
    failed_earlier = session.failed_earlier if now.rows.earlier else 0
    code = Exit.DONE
    if error:
        code = output.failure(error)
    elif interrupted and session.unfinished:
        code = Exit.INTERRUPTED
    elif session.stranded or (rejections and now.rows.total <= rejections.rows):
        code = Exit.USAGE
    elif rejections or now.rows.failed or failed_earlier:
        code = Exit.FAILED
    if (code or not output.quiet) and (now.rows.total or not error):
        output.result(*report.summary(now), *_failures(session, failed_earlier), *rejections.told())
        for account, rows in session.stranded.items():
            output.result(f"{rows:,} rows wait for account {account}, which is not configured: see --config")
        if code is Exit.INTERRUPTED and session.resumable:
            output.result("interrupted: run the same command again to resume")
    output.event(
        "summary",
        **report.summary_json(now),
        failed_earlier=failed_earlier,
        not_configured=dict(session.stranded),
        failures=[{"row": named(failed.row), "why": failed.why, "code": failed.code} for failed in session.failures],
        rejected_in_all=rejections.rows,
        unreadable=[name for name, _ in session.unreadable],
        rejected_report=str(rejections.report) if rejections and rejections.report else None,
        interrupted=code is Exit.INTERRUPTED,
        exit=code,
    )
    return code


def _failures(session: Session, failed_earlier: int) -> list[str]:
    lines = [f"failed: {label(failed.row)}: {failed.why}" for failed in session.failures]
    more = session.snapshot().rows.failed - len(session.failures)
    if more > 0:
        lines.append(f"... and {more:,} more")
    if failed_earlier:
        lines.append(f"{failed_earlier:,} failed earlier, of the whole backlog, whatever the input")
    if lines and session.resumable:
        lines.append("all of them: syncmux export-failed; to try again: syncmux retry-failed")
    return lines
