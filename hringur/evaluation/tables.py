"""One table, described once: printed in a terminal, written as Markdown, or kept as JSON.

Figures with intervals take two columns (``estimate_columns``) and two keys of a JSON object
(``estimate_json``).
"""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import rich.table
from rich.box import SIMPLE_HEAD
from rich.text import Text

from hringur.evaluation.statistics import Estimate
from hringur.types import printable

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A heading, and the text of each row's cell."""

    heading: str
    cell: Callable[[Row], str]
    """line breaks count in a terminal only"""

    text: bool = False
    """aligned left, as numbers are not"""

    wrap: bool = False
    """may break into lines where a terminal is narrow"""

    footer: str = ""


@dataclass(frozen=True, kw_only=True)
class Table(Generic[Row]):
    """Rows and columns under a title."""

    columns: Sequence[Column[Row]]
    rows: Sequence[Row]
    title: str = ""
    style: Callable[[Row], str] = lambda row: ""
    """rich's style of a row in a terminal"""

    references: Sequence[Sequence[str]] = ()
    """further lines below the rows, in green; missing cells are empty"""

    def lines(self) -> list[list[str]]:
        """The cells of every line below the headings; nothing in them steers a terminal."""
        rows = [[column.cell(row) for column in self.columns] for row in self.rows]
        rows += [[*line, *[""] * (len(self.columns) - len(line))] for line in self.references]
        return [["\n".join(map(printable, cell.split("\n"))) for cell in row] for row in rows]

    def __rich__(self) -> rich.table.Table:
        """The table for a terminal; nothing in a cell is markup."""
        table = rich.table.Table(
            title=Text(printable(self.title)) if self.title else None,
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1, 0, 0),  # more would not fit into 80 columns
            show_footer=any(column.footer for column in self.columns),
        )
        for column in self.columns:
            table.add_column(
                column.heading,
                column.footer,
                justify="left" if column.text else "right",
                no_wrap=not column.wrap,
                overflow="fold",  # no figure is cut off
            )
        styles = [*map(self.style, self.rows), *["green"] * len(self.references)]
        for cells, style in zip(self.lines(), styles, strict=True):
            table.add_row(*map(Text, cells), style=style)
        return table

    def _repr_html_(self) -> str:
        """The table as a notebook shows it."""
        return html_table([column.heading for column in self.columns], self.lines(), self.title)

    def markdown(self) -> str:
        """The table for a document, its title as a paragraph above."""
        headings = [column.heading for column in self.columns]
        rule = ["---" if column.text else "--:" for column in self.columns]
        lines = [headings, rule, *self.lines()]
        joined = (" | ".join(line).replace("\n", " ") for line in lines)
        title = f"{printable(self.title)}\n\n" if self.title else ""
        return title + "".join(f"| {line} |\n" for line in joined)


def html_table(headings: Sequence[str], lines: Sequence[Sequence[str]], title: str = "") -> str:
    """A table in HTML; nothing in a cell is markup."""

    def row(cells: Sequence[str], tag: str) -> str:
        shown = (html.escape(cell).replace("\n", "<br>") for cell in cells)
        return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in shown) + "</tr>"

    caption = f"<caption>{html.escape(printable(title))}</caption>" if title else ""
    return (
        f"<table>{caption}{row(headings, 'th')}{''.join(row(line, 'td') for line in lines)}</table>"
    )


def estimate_cells(estimate: Estimate, digits: int = 4, factor: float = 1.0) -> tuple[str, str]:
    """A figure and its interval, ``factor`` times as large, to so many significant digits."""
    value, low, high = factor * np.array([estimate.value, estimate.low, estimate.high])
    interval = f"[{low:.{digits}g}, {high:.{digits}g}]" if estimate.bounded else "none"
    return f"{value:.{digits}g}", interval


def stacked(estimate: Estimate | None, spec: str) -> str:
    """A figure in this format with its interval, if it has one; below it in a terminal."""
    if estimate is None:
        return ""
    value, low, high = (format(x, spec) for x in (estimate.value, estimate.low, estimate.high))
    return f"{value}\n[{low}, {high}]" if estimate.bounded else value


def estimate_columns(
    heading: str,
    estimate: Callable[[Row], Estimate | None],
    shown: Callable[[Estimate], tuple[str, str]] = estimate_cells,
) -> list[Column[Row]]:
    """A column for a figure and one for its interval, empty where a row has none."""

    def part(index: int) -> Callable[[Row], str]:
        return lambda row: "" if (found := estimate(row)) is None else shown(found)[index]

    return [Column(heading, part(0)), Column("interval", part(1))]


def estimate_json(name: str, estimate: Estimate | None) -> dict[str, Any]:
    """The keys ``name`` and ``name_interval``, both null where there is no figure."""
    if estimate is None:
        return {name: None, f"{name}_interval": None}
    return {name: estimate.value, f"{name}_interval": [estimate.low, estimate.high]}
