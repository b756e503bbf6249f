"""Figures of a generative model as a table: for the terminal, for a document, for a program."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hringur.evaluation.tables import Column, Table
from hringur.types import Metrics

COLUMNS = {
    "evaluation/valid_percent": ("valid [%]", ".1f"),
    "evaluation/unique_percent": ("unique [%]", ".1f"),
    "evaluation/new_percent": ("new [%]", ".1f"),
    "evaluation/reconstructed_percent": ("reconstructed [%]", ".1f"),
    "evaluation/logp_distance": ("logP distance", ".3f"),
    "evaluation/qed_distance": ("QED distance", ".3f"),
    "evaluation/sa_distance": ("SA distance", ".3f"),
    "evaluation/error_distance": ("error distance", ".3f"),
    "evaluation/words_distance": ("number of words, distance", ".2f"),
    "evaluation/surprise_distance": ("surprise distance", ".2f"),
    "evaluation/frechet_distance": ("Frechet distance", ".1f"),
    "evaluation/kernel_distance": ("kernel distance", ".3f"),
    "evaluation/precision": ("precision", ".2f"),
    "evaluation/recall": ("recall", ".2f"),
    "evaluation/density": ("density", ".2f"),
    "evaluation/coverage": ("coverage", ".2f"),
    "evaluation/confident_percent": ("confidently classified [%]", ".1f"),
    "evaluation/reconstruction_error": ("reconstruction", ".2f"),
    "evaluation/edge_accuracy_percent": ("edges right [%]", ".2f"),
    "evaluation/encoder_accuracy_percent": ("right by the encoder alone [%]", ".2f"),
    "evaluation/prediction_error_percent": ("error of the next observation [%]", ".1f"),
    "evaluation/count_accuracy_percent": ("counts right [%]", ".2f"),
    "evaluation/box_overlap": ("mean intersection over union", ".3f"),
    "evaluation/three_objects_percent": ("counts of three right [%]", ".1f"),
    "evaluation/translation_error": ("error of a pixel, squared", ".4f"),
    "evaluation/partner_in_pixels_percent": ("true partner nearest in pixels [%]", ".1f"),
    "evaluation/partner_in_features_percent": ("the same in features [%]", ".1f"),
    "evaluation/elbo_nats": ("ELBO [nats]", ".1f"),
    "evaluation/log_likelihood_nats": ("likelihood [nats]", ".1f"),
    "evaluation/code_entropy_bits": ("bits of a code", ".1f"),
    "evaluation/used_bits": ("bits in use", ".1f"),
    "evaluation/code_std": ("code std", ".2f"),
    "evaluation/latent_mmd": ("latent MMD", ".4f"),
    "evaluation/latent_sliced_wasserstein": ("latent sliced W.", ".2f"),
    "evaluation/latent_transport": ("latent transport", ".2f"),
}
"""Heading and format of each measure, by tag."""


@dataclass(frozen=True)
class GenerativeReport:
    """Figures of the model and of its references, by row."""

    dataset: str
    count: int
    """images on each side"""
    rows: Mapping[str, Metrics] = field(default_factory=dict)
    what: str = "images"

    def markdown(self) -> str:
        """A table for a document, with a row for each kind of images."""

        def measure(tag: str) -> Column[str]:
            return Column(COLUMNS[tag][0], lambda name: self._cell(name, tag))

        images = Column[str]("images", lambda name: name, text=True)
        columns = [images, *map(measure, self._shown())]
        return Table(columns=columns, rows=list(self.rows)).markdown()

    def _shown(self) -> list[str]:
        return [tag for tag in COLUMNS if any(tag in row for row in self.rows.values())]

    def _cell(self, name: str, tag: str) -> str:
        value = self.rows[name].get(tag)
        return "" if value is None else format(value, spec(value, tag))

    def table(self) -> Table[str]:
        """A table for a terminal, with a row for each measure."""

        def images(name: str) -> Column[str]:
            return Column(name, lambda tag: self._cell(name, tag), wrap=True)

        measure = Column[str]("measure", lambda tag: COLUMNS[tag][0], text=True)
        title = f"{self.dataset}, {self.count:,} {self.what} beside as many held-out ones"
        return Table(title=title, columns=[measure, *map(images, self.rows)], rows=self._shown())

    def to_json(self) -> dict[str, Any]:
        """All figures for a program."""
        rows = {name: dict(row) for name, row in self.rows.items()}
        return {"dataset": self.dataset, "count": self.count, "rows": rows}


def spec(value: float, tag: str) -> str:
    """The format of a measure; that of very large values needs less room."""
    return ".1e" if abs(value) >= 1e5 else COLUMNS[tag][1]
