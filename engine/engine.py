"""The engine, as scripts use it.

async with Engine() as engine:
    async for outcome in engine.run(Push(key, sync_task_id) for key in keys):
        ...
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio

from engine.backlog.intent_store import IntentStore, beside
from engine.backlog.sqlite import SqliteBacklog
from engine.client import Client
from engine.clouds import clouds, service_of
from engine.clouds.operation import Answer, Operation, Untyped
from engine.config import accounts_from_environment
from engine.credentials import Unrenewed
from engine.errors import ConfigError, SyncmuxError
from engine.feed import Rows
from engine.iteration import Loop, Work
from engine.model import Account, Finished, Outcome
from engine.run import Options, Run, Supply
from engine.settler import Ending
from engine.transport import Transport

DEFAULT_BACKLOG = Path(".syncmux/backlog.db")
UNREAD_BATCHES = 16


class Engine:
    """Runs rows to their outcomes. One engine at a time owns a backlog, and it runs one input at a time.

    The guarantee: at least once, never lost; after a clean stop, never twice.
    """

    def __init__(
        self,
        accounts: Sequence[Account] | None = None,
        backlog: str | Path = DEFAULT_BACKLOG,
        *,
        rate: float | None = None,
        options: Options | None = None,
        intents: str | Path | None = None,
    ) -> None:
        """
        Args:
            accounts: who calls; by default one account for every cloud whose credentials the environment holds.
            backlog: a file, made if there is none, or ``:memory:`` for a backlog that ends with the engine.
            rate: calls/s of the operation that starts work, per account; never exceeded. By default it is learnt.
            options: everything else; see `Options`.
            intents: what `Creates` and `Changes` remember: a file of its own beside the backlog, by default, which
                several processes may use at once.

        Raises:
            ConfigError: the environment describes no account, or describes it wrongly.
        """
        self.accounts = list(accounts) if accounts is not None else accounts_from_environment()
        self.options = options or Options()
        if rate is not None:
            self.options = self.options.at_rate(rate)
        self.backlog = SqliteBacklog(backlog, clouds())
        self.intents = IntentStore(beside(backlog) if intents is None else intents)
        self.current: Run | None = None  # the last one, once it has ended
        self._open = False
        self._loop: Loop | None = None  # of the last run, as is the next
        self._work: Work | None = None
        self._transport = Transport()
        self._client = Client(self._transport, self.accounts)

    async def __aenter__(self) -> Self:
        """
        Raises:
            CredentialsError: an account has no credentials; or none has, if accounts are tried again. The backlog has
                not been touched.
            BacklogError: the backlog cannot be opened.
        """
        await self._transport.__aenter__()
        try:
            await self._client.ready(each=self.options.limits.again_s is None)
            self.backlog.open()
        except BaseException:
            await self._client.close()
            await self._transport.__aexit__(None, None, None)
            raise
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        if self._work:
            await self._work.end()
        await self._client.close()
        await self._transport.__aexit__(kind, error, trace)
        await self.intents.close()
        await self.backlog.close()

    def run(self, rows: Rows = ()) -> AsyncGenerator[Outcome, None]:
        """Work on rows, and on what earlier runs left in the backlog, until everything has its outcome.

        Yields an `Outcome` for every row, as it ends and after it was recorded; one for a row that comes again before
        it has ended. Rows are read no further ahead of the calls than the window allows. Leaving the loop early ends
        the run as `drain` does. What `rows` raise is raised when all that they gave before has its outcome.

        Raises:
            RuntimeError: the engine is not open, or another run of it is going.
            UnauthorizedError, QuotaError, UnavailableError, TransportError: an account could not go on. What it left
                undone stays in the backlog; the other accounts' work was finished first.
            BacklogError: nothing more could be recorded.
        """
        loop = Loop()
        return loop.over(_told(self._endings(rows, loop)))

    def endings(self, rows: Rows | Supply = ()) -> AsyncGenerator[list[Ending], None]:
        """`run`, in batches and by job: for callers who count rather than look at every row."""
        loop = Loop()
        return loop.over(self._endings(rows, loop))

    async def _endings(self, rows: Rows | Supply, loop: Loop) -> AsyncGenerator[list[Ending], None]:
        self._must_be_open()
        if self._loop and self._loop.going:
            raise RuntimeError("an engine does one run at a time, and one is going: end it, or use another engine")
        self._loop = loop
        send, receive = anyio.create_memory_object_stream[list[Ending]](UNREAD_BATCHES)
        run = self.current = Run(self.accounts, self.backlog, self._client, self.options, send)  # `drain` is for it now
        if self._work:
            await self._work.end()  # its loop was left, and it may still be draining
        work = self._work = Work(run, rows, receive)
        work.task.add_done_callback(lambda _: send.close())  # also of a run that was stopped before it began
        try:
            with suppress(anyio.ClosedResourceError):  # the engine was left
                async for batch in receive:
                    yield batch
            self._must_be_open()
            await work.task
        except BaseExceptionGroup as group:
            raise own_error(group) from None
        finally:
            await work.end()
        for error in run.stopped.values():
            raise error

    async def do(self, operation: Operation[Answer], account: str = "") -> Answer:
        """Perform one operation of a cloud's API, such as `CreateExpressSync`, and return its answer.

        `account` is by default the first one at the operation's cloud. The rate of a run does not bound it.

        Raises:
            ConfigError: there is no such account, or it lacks something that the cloud cannot tell.
            CallError: it did not succeed. What may be repeated without harm was; of anything else that was sent and
                not validly answered, it is for you to find out whether it took effect.
        """
        self._must_be_open()
        return await self._client.do(self._account(operation.cloud, account), operation)

    async def call(
        self,
        cloud: str,
        operation: str,
        params: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        path: str = "/",
        body: Mapping[str, Any] | None = None,
        service: str = "",
        repeatable: bool = False,
        account: str = "",
    ) -> dict[str, Any]:
        """Perform any operation, signed and judged like the others, and return the JSON object that it answers.

        `operation` is its name on the wire where the cloud has names there, `params` its query. In `path`,
        ``{project_id}`` stands for that setting of the account. An empty answer is ``{}``. Raises as `do` does.
        """
        name, service = self._account(cloud, account), service_of(clouds()[cloud], service)
        wanted = Untyped(cloud, operation, params or {}, method, path, body, service, repeatable)
        return await self.do(wanted, name)

    def _must_be_open(self) -> None:
        if not self._open:
            raise RuntimeError("the engine is not open: use it inside `async with Engine(...) as engine:`")

    def _account(self, cloud: str, name: str) -> str:
        known = [account.name for account in self.accounts if account.cloud == cloud]
        if not known or name not in {"", *known}:
            raise ConfigError(
                f"there is no account {name or 'of yours'} at {cloud}; there is {', '.join(known) or 'none'}"
            )
        return name or known[0]

    @property
    def unrenewed(self) -> Mapping[str, Unrenewed]:
        """Accounts whose credentials could not be renewed the last time."""
        return self._client.unrenewed

    async def renew(self) -> None:
        """Try once more what could not be renewed: an account may have no calls to make, that would. One that had to
        stop is tried when its run says."""
        stopped = self.current.stopped if self.current else {}
        await self._client.renew(self.unrenewed.keys() - stopped.keys())

    def drain(self) -> None:
        """Begin nothing more; the run ends when what is in flight has ended and is recorded."""
        if self.current:
            self.current.drain()

    def stop(self) -> None:
        """End the run at once: `run` raises CancelledError. The next run makes the calls again that were in flight."""
        if self._work:
            self._work.task.cancel()


async def _told(batches: AsyncGenerator[list[Ending], None]) -> AsyncGenerator[Outcome, None]:
    async with aclosing(batches):
        async for batch in batches:
            for ending in batch:
                for outcome in _outcomes(ending):
                    yield outcome


def _outcomes(ending: Ending) -> list[Outcome]:
    if not isinstance(ending, Finished):
        return [ending]
    job = ending.job
    state = ending.state.name.lower()
    task = ending.task or job.task
    return [Outcome(row, state, ending.why, ending.code, task) for row in clouds()[job.target.cloud].rows(job)]


def own_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error of ours among those of a group of tasks, or the only one that there is: the caller's own, mostly."""
    leaves = list(_leaves(group))
    ours = [error for error in leaves if isinstance(error, SyncmuxError)]
    return ours[0] if ours else leaves[0] if len(leaves) == 1 else group


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
