"""The commands and what they take. What they need is imported when they run: `--help` waits for nothing."""
# ruff: noqa: PLC0415

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from engine.cli.call import call
from engine.cli.everywhere import FLAG, WHOLE, Everywhere, in_command
from engine.cli.express_sync import express_sync
from engine.cli.interruption import HELD, INTERRUPTED, let_in
from engine.cli.sync_task import sync_task

_EVERYWHERE = Everywhere()


_Manifest = Annotated[str, Parameter(allow_leading_hyphen=True)]  # - is standard input


def _version() -> str:
    from importlib.metadata import version

    return version("syncmux")


app = App(
    name="syncmux",
    help="Tell clouds which objects to synchronise, and follow the work to its end.",
    version=_version,
    help_format="plaintext",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
    result_action="return_value",
    help_epilogue=(
        "Every command takes --config FILE, --backlog FILE, --rate N, --concurrency N, --batch N, --json, --dry-run "
        "and --quiet.\n\nExit codes: 0 all done, 2 usage or configuration, 3 finished with failed or rejected rows, "
        "4 credentials, 5 interrupted (run it again to resume), 6 a quota is exhausted, 1 anything else."
    ),
)


@app.command
def trigger(
    *manifests: _Manifest,
    wait: bool = True,
    again: Annotated[bool, FLAG] = False,
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Refresh directories of gateway shares from their buckets (Alibaba Cloud Storage Gateway, reverse sync).

    Rows: gateway_id, index_id, path. The same command, run again, goes on where it was left.

    Args:
        manifests: CSV with a header or JSON lines, may be gzip'ed; - is standard input.
        wait: Follow every task to its end; else a row is done when the cloud has taken it.
        again: Forget what was finished earlier, and do it again.
    """
    from engine.cli.work import start_work

    return start_work("trigger", manifests, {}, wait=wait, again=again, everywhere=everywhere)


@app.command
def push(
    *manifests: _Manifest,
    sync_task: str = "",
    again: Annotated[bool, FLAG] = False,
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Have objects synchronised by a sync task (Huawei Cloud OMS).

    Rows: key, or sync_task_id and key. The same command, run again, goes on where it was left.

    Args:
        manifests: Keys, one a line, CSV with a header or JSON lines, may be gzip'ed; - is standard input.
        sync_task: The sync task of rows that name none.
        again: Forget what was finished earlier, and do it again.
    """
    from engine.cli.work import start_work

    return start_work("push", manifests, {"sync_task_id": sync_task}, wait=True, again=again, everywhere=everywhere)


@app.command
def status(*, daemon: str = "", everywhere: Everywhere = _EVERYWHERE) -> int:
    """Show what the backlog holds, also while another process works on it.

    Args:
        daemon: Ask a running daemon instead: http://HOST:PORT, https://HOST or unix:/PATH.
    """
    if daemon:
        from engine.cli.daemon_status import daemon_status

        return daemon_status(daemon, everywhere)
    from engine.cli.status import status as show

    return show(everywhere)


@app.command
def retry_failed(*, everywhere: Everywhere = _EVERYWHERE) -> int:
    """Have failed work done again, to its end."""
    from engine.cli.work import retry_failed as retry

    return retry(everywhere)


@app.command
def export_failed(
    *,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    verb: str | None = None,
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Write failed rows as a manifest, for `trigger` or `push`.

    Args:
        output: A file ending in .csv, .jsonl, .csv.gz or .jsonl.gz; by default CSV goes to standard output.
        verb: trigger or push, where both have failures.
    """
    from engine.cli.export import export_failed as export

    return export(output, verb, everywhere)


@app.command
def doctor(*, timeout: float = 10.0, everywhere: Everywhere = _EVERYWHERE) -> int:
    """Look at every account: clock, DNS, TLS, credentials, permissions, what is there, quotas. Changes nothing.

    Args:
        timeout: Seconds to wait, at most, for each check.
    """
    from engine.cli.doctor import doctor as examine

    return examine(everywhere, timeout)


@app.command
def serve(
    *,
    check: Annotated[bool, FLAG] = False,
    stdin: Annotated[bool, FLAG] = False,
    until_end: Annotated[bool, FLAG] = False,
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Be told by object stores what changed, and push and trigger accordingly, until a signal comes.

    SIGHUP reads routes and listeners anew; SIGTERM ends it well.

    Args:
        check: Only look whether the settings are right.
        stdin: Read events from standard input, too, as JSON lines.
        until_end: End well when standard input has ended.
    """
    from engine.cli.serve import serve as start

    return start(everywhere, check=check, stdin=stdin, until_end=until_end)


@app.command
def demo(
    *,
    directories: Annotated[int, WHOLE] = 2000,
    keys: Annotated[int, WHOLE] = 20_000,
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """See it work: both clouds emulated, some faults, work for each. Touches no account and no backlog of yours.

    Args:
        directories: How many to trigger, over 100 gateways.
        keys: How many to push.
    """
    from engine.cli.demo import demo as show

    return show(directories, keys, everywhere)


@app.command
def emulate(
    *,
    port: Annotated[int, WHOLE] = 0,
    credentials: Path | None = None,
    faults: str = "{}",
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Be both clouds on this machine, until a signal comes. One JSON line says where, when ready.

    Args:
        port: To listen on; 0 takes a free one.
        credentials: Access keys beside emulator-ak, as JSON.
        faults: What to do wrong, as JSON, as for PUT /_emulator/faults.
    """
    from engine.emulator.__main__ import main as run

    del everywhere  # it has no bearing here
    more = ["--credentials", str(credentials)] if credentials else []
    return run(["--port", str(port), "--faults", faults, *more])


app.command(express_sync)
app.command(sync_task)
app.command(call)
_GROUPS = {group.name[0]: set(group) for group in (express_sync, sync_task)}


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    """For people, who have no use for the line of ours that it came from."""
    from engine.cli.output import complain

    complain(str(message))


def _readable(arguments: Sequence[str]) -> list[str]:
    """Raises ConfigError for bytes that are no text: neither a cloud nor the backlog could take them."""
    from engine.errors import ConfigError

    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise ConfigError(
                f"{os.fsencode(argument)!r} is not valid {sys.getfilesystemencoding()}; "
                "give a manifest of such a name through standard input, as -"
            ) from None
    return list(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments (by default the process's) say; returns the exit code."""
    warnings.showwarning = _warn
    given = sys.argv[1:] if arguments is None else arguments
    try:
        command = in_command(_readable(given), set(app), _GROUPS)
        if command[:1] != ["serve"]:  # which sees to them itself
            let_in(*HELD)
        return int(app(command) or 0)
    except CycloptsError as error:
        return _failed(str(error), 2)
    except BrokenPipeError:  # whoever read has enough
        from engine.cli.output import silence

        silence(sys.stdout)
        return 1
    except OSError as error:
        return _failed(error.strerror or str(error), 1)
    except KeyboardInterrupt:
        return _failed(INTERRUPTED, 5)
    except Exception as error:
        from engine.errors import SyncmuxError

        if not isinstance(error, SyncmuxError):
            raise
        from engine.cli.output import Output

        return Output("--json" in given).failure(error)


def _failed(why: str, code: int) -> int:
    from engine.cli.output import complain

    complain(why)
    return code
