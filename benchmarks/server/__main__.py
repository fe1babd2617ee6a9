"""python -m benchmarks.server: prints {"http": URL, "https": URL} when it is ready, and serves until it is ended."""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys

import orjson
import uvloop

from benchmarks.children import follow_parent
from benchmarks.cores import stay_on
from benchmarks.server.answers import constant, with_tasks
from benchmarks.server.connection import Connection
from benchmarks.server.tasks import Gateways
from engine.cli.loop import allow_files


async def serve(service_s: float, task_s: tuple[float, float], certificate: str) -> None:
    loop = asyncio.get_running_loop()
    answers = with_tasks(Gateways(*task_s)) if any(task_s) else constant()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    urls = {}
    for scheme, context in (("http", None), ("https", tls)):
        server = await loop.create_server(
            lambda: Connection(answers, service_s), "127.0.0.1", 0, ssl=context, backlog=4096
        )
        urls[scheme] = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    sys.stdout.buffer.write(orjson.dumps(urls) + b"\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("--service-s", type=float, default=0.0, help="how long every answer takes")
    parser.add_argument("--task-s", type=float, nargs=2, default=(0.0, 0.0), metavar=("LEAST", "MOST"))
    parser.add_argument("--certificate", required=True, help="PEM file with the chain and its key")
    parser.add_argument("--core", type=int, help="the processor to stay on")
    chosen = parser.parse_args()
    follow_parent()
    stay_on(chosen.core)
    allow_files()
    uvloop.run(serve(chosen.service_s, tuple(chosen.task_s), chosen.certificate))


main()
