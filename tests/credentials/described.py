"""Carries out the description of a source by hand: files and answers are what a test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

from engine.clouds.sources import Ask, Describe, Read, Run, Setting
from engine.model import Fetched, Reply
from signers import SignedRequest

NOW, NONCE = 1.7e9, "a-nonce"
Answer: TypeAlias = Callable[[SignedRequest], Reply]


@dataclass(slots=True)
class World:
    files: Mapping[str, str | object] = field(default_factory=dict)
    answer: Answer = lambda request: Reply(404, {}, b"")
    output: object = None  # of every command, as JSON
    read: list[Read] = field(default_factory=list)
    asked: list[SignedRequest] = field(default_factory=list)
    ran: list[tuple[str, ...]] = field(default_factory=list)

    def carry_out(self, describe: Describe, setting: Setting) -> Fetched | None:
        steps = describe(setting)
        answer: Any = None
        try:
            while True:
                match steps.send(answer):
                    case Read() as read:
                        self.read.append(read)
                        content = self.files.get(read.path)
                        answer = None if content is None else in_bytes(content)
                    case Ask() as ask:
                        self.asked.append(ask.request(NOW, NONCE))
                        answer = self.answer(self.asked[-1])
                    case Run(argv):
                        self.ran.append(argv)
                        answer = in_bytes(self.output)
        except StopIteration as end:
            found: Fetched | None = end.value
            return found


def in_bytes(content: object) -> bytes:
    return content.encode() if isinstance(content, str) else orjson.dumps(content)


def replies(*given: tuple[int, object]) -> Answer:
    """One after the other: status and body."""
    left = iter(given)

    def answer(_request: SignedRequest) -> Reply:
        status, body = next(left)
        return Reply(status, {}, in_bytes(body))

    return answer
