"""Progress for people who watch: a bar that is drawn anew a few times a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from engine import report
from engine.report import Snapshot
from engine.rows.schema import visible


class Terminal:
    every_s = 0.2

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, now: Snapshot, before: Snapshot) -> None:
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(max(1, now.rows.total), now.rows.done, width=40), Text(report.counts(now)))
        lines = [Text(report.activity(now, before), overflow="fold")]
        lines += [Text(visible(trouble), style="yellow", overflow="fold") for trouble in report.troubles(now, before)]
        self._live.update(Group(bar, *lines), refresh=True)


@contextmanager
def terminal() -> Iterator[Terminal]:
    """Draws on standard error, and leaves nothing there at the end."""
    # Standard output is for results: it must not be drawn into the picture.
    with Live(console=Console(stderr=True), auto_refresh=False, transient=True, redirect_stdout=False) as live:
        yield Terminal(live)
