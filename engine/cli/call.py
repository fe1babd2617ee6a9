"""`call`: any operation of either API, signed and judged like the others."""
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from engine.cli.everywhere import FLAG, Everywhere

_EVERYWHERE = Everywhere()


def call(
    cloud: str,
    operation: str,
    *params: str,
    method: str = "",
    path: str = "/",
    body: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    service: str = "",
    repeatable: Annotated[bool, FLAG] = False,
    account: str = "",
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Call any operation and show the JSON that it answers. It is sent once, unless it is --repeatable.

    syncmux call alibaba DescribeGateway GatewayId=gw-1

    syncmux call huawei ListTasks --path /v2/{project_id}/tasks limit=10

    Args:
        cloud: alibaba or huawei.
        operation: Its name on the wire; where paths tell operations apart, what messages call it.
        params: KEY=VALUE, for the query. They show in the list of processes: secrets go into a body.
        method: By default POST where the path is / or there is a body, else GET.
        path: {project_id} stands for that of the account.
        body: A file with a JSON object; - is standard input.
        service: Which of the cloud's services, if not its first: iam.
        repeatable: May be sent again when the answer to the first attempt was lost.
        account: Whose; by default the first.
    """
    import orjson

    from engine.cli.exits import Exit
    from engine.cli.output import Output
    from engine.cli.performing import perform
    from engine.clouds import clouds
    from engine.clouds.operation import Untyped
    from engine.engine import Engine
    from engine.errors import ConfigError

    if cloud not in clouds():
        raise ConfigError(f"there is no cloud {cloud!r:.40}; there is {', '.join(clouds())}")
    document = _object(body)
    method = method.upper() or ("POST" if path == "/" or document is not None else "GET")
    wanted = Untyped(cloud, operation, _pairs(params), method, path, document, service, repeatable)

    async def work(engine: Engine, output: Output) -> Exit:
        answer = await engine.do(wanted, account)
        output.event("answer", cloud=cloud, operation=operation, answer=answer)
        output.result(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
        return Exit.DONE

    return perform(everywhere, cloud, [wanted], work)


def _pairs(params: tuple[str, ...]) -> dict[str, str]:
    from engine.errors import InputError

    found: dict[str, str] = {}
    for param in params:
        name, equals, value = param.partition("=")
        if not (name and equals):
            raise InputError(f"{param!r:.80} is not KEY=VALUE")
        if name in found:
            raise InputError(f"{name} is given twice")
        found[name] = value
    return found


def _object(body: Path | None) -> dict[str, Any] | None:
    import sys

    import orjson

    from engine.errors import InputError

    if body is None:
        return None
    try:
        document = orjson.loads(sys.stdin.buffer.read() if str(body) == "-" else body.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {body}: {error.strerror}") from None
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise InputError(f"{body} is not a JSON object")
    return document
