"""JSON lines on standard input: what was read is durable before more is read."""

from __future__ import annotations

from collections.abc import Callable, Collection

from engine.daemon.intake import EventSource, Intake
from engine.daemon.log import Log
from engine.daemon.sources.offering import UNROUTED, Offering
from engine.errors import InputError
from engine.notifications import NotificationError, ObjectEvent
from engine.notifications.lines import event
from engine.rows.content import pieces
from engine.rows.lines import Block, Lines
from engine.threads import in_thread

NAME = "stdin"
LINES_AT_ONCE = 500


class StandardInput(EventSource):
    """A line that cannot be used is told of in the log, and keeps no other waiting."""

    name = NAME

    def __init__(
        self, log: Log, scope: Collection[str] | None = None, ended: Callable[[], object] = lambda: None
    ) -> None:
        """`ended` is called when the input has come to its end, and all of it is durable."""
        self.scope = scope
        self.rejected = 0  # lines, since the process began
        self._log = log
        self._ended = ended
        self._offering = Offering(NAME, scope, log)

    @property
    def trouble(self) -> str:
        return self._offering.trouble

    async def run(self, intake: Intake) -> None:
        """Until the input ends. Raises BacklogError: nothing can be written any more."""
        lines = Lines(pieces(None), LINES_AT_ONCE, eager=False)
        try:
            while True:
                if block := await in_thread(lines.block):
                    await self._take(block, intake)
                    lines.consume(len(block.data), block.count)
                elif await in_thread(lines.skip_long_line) is not None:
                    self._reject(lines.line, "the line is too long")
                else:
                    break
            if lines.damage:
                self._reject(lines.line + 1, str(lines.damage))
        except InputError as error:
            self._reject(lines.line + 1, str(error))
        self._log.event("input_ended", source=NAME, lines=lines.line, rejected=self.rejected)
        self._ended()

    async def _take(self, block: Block, intake: Intake) -> None:
        found: list[ObjectEvent] = []
        numbers: list[int] = []
        for number, line in enumerate(block.lines(), block.line):
            if not line or line.isspace():
                continue
            try:
                found.append(event(line))
                numbers.append(number)
            except NotificationError as error:
                self._reject(number, str(error))
        offered = await self._offering.offer(intake, found)
        for at in offered.refused:
            self._reject(numbers[at], UNROUTED)

    def _reject(self, line: int, why: str) -> None:
        self.rejected += 1
        self._log.event("line_rejected", source=NAME, line=line, why=why)
