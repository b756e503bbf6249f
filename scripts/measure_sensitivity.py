"""The table of docs/generative_metrics.md: how each measure answers to a known damage.

python scripts/measure_sensitivity.py

Training images with a known damage are compared with held-out ones. Each damage is one that models
are prone to: noise, blur, a wrong place, a missing class, few images again and again, mixtures.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import tyro
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from hringur.data.images.images import load_images
from hringur.evaluation.generative.report import GenerativeReport
from hringur.evaluators.images import COUNT, ImageEvaluator
from hringur.types import UserError

Images = Float[Tensor, "B C H W"]

MISSING = 9
"""the class that is left out"""

FEW = 100
"""images that are all there is, where a model has collapsed"""


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """Damage training images, and measure them beside held-out ones."""

    dataset: str = "mnist"
    """images, with classes"""
    count: int = COUNT
    """on each side"""
    threads: int = 1
    """processor threads"""


def main(options: Sensitivity) -> None:
    torch.set_num_threads(options.threads)
    evaluator = ImageEvaluator(load_images(options.dataset), options.count)
    print(sensitivity(evaluator).markdown())


def noisy(images: Images) -> Images:
    """Normal noise of a tenth of the pixels' range."""
    return (images + 0.1 * torch.randn(images.shape, generator=fixed())).clamp(0, 1)


def blurred(images: Images) -> Images:
    """A Gaussian of one pixel."""
    distance = torch.arange(-3, 4).float()
    line = (-0.5 * distance.square()).exp()
    kernel = torch.outer(line, line) / line.sum() ** 2
    channels = images.shape[1]
    return F.conv2d(images, kernel.expand(channels, 1, 7, 7), padding=3, groups=channels)


def shifted(images: Images) -> Images:
    """Two pixels to the right."""
    return F.pad(images, (2, -2, 0, 0))


def thick(images: Images) -> Images:
    """Each pixel as bright as the brightest of its neighbours."""
    return F.max_pool2d(images, 3, stride=1, padding=1)


def mixed(images: Images) -> Images:
    """Half of one image and half of another."""
    return 0.5 * (images + images.roll(1, dims=0))


def collapsed(images: Images) -> Images:
    """The first hundred again and again."""
    return images[torch.arange(len(images)) % min(FEW, len(images))]


DAMAGES: Mapping[str, Callable[[Images], Images]] = {
    "as they are": lambda images: images,
    "noise, spread 0.1": noisy,
    "blur, 1 pixel": blurred,
    "shifted by 2 pixels": shifted,
    "strokes 2 pixels thicker": thick,
    f"only {FEW} different ones": collapsed,
    "mixtures of two": mixed,
}


def sensitivity(evaluator: ImageEvaluator) -> GenerativeReport:
    """Every measure for every damage.

    Raises:
        UserError: the images have no classes of which one could be left out.
    """
    images = evaluator.images
    if images.train_labels is None:
        raise UserError(f"the images of {images.name} have no classes to leave one out")
    chosen = torch.randperm(len(images.train), generator=fixed())
    labels = torch.tensor(images.train_labels)[chosen]
    train = torch.tensor(images.train)[chosen].float() / 255
    whole = train[: evaluator.count]
    rows = {name: evaluator.measure(damage(whole)) for name, damage in DAMAGES.items()}
    without = train[labels != MISSING][: evaluator.count]
    if len(without) == evaluator.count:
        rows[f"no {images.classes[MISSING]}"] = evaluator.measure(without)
    return GenerativeReport(images.name, evaluator.count, rows)


def fixed() -> torch.Generator:
    """Random numbers that are the same at every call."""
    return torch.Generator().manual_seed(0)


if __name__ == "__main__":
    main(tyro.cli(Sensitivity))
