"""Figures of models that infer what is known by construction, beside simple methods; over seeds.

Such a model has ``truth_report(count)``: its figures and those of its references on held-out data,
by row, the model itself first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from matplotlib.figure import Figure

from hringur.data.figures import BLUE, GREY, light_grid, new_figure
from hringur.evaluation.generative.report import COLUMNS, GenerativeReport, spec
from hringur.evaluation.statistics import Estimate, limits, over_runs
from hringur.evaluation.tables import Column, Table, stacked
from hringur.types import Metrics


@runtime_checkable
class Structured(Protocol):
    """A model that infers what is known by construction."""

    def truth_report(self, count: int | None) -> tuple[int, dict[str, Metrics]]:
        """How many held-out samples were taken, and the rows."""


def structure_report(model: Any, count: int | None) -> GenerativeReport:
    """The table of one model."""
    held_out, rows = model.truth_report(count)
    return GenerativeReport(model.dataset, held_out, rows, model.of)


@dataclass(frozen=True, kw_only=True, eq=False)
class StructureCell:
    """One trained model, measured."""

    model: str
    seed: int
    rows: Mapping[str, Metrics]
    """by name: the model first, then its references"""

    headline: str
    """tag of the figure that is drawn"""

    samples: int
    seconds: float
    command: str

    @property
    def words(self) -> str:
        """The result in one line."""
        found = next(iter(self.rows.values()))[self.headline]
        return f"{COLUMNS[self.headline][0]} {found:.2f} after {self.samples:,} samples"


Line = tuple[str, str]
"""A row of the table: a model, and itself or one of its references."""


def estimates(cells: Sequence[StructureCell], line: Line) -> dict[str, Estimate]:
    """Each figure of a row over the seeds."""
    rows = [cell.rows[line[1]] for cell in cells if cell.model == line[0]]
    return {tag: over_runs(np.array([row[tag] for row in rows]), limits(tag)) for tag in rows[0]}


def lines(cells: Sequence[StructureCell]) -> list[Line]:
    """Every row of every model, in the order of the cells."""
    return list(dict.fromkeys((cell.model, name) for cell in cells for name in cell.rows))


def table(cells: Sequence[StructureCell], title: str) -> Table[Line]:
    """Figures over seeds with their intervals."""
    found = {line: estimates(cells, line) for line in lines(cells)}
    tags = [tag for tag in COLUMNS if any(tag in one for one in found.values())]

    def measure(tag: str) -> Column[Line]:
        def cell(line: Line) -> str:
            one = found[line].get(tag)
            return "" if one is None else stacked(one, spec(one.value, tag))

        return Column(COLUMNS[tag][0], cell, wrap=True)

    names = [
        Column[Line]("model", lambda line: line[0], text=True, wrap=True),
        Column[Line]("row", lambda line: line[1], text=True, wrap=True),
    ]
    return Table(title=title, columns=[*names, *map(measure, tags)], rows=list(found))


def figure(cells: Sequence[StructureCell], title: str) -> Figure:
    """The headline of each seed, and of each reference, a line each."""
    rows, tag = lines(cells), cells[0].headline
    drawn = new_figure(7.0, 0.4 * len(rows) + 1.2, title)
    axes = drawn.subplots()
    for height, (model, name) in enumerate(rows):
        own = [cell for cell in cells if cell.model == model]
        values = [cell.rows[name][tag] for cell in own if tag in cell.rows[name]]
        first = name == next(iter(own[0].rows))
        axes.plot(values, [height] * len(values), "o", color=BLUE if first else GREY, alpha=0.7)
    axes.set(yticks=range(len(rows)), yticklabels=[f"{a}: {b}" for a, b in rows])
    axes.set(xlabel=COLUMNS[tag][0], ylim=(len(rows) - 0.5, -0.5))
    light_grid(axes, "both")
    return drawn


def to_json(cells: Sequence[StructureCell]) -> list[dict[str, Any]]:
    """The figures for a program."""
    return [vars(cell) | {"rows": {k: dict(v) for k, v in cell.rows.items()}} for cell in cells]
