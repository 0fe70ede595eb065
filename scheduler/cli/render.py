"""
Values as people or programs want to read them: a table, JSON or YAML.

Everything is written for 80 columns; rich measures the terminal and takes 80 where there is none.
"""

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.table import Table


class Output(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def show(document: Any, output: Output, as_table: Callable[[Console], None]) -> None:
    """Print a document of plain values; `as_table` writes it for people."""
    match output:
        case Output.JSON:
            print(json.dumps(document, indent=2, ensure_ascii=False))
        case Output.YAML:
            import yaml  # noqa: PLC0415

            print(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), end="")
        case Output.TABLE:
            as_table(Console())


def table(
    console: Console,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    right: frozenset[str] = frozenset(),
) -> None:
    """Print rows below capitals, as kubectl does; `right` names the columns of numbers."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        grid.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*("-" if cell in (None, "") else str(cell) for cell in row))
    console.print(grid, markup=False, highlight=False)


def age(seconds: float) -> str:
    """Return a span of time the way kubectl does: 45s, 12m, 5h, 3d."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"
