"""The table in docs/operations.md: which test stands behind every cell. `python -m tests.operations` writes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms

from .commands import COMMANDS
from .scenarios import SCENARIOS
from .ways import ALIBABA, HUAWEI, Column

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "operations.md"
BEGIN, END = "<!-- written by python -m tests.operations -->\n", "<!-- end -->\n"
NONE = "–"


def document() -> str:
    """The whole of it, with its tables as they should be."""
    text = DOCUMENT.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = f"### Alibaba\n\n{_table(sgw, ALIBABA)}\n### Huawei\n\n{_table(oms, HUAWEI)}"
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def _table(module: object, columns: Mapping[str, Column]) -> str:
    titles = ["operation", "command", *(column.title for column in columns.values())]
    rows = [titles, ["---"] * len(titles)]
    rows += [_row(module, each, columns) for each in SCENARIOS if hasattr(module, each)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(module: object, operation: str, columns: Mapping[str, Column]) -> list[str]:
    source = Path(inspect.getfile(getattr(module, operation))).relative_to(ROOT)
    command = COMMANDS.get(operation)
    return [
        f"[{operation}](../{source})",
        f"`{command.words}`" if command else NONE,
        *(name if column.has(operation) else NONE for name, column in columns.items()),
    ]


def stated(text: str) -> Iterator[str]:
    """The tests that a document names."""
    for operation, row in re.findall(r"^\| \[(\w+)\]\S+ \|(.*)\|$", text, re.MULTILINE):
        command, *ways = (cell.strip() for cell in row.split("|"))
        if command != NONE:
            yield f"test_command[{operation}]"
        yield from (f"test_operation[{operation}-{way}]" for way in ways if way != NONE)
