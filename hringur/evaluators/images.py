"""Made images compared with held-out ones, in the features of the shipped classifier of digits.

The best that a figure can be is not zero: two samples of the same law differ, too. So two halves
of the training images are measured against each other, with as many images: the floor. Training
images beside the held-out ones, which were written by others, are what a model that has learned
everything would get. Nothing here is an Inception score: ``digit_classifier.py``.
"""

from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from hringur.data.images.image_set import ImageSet
from hringur.divergences.features import (
    confident_share,
    exact_transport,
    frechet_distance,
    kernel_distance,
    neighbourhoods,
)
from hringur.divergences.kernels import mmd
from hringur.divergences.transport import sliced_distance
from hringur.evaluators.digit_classifier import DigitClassifier, Pixels, shipped_classifier
from hringur.types import Metrics, UserError

COUNT = 10_000
"""images on each side of a figure that is quoted, where there are so many held-out ones"""

WHILE_TRAINING = 2_000
"""the same for the curves; figures of different counts must not be compared"""

FEWEST = 10
"""images on each side of any measurement"""

CODES = 1_000
"""codes that are moved onto the prior exactly, which takes a second or so"""

SPLIT_SEED = 874
"""of the choice of images: always the same ones"""


class ImageEvaluator:
    """Held-out images and their features, which made images are compared with."""

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
        self.images = images
        self.count = measurable(len(images.train), len(images.test), count)
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
        """Compare made images with the held-out ones.

        Raises:
            UserError: not as many as there are held-out ones, or some are not finite.
        """
        return self._compare(self.features, made)

    @cached_property
    def halves(self) -> Metrics:
        """Two random halves of the training images, as many of each: the floor."""
        first, second = self._training_halves
        return self._compare(self.classifier.features(first), second)

    @cached_property
    def training_images(self) -> Metrics:
        """Training images and held-out ones: what remains when nothing is left to learn."""
        return self.measure(self._training_halves[0])

    @property
    def _training_halves(self) -> tuple[UInt8[Tensor, "N C H W"], UInt8[Tensor, "N C H W"]]:
        chosen = np.random.default_rng(SPLIT_SEED).permutation(len(self.images.train))
        first, second = chosen[: self.count], chosen[self.count : 2 * self.count]
        return torch.tensor(self.images.train[first]), torch.tensor(self.images.train[second])

    def _compare(self, real: Float[Tensor, "N D"], made: Pixels) -> Metrics:
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

    ``latent_mmd`` is the kernel discrepancy, squared and unbiased. The other two are distances of
    transport, in the unit of a code: along random lines, and in all dimensions at once for the
    first ``exact`` codes, which needs the extra ``generative``; 0 leaves that one out.
    """
    found = {
        "evaluation/latent_mmd": mmd(code, prior).item(),
        "evaluation/latent_sliced_wasserstein": sliced_distance(code, prior),
    }
    if exact:
        squared = max(0.0, exact_transport(code[:exact], prior[:exact]))
        found["evaluation/latent_transport"] = squared**0.5
    return found


def measurable(train: int, test: int, count: int) -> int:
    """How many images each side of a measurement can have."""
    return min(count, test, train // 2)
