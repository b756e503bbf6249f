"""One table for a terminal, a document and a program, read back from what each of them shows."""

import io
from typing import NamedTuple

import numpy as np
from rich.console import Console

from hringur.evaluation.statistics import Estimate
from hringur.evaluation.tables import (
    Column,
    Table,
    estimate_cells,
    estimate_columns,
    estimate_json,
)


class Town(NamedTuple):
    name: str
    snow: Estimate | None


TOWNS = [Town("[red]Vík[/red]", Estimate(0.5, 0.25, 0.75)), Town("Höfn", None)]
COLUMNS = [
    Column[Town]("town", lambda town: town.name, text=True, footer="all"),
    *estimate_columns("snow", lambda town: town.snow),
]


def printed(table: Table, width: int = 80, colour: bool = False) -> str:
    console = Console(
        width=width,
        file=io.StringIO(),
        force_terminal=colour,
        color_system="256" if colour else None,
    )
    console.print(table)
    return console.file.getvalue()


def test_a_document_has_headings_alignment_and_a_line_for_each_row():
    table = Table(title="Snow [m]", columns=COLUMNS, rows=TOWNS, references=[["most", "9"]])
    assert table.markdown().splitlines() == [
        "Snow [m]",
        "",
        "| town | snow | interval |",
        "| --- | --: | --: |",
        "| [red]Vík[/red] | 0.5 | [0.25, 0.75] |",
        "| Höfn |  |  |",
        "| most | 9 |  |",
    ]


def test_a_terminal_shows_the_same_cells_and_no_markup():
    table = Table(title="Snow [m]", columns=COLUMNS, rows=TOWNS, references=[["most", "9"]])
    lines = [line.split() for line in printed(table).splitlines()]
    assert ["Snow", "[m]"] in lines and ["town", "snow", "interval"] in lines
    assert ["[red]Vík[/red]", "0.5", "[0.25,", "0.75]"] in lines
    assert ["most", "9"] in lines and ["all"] in lines


def test_a_row_has_its_style():
    table = Table(columns=COLUMNS, rows=TOWNS, style=lambda town: "bold" if town.snow else "")
    snowy, other = (
        line for line in printed(table, colour=True).splitlines() if "V" in line or "H" in line
    )
    assert "\x1b[1m" in snowy and "\x1b[1m" not in other


def test_a_line_break_is_one_in_a_terminal_only():
    table = Table(columns=[Column[str]("a", lambda row: row, wrap=True)], rows=["1\n[0, 2]"])
    assert "| 1 [0, 2] |" in table.markdown()
    assert "1\n" in printed(table).replace(" ", "")


def test_figures_keep_their_digits_and_factors():
    estimate = Estimate(0.123456, 0.1, 0.2)
    assert estimate_cells(estimate) == ("0.1235", "[0.1, 0.2]")
    assert estimate_cells(estimate, digits=2, factor=100.0) == ("12", "[10, 20]")
    assert estimate_cells(Estimate(3.0, np.nan, np.nan)) == ("3", "none")


def test_json_has_the_interval_beside_the_figure():
    assert estimate_json("gap", Estimate(0.5, 0.25, 0.75)) == {
        "gap": 0.5,
        "gap_interval": [0.25, 0.75],
    }
    assert estimate_json("gap", None) == {"gap": None, "gap_interval": None}


def test_no_cell_steers_a_terminal():
    hostile = Table(columns=COLUMNS, rows=[Town("\x1b[2J\u202e", None)], title="\x07runs")
    for shown in (printed(hostile), hostile.markdown()):
        assert r"\x1b[2J\u202e" in shown and r"\x07runs" in shown
        assert shown.replace("\n", "").isprintable()
