"""Made images laid beside held-out ones, and every figure beside its two references.

The best that a figure can be is not zero: two samples of the same law differ, too. So two halves
of the training images are measured against each other, with as many images (the floor), and so is
the model before its first update. Training images beside the held-out ones, which were written by
others, are what a model that has learned everything would get. Nothing here is an Inception score:
``digit_classifier.py``.

    yardstick = ImageYardstick(load_images("mnist"))
    report = score_model(VAE.load("vae.safetensors"), yardstick)
    print(report.markdown())
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from hringur.data.images import ImageSet
from hringur.evaluation.digit_classifier import DigitClassifier, Pixels, shipped_classifier
from hringur.evaluation.generative_metrics import (
    confident_share,
    exact_transport,
    frechet_distance,
    kernel_distance,
    neighbourhoods,
    reconstruction_error,
)
from hringur.generative.discrepancy import mmd
from hringur.generative.measuring import sliced
from hringur.generative.model import ImageModel, no_images
from hringur.training.random_state import undisturbed
from hringur.types import Metrics, State, UserError

COUNT = 10_000
"""Images on each side of a figure that is quoted, where there are so many held-out ones."""

WHILE_TRAINING = 2_000
"""The same for the curves; figures of different counts must not be compared."""

CODES = 1_000
"""Codes that are moved onto the prior exactly, which takes a second or so."""

SPLIT_SEED = 874
"""Which images are taken: always the same ones."""

COLUMNS = {
    "evaluation/frechet_distance": ("Frechet distance", ".1f"),
    "evaluation/kernel_distance": ("kernel distance", ".3f"),
    "evaluation/precision": ("precision", ".2f"),
    "evaluation/recall": ("recall", ".2f"),
    "evaluation/density": ("density", ".2f"),
    "evaluation/coverage": ("coverage", ".2f"),
    "evaluation/confident_percent": ("in some class with > 0.9 [%]", ".1f"),
    "evaluation/reconstruction_error": ("reconstruction error", ".2f"),
    "evaluation/latent_mmd": ("latent MMD", ".4f"),
    "evaluation/latent_sliced_wasserstein": ("latent sliced Wasserstein", ".2f"),
    "evaluation/latent_transport": ("latent transport", ".2f"),
}
"""Of a report, by tag: heading and format."""


class ImageYardstick:
    """Held-out images and their features, ready to lay made images beside."""

    def __init__(
        self,
        images: ImageSet,
        count: int = COUNT,
        classifier: DigitClassifier | None = None,
        device: str = "cpu",
    ) -> None:
        """Take ``count`` held-out images, or all where there are fewer.

        Raises:
            UserError: too few to measure anything.
        """
        self.images, self.count = images, min(count, len(images.test), len(images.train) // 2)
        if self.count < 10:
            raise UserError(
                f"a measurement needs at least 10 held-out images and 20 training ones; "
                f"{images.name} has {len(images.test)} and {len(images.train)}"
            )
        self.classifier = classifier or shipped_classifier(device)
        chosen = np.random.default_rng(SPLIT_SEED).permutation(len(images.test))[: self.count]
        self.held_out = torch.tensor(images.test[np.sort(chosen)])
        self.features = self.classifier.features(self.held_out)

    def measure(self, made: Pixels) -> Metrics:
        """Made images beside the held-out ones.

        Raises:
            UserError: not as many as there are held-out ones, or some are not finite.
        """
        return self._beside(self.features, made)

    @cached_property
    def halves(self) -> Metrics:
        """Two random halves of the training images, as many of each: the floor."""
        first, second = self._training_halves
        return self._beside(self.classifier.features(first), second)

    @cached_property
    def training_images(self) -> Metrics:
        """Training images beside the held-out ones: what remains when nothing is left to learn."""
        return self.measure(self._training_halves[0])

    @property
    def _training_halves(self) -> tuple[UInt8[Tensor, "N C H W"], UInt8[Tensor, "N C H W"]]:
        chosen = np.random.default_rng(SPLIT_SEED).permutation(len(self.images.train))
        first, second = chosen[: self.count], chosen[self.count : 2 * self.count]
        return torch.tensor(self.images.train[first]), torch.tensor(self.images.train[second])

    def _beside(self, real: Float[Tensor, "N D"], made: Pixels) -> Metrics:
        if len(made) != len(real):
            raise UserError(f"{len(real)} images must be measured, got {len(made)}")
        features, chances = self.classifier.features_and_probabilities(made)
        near = neighbourhoods(real, features)
        return {
            "evaluation/frechet_distance": frechet_distance(real, features),
            "evaluation/kernel_distance": kernel_distance(real, features),
            "evaluation/precision": near.precision,
            "evaluation/recall": near.recall,
            "evaluation/density": near.density,
            "evaluation/coverage": near.coverage,
            "evaluation/confident_percent": 100 * confident_share(chances),
        }


@torch.no_grad()
def latent_mismatch(
    code: Float[Tensor, "B Z"], prior: Float[Tensor, "B Z"], exact: int = CODES
) -> Metrics:
    """How far codes are from codes of the prior.

    ``latent_mmd``: the kernel discrepancy, squared and unbiased. The other two are distances of
    transport, in the unit of a code: along random lines, and in all dimensions at once for the
    first ``exact`` codes, which needs the extra ``generative``.
    """
    return {
        "evaluation/latent_mmd": mmd(code, prior).item(),
        "evaluation/latent_sliced_wasserstein": sliced(code, prior),
        "evaluation/latent_transport": max(0.0, exact_transport(code[:exact], prior[:exact]))
        ** 0.5,
    }


@dataclass(frozen=True)
class GenerativeReport:
    """Figures by row: the model's, and the references'."""

    dataset: str
    count: int
    """images on each side"""
    rows: Mapping[str, Metrics] = field(default_factory=dict)

    def markdown(self) -> str:
        """One table; what has no value has no figure."""
        shown = [tag for tag in COLUMNS if any(tag in row for row in self.rows.values())]
        lines = [
            "| " + " | ".join(["images", *(COLUMNS[tag][0] for tag in shown)]) + " |",
            "| " + " | ".join(["---"] * (len(shown) + 1)) + " |",
        ]
        for name, row in self.rows.items():
            cells = [format(row[tag], COLUMNS[tag][1]) if tag in row else "" for tag in shown]
            lines.append("| " + " | ".join([name, *cells]) + " |")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Everything, for machines."""
        rows = {name: dict(row) for name, row in self.rows.items()}
        return {"dataset": self.dataset, "count": self.count, "rows": rows}


def score_model(model: ImageModel, yardstick: ImageYardstick, seed: int = 0) -> GenerativeReport:
    """The model's samples, those of a density fitted to its codes, and both references."""
    rows = {"samples": sample_scores(model, yardstick, seed) | code_scores(model, yardstick)}
    if model.encodes and len(model.studio.images.train):
        made = model.sample(yardstick.count, density="fitted", seed=seed)
        rows["samples, density fitted to the codes"] = yardstick.measure(made)
    fresh = untrained(model)
    rows["untrained model"] = sample_scores(fresh, yardstick, seed) | code_scores(fresh, yardstick)
    rows["training images"] = yardstick.training_images
    rows["the data's halves"] = yardstick.halves | prior_scores(model, yardstick)
    return GenerativeReport(yardstick.images.name, yardstick.count, rows)


def sample_scores(model: ImageModel, yardstick: ImageYardstick, seed: int = 0) -> Metrics:
    """Samples from the prior beside held-out images."""
    return yardstick.measure(model.sample(yardstick.count, seed=seed))


@torch.no_grad()
def code_scores(model: ImageModel, yardstick: ImageYardstick) -> Metrics:
    """Held-out images through their codes and back, and codes beside the prior; {} for a GAN."""
    if not model.encodes:
        return {}
    with undisturbed():
        torch.manual_seed(0)
        code = model.encode(yardstick.held_out)
        rebuilt = model.decode(code).cpu()
        prior = model.prior(len(code), torch.Generator().manual_seed(0))
    image = yardstick.held_out.float() / 255
    error = {"evaluation/reconstruction_error": reconstruction_error(image, rebuilt)}
    few = slice(WHILE_TRAINING)  # the kernels compare every pair
    return error | latent_mismatch(code.cpu()[few], prior.cpu()[few])


def prior_scores(model: ImageModel, yardstick: ImageYardstick) -> Metrics:
    """Codes of the prior beside others of it: the floor of the mismatch; {} for a GAN."""
    if not model.encodes:
        return {}
    count = min(WHILE_TRAINING, yardstick.count)
    first, second = (model.prior(count, torch.Generator().manual_seed(k)).cpu() for k in (1, 0))
    return latent_mismatch(first, second)


def untrained(model: ImageModel) -> ImageModel:
    """The same model before its first update."""
    studio, shape = model.studio, list(model.studio.shape)
    about = {"dataset": studio.images.name, "shape": shape, "classes": studio.images.classes}
    with undisturbed():
        return type(model)(no_images(about), model.config, seed=studio.seed, fabric=studio.fabric)


class Measured:
    """An image model that the trainer sees with these scores among its evaluations."""

    def __init__(self, model: Any, yardstick: ImageYardstick) -> None:
        self.model, self.yardstick = model, yardstick

    @property
    def headline(self) -> str:
        """The Frechet distance of samples."""
        return "evaluation/frechet_distance"

    def update(self, batch: Any, progress: float) -> Metrics:
        """The model's."""
        return self.model.update(batch, progress)

    def evaluate(self) -> Metrics:
        """The model's own scalars, its samples beside the held-out images, and both references."""
        scores = sample_scores(self.model, self.yardstick)
        return self.model.evaluate() | scores | self.references

    @cached_property
    def references(self) -> Metrics:
        """The floor, and the same model untrained: level lines beside the curves."""
        fresh = sample_scores(untrained(self.model), self.yardstick)
        rows = {"floor": self.yardstick.halves, "untrained": fresh}
        return {
            tag.replace("evaluation", name): value
            for name, row in rows.items()
            for tag, value in row.items()
        }

    def figures(self) -> Mapping[str, Figure]:
        """The model's."""
        return self.model.figures()

    def compile(self) -> None:
        """The model."""
        self.model.compile()

    def state_dict(self) -> State:
        """The model's: a checkpoint does not tell whether it was measured."""
        return self.model.state_dict()

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.model.load_state_dict(state)
