"""Figures of a generative model as a table: for the terminal, for a document, for a program."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from hringur.types import Metrics

COLUMNS = {
    "evaluation/frechet_distance": ("Frechet distance", ".1f"),
    "evaluation/kernel_distance": ("kernel distance", ".3f"),
    "evaluation/precision": ("precision", ".2f"),
    "evaluation/recall": ("recall", ".2f"),
    "evaluation/density": ("density", ".2f"),
    "evaluation/coverage": ("coverage", ".2f"),
    "evaluation/confident_percent": ("sure of class [%]", ".1f"),
    "evaluation/reconstruction_error": ("reconstruction", ".2f"),
    "evaluation/elbo_nats": ("ELBO [nats]", ".1f"),
    "evaluation/log_likelihood_nats": ("likelihood [nats]", ".1f"),
    "evaluation/code_entropy_bits": ("bits of a code", ".1f"),
    "evaluation/used_bits": ("bits in use", ".1f"),
    "evaluation/code_spread": ("spread of codes", ".2f"),
    "evaluation/latent_mmd": ("latent MMD", ".4f"),
    "evaluation/latent_sliced_wasserstein": ("latent sliced W.", ".2f"),
    "evaluation/latent_transport": ("latent transport", ".2f"),
}
"""Of a report, by tag: heading and format."""


@dataclass(frozen=True)
class GenerativeReport:
    """Figures by row: the model's, and the references'."""

    dataset: str
    count: int
    """images on each side"""
    rows: Mapping[str, Metrics] = field(default_factory=dict)

    def markdown(self) -> str:
        """One table; what has no value has no figure."""
        shown = self._shown()
        lines = [["images", *(COLUMNS[tag][0] for tag in shown)], ["---"] * (len(shown) + 1)]
        lines += [[name, *(_cell(row, tag) for tag in shown)] for name, row in self.rows.items()]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _shown(self) -> list[str]:
        return [tag for tag in COLUMNS if any(tag in row for row in self.rows.values())]

    def table(self) -> Table:
        """For the terminal: a row for each measure, a column for each kind of images."""
        title = f"{self.dataset}, {self.count:,} images beside as many held-out ones"
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("measure", no_wrap=True)
        for name in self.rows:
            table.add_column(name, justify="right")
        for tag in self._shown():
            table.add_row(COLUMNS[tag][0], *(_cell(row, tag) for row in self.rows.values()))
        return table

    def to_json(self) -> dict[str, Any]:
        """Everything, for machines."""
        rows = {name: dict(row) for name, row in self.rows.items()}
        return {"dataset": self.dataset, "count": self.count, "rows": rows}


def _cell(row: Metrics, tag: str) -> str:
    if tag not in row:
        return ""
    # an untrained model may be beyond all measure, and would take the others' room
    return f"{row[tag]:.1e}" if abs(row[tag]) >= 1e5 else format(row[tag], COLUMNS[tag][1])
