"""Made images laid beside held-out ones, and every figure beside its two references.

The best that a figure can be is not zero: two samples of the same law differ, too. So two halves
of the training images are measured against each other, with as many images (the floor), and so is
the model before its first update. Training images beside the held-out ones, which were written by
others, are what a model that has learned everything would get. Nothing here is an Inception score:
``digit_classifier.py``.

    evaluator = ImageEvaluator(load_images("mnist"))
    report = score_model(VAE.load("vae.safetensors"), evaluator)
    print(report.markdown())
"""

from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from hringur.data.images.images import ImageSet
from hringur.divergences.features import (
    confident_share,
    exact_transport,
    frechet_distance,
    kernel_distance,
    neighbourhoods,
    reconstruction_error,
)
from hringur.divergences.mmd import mmd
from hringur.evaluation.generative.report import GenerativeReport
from hringur.evaluators.digit_classifier import DigitClassifier, Pixels, shipped_classifier
from hringur.generative.batches import Images
from hringur.generative.measuring import sliced
from hringur.generative.model import ImageModel, no_images
from hringur.training.random_state import undisturbed
from hringur.types import Metrics, UserError

COUNT = 10_000
"""Images on each side of a figure that is quoted, where there are so many held-out ones."""

WHILE_TRAINING = 2_000
"""The same for the curves; figures of different counts must not be compared."""

FEWEST = 10
"""Fewer images cannot be measured."""

CODES = 1_000
"""Codes that are moved onto the prior exactly, which takes a second or so."""

SPLIT_SEED = 874
"""Which images are taken: always the same ones."""


class ImageEvaluator:
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
        self.images, self.count = images, _measurable(images, count)
        if self.count < FEWEST:
            raise UserError(
                f"a measurement needs at least {FEWEST} held-out images and {2 * FEWEST} training "
                f"ones; {images.name} has {len(images.test)} and {len(images.train)}"
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


def evaluator_of(model: ImageModel, count: int = COUNT) -> ImageEvaluator:
    """The model's own held-out images, on its device."""
    images = model.studio.images
    train, test = images.train.cpu().numpy(), images.test.cpu().numpy()
    record = ImageSet(images.name, train, test, None, None, ())
    return ImageEvaluator(record, count, device=str(images.train.device))


def score_model(model: ImageModel, evaluator: ImageEvaluator, seed: int = 0) -> GenerativeReport:
    """The model's samples, those of a density fitted to its codes, and the references."""
    rows = {"samples": _all_scores(model, evaluator, seed)}
    if model.encodes:
        made = model.sample(evaluator.count, density="fitted", seed=seed)
        rows["samples, density fitted to the codes"] = evaluator.measure(made)
    rows["untrained model"] = _all_scores(untrained(model), evaluator, seed)
    rows["training images"] = evaluator.training_images
    rows["the data's halves"] = evaluator.halves | prior_scores(model, evaluator)
    return GenerativeReport(evaluator.images.name, evaluator.count, rows)


def _all_scores(model: ImageModel, evaluator: ImageEvaluator, seed: int) -> Metrics:
    """What only this model has, such as a bound, then what all have."""
    with undisturbed():
        torch.manual_seed(seed)
        own = model.own_measures()
    return own | sample_scores(model, evaluator, seed) | code_scores(model, evaluator)


def sample_scores(model: ImageModel, evaluator: ImageEvaluator, seed: int = 0) -> Metrics:
    """Samples from the prior beside held-out images."""
    return evaluator.measure(model.sample(evaluator.count, seed=seed))


@torch.no_grad()
def code_scores(model: ImageModel, evaluator: ImageEvaluator) -> Metrics:
    """Held-out images through their codes and back, and codes beside the prior; {} for a GAN."""
    if not model.encodes:
        return {}
    with undisturbed():
        torch.manual_seed(0)
        few = evaluator.held_out[:WHILE_TRAINING]  # the kernels compare every pair
        code = model.draw_codes(few).cpu()
        prior = model.prior(len(code), torch.Generator().manual_seed(0)).cpu()
        rebuilt = model.reconstruct(evaluator.held_out).cpu()
    image = evaluator.held_out.float() / 255
    error = {"evaluation/reconstruction_error": reconstruction_error(image, rebuilt)}
    return error | latent_mismatch(code, prior)


def prior_scores(model: ImageModel, evaluator: ImageEvaluator) -> Metrics:
    """Codes of the prior beside others of it: the floor of the mismatch; {} for a GAN."""
    if not model.encodes:
        return {}
    count = min(WHILE_TRAINING, evaluator.count)
    first, second = (model.prior(count, torch.Generator().manual_seed(k)).cpu() for k in (1, 0))
    return latent_mismatch(first, second)


def untrained(model: ImageModel) -> ImageModel:
    """The same model before its first update, with the same images to be measured on."""
    studio, shape = model.studio, list(model.studio.shape)
    about = {"dataset": studio.images.name, "shape": shape, "classes": studio.images.classes}
    with undisturbed():
        fresh = type(model)(no_images(about), model.config, seed=studio.seed, fabric=studio.fabric)
    fresh.studio = studio
    return fresh


class Judge:
    """What a model asks at each of its evaluations: its samples beside the held-out images."""

    def __init__(self, evaluator: ImageEvaluator) -> None:
        self.evaluator = evaluator
        self.references: Metrics | None = None

    def __call__(self, model: ImageModel) -> Metrics:
        """The scores of samples, and both references: level lines beside the curves."""
        if self.references is None:
            fresh = sample_scores(untrained(model), self.evaluator)
            self.references = _under("floor", self.evaluator.halves) | _under("untrained", fresh)
        return sample_scores(model, self.evaluator) | self.references


def let_judge(model: ImageModel, count: int = WHILE_TRAINING) -> None:
    """Have ``model`` measured at its evaluations, where there are images enough to measure it."""
    if _measurable(model.studio.images, count) >= FEWEST:
        model.judge = Judge(evaluator_of(model, count))
        model.headline = "evaluation/frechet_distance"


def _measurable(images: ImageSet | Images, count: int) -> int:
    """How many images each side of a measurement can have."""
    return min(count, len(images.test), len(images.train) // 2)


def _under(name: str, row: Metrics) -> Metrics:
    return {tag.replace("evaluation", name): value for tag, value in row.items()}
