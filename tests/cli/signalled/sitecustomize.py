"""Python imports this first of all: has the process get signals whenever it comes to some places.

SIGNALS_AT is a JSON object of signal numbers by place. A place is "import MODULE", "call FUNCTION", "return FUNCTION",
"exit" (nothing is left to do for the command) or "end" (Python has put its own signal handlers away).
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
from types import FrameType, ModuleType
from typing import Any

PLACES: dict[str, list[int]] = json.loads(os.environ.pop("SIGNALS_AT", "{}"))

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may have it ignored, as nohup does


def come(place: str, places: dict[str, list[int]] = PLACES, send: Any = os.kill, pid: int = os.getpid()) -> None:
    for number in places.pop(place, ()):
        send(pid, number)


class _Imports:
    def find_spec(self, name: str, *_: object) -> None:
        come(f"import {name}")


def _profile(frame: FrameType, event: str, _: object) -> None:
    if event in {"call", "return"}:
        come(f"{event} {frame.f_code.co_qualname}")


class _Last:
    def __del__(self, come: Any = come, places: dict[str, list[int]] = PLACES, leave: Any = os._exit) -> None:
        come("end")
        if places:
            leave(99)  # it has come to its end, but not to all of the places


if PLACES:
    sys.meta_path.insert(0, _Imports())
    sys.setprofile(_profile)
    atexit.register(come, "exit")
    alone = ModuleType("alone")  # nothing else keeps it
    vars(alone)["last"] = _Last()
    sys.modules["alone"] = alone
    del alone
