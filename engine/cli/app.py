"""The commands and what they take. What they need is imported when they run: `--help` waits for nothing."""
# ruff: noqa: PLC0415

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from engine.cli.call import call
from engine.cli.everywhere import FLAG, Everywhere, in_command
from engine.cli.express_sync import express_sync
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
def status(*, everywhere: Everywhere = _EVERYWHERE) -> int:
    """Show what the backlog holds, also while another process works on it."""
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
def demo(*, directories: int = 2000, keys: int = 20_000, everywhere: Everywhere = _EVERYWHERE) -> int:
    """See it work: both clouds emulated, some faults, work for each. Touches no account and no backlog of yours.

    Args:
        directories: How many to trigger, over 100 gateways.
        keys: How many to push.
    """
    from engine.cli.demo import demo as show

    return show(directories, keys, everywhere)


@app.command
def emulate(
    *, port: int = 0, credentials: Path | None = None, faults: str = "{}", everywhere: Everywhere = _EVERYWHERE
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
    print(f"syncmux: {message}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments (by default the process's) say; returns the exit code."""
    warnings.showwarning = _warn
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until there is work that must be ended well
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(app(in_command(given, set(app), _GROUPS)) or 0)
    except CycloptsError as error:
        print(f"syncmux: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read has enough. Python's own flush at the end must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"syncmux: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("syncmux: interrupted; run the same command again to resume", file=sys.stderr)
        return 5
    except Exception as error:
        from engine.errors import SyncmuxError

        if not isinstance(error, SyncmuxError):
            raise
        from engine.cli.output import Output

        return Output("--json" in given).failure(error)
