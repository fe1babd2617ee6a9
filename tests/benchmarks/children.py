"""python -m tests.benchmarks.children: children of every kind, for the tests of how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from unittest.mock import patch

from benchmarks import side
from benchmarks.children import Children, follow_parent
from benchmarks.model import Benchmark, Quick, Setup, Side, Turns


def main(kind: str, *arguments: str) -> None:
    if kind == "answer":
        turns = follow_parent()
        for number in count(1):
            turns.acquire()
            print(json.dumps({"pid": os.getpid(), "turn": number}), flush=True)
    elif kind == "fail":
        sys.exit(3)
    elif kind == "hang":
        grandchild = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        for path in arguments:
            Path(path).write_text(f"{os.getpid()} {grandchild.pid}")
        print("ready", flush=True)
        grandchild.wait()
    elif kind == "orphan":  # ends when it is asked to, and leaves somebody who does not
        stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
        grandchild = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
        assert grandchild.stdout
        grandchild.stdout.readline()
        print(json.dumps({"pid": grandchild.pid}), flush=True)
        signal.pause()
    elif kind == "mute":
        signal.pause()
    elif kind == "follow":
        follow_parent()
        print("ready", flush=True)
        while True:
            os.sched_yield()
    elif kind == "chatty":
        setup = Setup(True, "", "", "", None)
        benchmark = Benchmark("chatty", "", Quick(""), (Side("ours", _chatty),), (), ())
        with patch.object(side, "find", return_value=benchmark):
            side.main(["chatty", "ours", setup.to_json()])
    elif kind == "parent":
        with Children() as children:
            child = children.start("tests.benchmarks.children", "follow")
            assert child.stdout
            child.stdout.readline()
            print(child.pid, flush=True)
            child.wait()


def _chatty(setup: Setup) -> Turns:
    for number in count():
        print("a library's own words")
        yield {"turn": number}


main(*sys.argv[1:])
