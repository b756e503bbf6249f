"""Generative models side by side: measures ``over_runs`` from several seeds, and samples.

The references are the untrained models, and the data's halves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from hringur.data.figures import GREY, new_figure
from hringur.evaluation.generative.report import COLUMNS, spec
from hringur.evaluation.statistics import Estimate, limits, over_runs
from hringur.evaluation.tables import Column, Table, stacked
from hringur.types import Metrics

SAMPLES, FITTED, UNTRAINED = "samples", "fitted density", "untrained"
SHOWN = {
    "evaluation/frechet_distance": "Frechet distance",
    "evaluation/precision": "precision",
    "evaluation/recall": "recall",
    "evaluation/coverage": "coverage",
    "evaluation/confident_percent": "confident [%]",
    "evaluation/reconstruction_error": "recon- struction",
}
"""Measures in the table, with their headings in a terminal; the record holds all measures."""

PICTURES = 10
"""Images of each kind in a row of the figure."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelCell:
    """One trained model, measured."""

    model: str
    """the experiment"""

    seed: int
    rows: Mapping[str, Metrics]
    """by kind of images: samples, samples of a fitted density, those of the untrained model"""

    pictures: Mapping[str, UInt8[np.ndarray, "N C H W"]]
    """a few of each kind"""

    samples: int
    """images trained on"""

    seconds: float
    command: str

    @property
    def words(self) -> str:
        """The result in one line."""
        distance = self.rows[SAMPLES]["evaluation/frechet_distance"]
        return f"Frechet distance {distance:.1f} after {self.samples:,} images"


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelRuns:
    """All runs of one model."""

    model: str
    teaches: str
    cells: tuple[ModelCell, ...]

    def kinds(self) -> list[str]:
        """Kinds of images that were measured, in the table's order."""
        return [kind for kind in (SAMPLES, FITTED, UNTRAINED) if kind in self.cells[0].rows]

    def values(self, kind: str, tag: str) -> np.ndarray:
        """One figure of each run; empty where there is none."""
        rows = [cell.rows[kind] for cell in self.cells]
        return np.array([row[tag] for row in rows if tag in row], dtype=float)

    def estimate(self, kind: str, tag: str) -> Estimate | None:
        """A figure over runs; None where the model has none."""
        values = self.values(kind, tag)
        return over_runs(values, limits(tag)) if len(values) else None

    def to_json(self) -> dict[str, Any]:
        """The figures for a program."""
        figures = {
            kind: {tag: self.values(kind, tag).tolist() for tag in self.cells[0].rows[kind]}
            for kind in self.kinds()
        }
        return {
            "model": self.model,
            "teaches": self.teaches,
            "seeds": [cell.seed for cell in self.cells],
            "figures": figures,
            "samples": [cell.samples for cell in self.cells],
            "seconds": [cell.seconds for cell in self.cells],
            "commands": [cell.command for cell in self.cells],
        }


Line = tuple[ModelRuns, str]
"""A row of the table: a model's runs, and a kind of their images."""


def grouped(cells: Sequence[ModelCell], teaches: Mapping[str, str]) -> list[ModelRuns]:
    """By model, in the order of ``teaches``."""
    return [
        ModelRuns(model=model, teaches=words, cells=own)
        for model, words in teaches.items()
        if (own := tuple(cell for cell in cells if cell.model == model))
    ]


def table(runs: Sequence[ModelRuns], halves: Metrics, title: str) -> Table[Line]:
    """The models' figures, then both references, for 80 columns: intervals are below figures."""

    def name(line: Line) -> str:
        return "\n".join([line[0].model.replace("-", "-\n"), *line[1].split()])

    return _table(runs, halves, title, [Column("model", name, text=True)], [])


def markdown(runs: Sequence[ModelRuns], halves: Metrics) -> str:
    """The table for a document, which also says how long each model was trained."""
    names = [
        Column[Line]("model", lambda line: line[0].model, text=True),
        Column[Line]("images", lambda line: line[1], text=True),
    ]
    training = [
        Column[Line]("trained on", lambda line: f"{_mean(line, 'samples'):,.0f}"),
        Column[Line]("seconds", lambda line: f"{_mean(line, 'seconds'):.0f}"),
    ]
    return _table(runs, halves, "", names, training).markdown()


def _table(
    runs: Sequence[ModelRuns],
    halves: Metrics,
    title: str,
    names: list[Column[Line]],
    training: list[Column[Line]],
) -> Table[Line]:
    body = [(one, kind) for one in runs for kind in (SAMPLES, FITTED) if kind in one.kinds()]

    def measure(tag: str) -> Column[Line]:
        def cell(line: Line) -> str:
            found = line[0].estimate(line[1], tag)
            return "" if found is None else stacked(found, spec(found.value, tag))

        return Column(COLUMNS[tag][0] if training else SHOWN[tag], cell, wrap=True)

    floor = [format(halves[tag], spec(halves[tag], tag)) if tag in halves else "" for tag in SHOWN]
    return Table(
        title=title,
        columns=[*names, *map(measure, SHOWN), *training],
        rows=[*body, *((one, UNTRAINED) for one in runs)],
        references=[["the data's\nhalves", *[""] * (len(names) - 1), *floor]],
    )


def samples_figure(
    runs: Sequence[ModelRuns], real: UInt8[np.ndarray, "N C H W"], title: str
) -> Figure:
    """A row of samples of each model's first run: of the prior, and of a fitted density."""
    rows = [*runs, None]
    figure = new_figure(11.0, 0.55 * len(rows) + 0.8, title)
    panels = figure.subplots(len(rows), 2, squeeze=False)
    beside: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9, "color": GREY}
    for one, pair in zip(rows, panels, strict=True):
        pictures = one.cells[0].pictures if one else {SAMPLES: real, FITTED: real[PICTURES:]}
        for kind, axes in zip((SAMPLES, FITTED), pair, strict=True):
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if kind not in pictures:
                words = "no encoder, so there are no codes to fit a density to"
                axes.text(0.5, 0.5, words, transform=axes.transAxes, **beside)
            else:
                axes.imshow(_strip(pictures[kind]), cmap="gray", vmin=0, vmax=255)
        name = "held-out images" if one is None else one.model
        pair[0].set_ylabel(name, rotation=0, ha="right", va="center")
    panels[0, 0].set_title("codes from the prior", fontsize=9, color=GREY)
    panels[0, 1].set_title("codes from a density fitted to them", fontsize=9, color=GREY)
    return figure


def _strip(images: UInt8[np.ndarray, "N C H W"]) -> np.ndarray:
    row = np.concatenate(list(images[:PICTURES]), axis=2)
    return row[0] if len(row) == 1 else row[:3].transpose(1, 2, 0)


def _mean(line: Line, figure: str) -> float:
    """Mean over runs of a figure of their training; 0 for an untrained model."""
    runs, kind = line
    return 0.0 if kind == UNTRAINED else float(np.mean([getattr(c, figure) for c in runs.cells]))
