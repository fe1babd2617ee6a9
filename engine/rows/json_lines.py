"""JSON lines: one object a line, its members are columns. A null is an empty value; of equal names the last counts."""

from __future__ import annotations

from collections.abc import Sequence
from types import NoneType
from typing import Any

import orjson

from engine.rows.lines import Block
from engine.rows.parsed import Format, Parsed
from engine.rows.schema import NOT_UTF8, R, RowError

WHITESPACE = b" \t\r"  # JSON's own

KINDS = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object", str: "a string"}


class JsonLines(Format[R]):
    def fast(self, block: Block) -> list[R] | None:
        if rb"\u0000" in block.data:
            return None
        try:
            objects: list[Any] = list(map(orjson.loads, block.lines()))
        except orjson.JSONDecodeError:
            return None
        if set(map(type, objects)) != {dict}:
            return None
        columns: dict[str, Sequence[str]] = {}
        recognised = 0
        for column in self.schema.columns:
            values = [values.get(column) for values in objects]
            recognised += len(values)
            kinds = set(map(type, values))
            if NoneType in kinds:
                recognised -= values.count(None)
                kinds.remove(NoneType)
                if not kinds:
                    continue
                values = ["" if value is None else value for value in values]
            if kinds != {str}:
                return None
            columns[column] = values
        if recognised != sum(map(len, objects)):  # unknown columns, or nulls
            return None
        return self.schema.rows(columns, len(objects))

    def careful(self, block: Block) -> Parsed[R]:
        rows: list[R] = []
        lines: list[int] = []
        rejected = []
        for number, line in enumerate(block.lines(), block.line):
            if not line.strip(WHITESPACE):
                continue
            try:
                rows.append(self.schema.row(self._values(line.rstrip(b"\r"))))
                lines.append(number)
            except RowError as error:
                rejected.append(self.reject(number, str(error), line))
        return Parsed(rows, lines, rejected)

    def _values(self, line: bytes) -> dict[str, str]:
        try:
            values = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if "UTF-8" in error.msg:
                raise RowError(NOT_UTF8) from error
            hint = " (is the line cut off?)" if "unexpected end" in error.msg else ""
            raise RowError(f"not valid JSON at character {error.pos + 1}: {error.msg}{hint}") from error
        if type(values) is not dict:
            kind = KINDS.get(type(values), "null")
            raise RowError(f'{kind} where an object like {{"{self.schema.columns[0]}": "..."}} is needed')
        self.schema.check_columns(values)
        for column, value in values.items():
            if value is not None and type(value) is not str:
                raise RowError(f"{column} is {KINDS[type(value)]}: write it as a string, in quotes")
        return {column: value for column, value in values.items() if value is not None}
