"""Train the classifier in whose features generative models are measured, and write its file.

python scripts/train_classifier.py --threads 1

Cross entropy on images that are turned, sheared, scaled and shifted a little, a whole batch at a
time; the weights that are kept are a running average (Polyak & Juditsky 1992), whose batch-norm
statistics are taken anew, since those of the last weights do not fit it.
"""

import math
import time
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
import tyro
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.data.images.images import ImageSet, load_images
from hringur.evaluators.digit_classifier import CHUNK, DigitClassifier, DigitNetwork, to_grey
from hringur.generative.batches import Batch, ImageBatches, Images
from hringur.training.averaged import AveragedNetwork
from hringur.training.log import NoLog
from hringur.training.random_state import seed_everything
from hringur.training.trainer import TrainerConfig, make_fabric, train
from hringur.types import Metrics, State, UserError
from hringur.weights.shipped import DIGIT_CLASSIFIER

TURN = math.radians(12)
"""Largest turn to either side."""

STRETCH, SHEAR = 0.12, 0.15
"""Largest change of size, and of the lean."""

SHIFT = 2.5 / 14
"""Largest shift, in half widths: 2.5 pixels of 28."""

FOR_STATISTICS = 10_000
"""Training images from which batch-norm statistics and the spread of features are taken."""


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """Train on the training images, count the errors on the held-out ones once, at the end."""

    dataset: str = "mnist"
    """a data set with classes, as for hringur train"""

    epochs: float = 6
    """passes over the training images"""

    batch: int = 128
    """images of an update"""

    lr: float = 3e-3
    """Adam's largest learning rate"""

    seed: int = 0
    """of weights, order and deformations"""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """where to train"""

    threads: int | None = None
    """processor threads for torch"""

    path: Path = DIGIT_CLASSIFIER
    """the file to write"""


class ClassifierLearning:
    """A classifier in training."""

    headline = "evaluation/accuracy_percent"

    def __init__(
        self, images: ImageSet, fabric: Fabric, seed: int, batch: int = 128, lr: float = 3e-3
    ) -> None:
        if images.train_labels is None or len(images.classes) < 2:
            raise UserError(f"a classifier needs labels of two classes; {images.name} has none")
        self.fabric, self.batch, self.seed = fabric, batch, seed
        self.images = Images.on_device(images, fabric.device)
        network = DigitNetwork(len(images.classes))
        self.network = AveragedNetwork(fabric, network, lr, (0.9, 0.99), 0.998)
        self.generator = torch.Generator().manual_seed(seed)

    def batches(self) -> ImageBatches:
        """Endless batches of the training images."""
        return ImageBatches(self.images, self.batch, self.seed)

    def update(self, batch: Batch, progress: float) -> Metrics:
        """One step down the cross entropy."""
        assert batch.label is not None
        grey = deformed(to_grey(batch.image), self.generator)
        logits = self.network.network(grey)
        loss = F.cross_entropy(logits, batch.label)
        factor = min(1.0, 20 * progress + 0.02) * 0.5 * (1 + math.cos(math.pi * progress))
        self.network.step(loss, factor)
        return {"train/loss": loss.item()}

    def evaluate(self) -> Metrics:
        """Share of the held-out images that the averaged weights classify correctly."""
        labels = self.images.test_labels
        assert labels is not None
        chances = self.classifier().probabilities(self.images.test)
        right = (chances.argmax(dim=1) == labels).float()
        return {self.headline: 100 * right.mean().item()}

    def classifier(self) -> DigitClassifier:
        """The averaged weights, with statistics and standardisation that fit them."""
        network = deepcopy(self.network.average)
        train = self.images.train
        chosen = torch.linspace(0, len(train) - 1, min(FOR_STATISTICS, len(train))).long()
        take_statistics(network, train[chosen])
        classifier = DigitClassifier(network, self.images.classes)
        classifier.standardise(train[chosen])
        return classifier

    def state_dict(self) -> State:
        """Weights, their average, optimiser, the deformations' random numbers."""
        return {"network": self.network.state_dict(), "generator": self.generator.get_state()}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.network.load_state_dict(state["network"])
        self.generator.set_state(state["generator"])


def deformed(
    grey: Float[Tensor, "B 1 28 28"], generator: torch.Generator
) -> Float[Tensor, "B 1 28 28"]:
    """Each image under an affine map of its own; what comes in from outside is black."""
    turn, wide, high, lean, right, down = (
        2 * torch.rand(6, len(grey), generator=generator) - 1
    ).to(grey.device)
    cos, sin = torch.cos(TURN * turn), torch.sin(TURN * turn)
    wide, high, lean = 1 + STRETCH * wide, 1 + STRETCH * high, SHEAR * lean
    first = torch.stack([wide * cos, high * (lean * cos - sin), SHIFT * right], dim=1)
    second = torch.stack([wide * sin, high * (lean * sin + cos), SHIFT * down], dim=1)
    where = F.affine_grid(torch.stack([first, second], dim=1), list(grey.shape), False)
    return F.grid_sample(grey, where, align_corners=False)


@torch.no_grad()
def take_statistics(network: DigitNetwork, images: Tensor) -> None:
    """Batch-norm statistics of these weights: the plain average over batches of ``images``."""
    network.train()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None  # torch's way to say: the average of all batches
    for chunk in images.split(CHUNK):
        network(to_grey(chunk))
    network.eval()


def main(config: ClassifierConfig) -> None:
    seed_everything(config.seed)
    images = load_images(config.dataset)
    samples = round(config.epochs * len(images.train))
    trainer = TrainerConfig(
        samples=samples,
        device=config.device,
        threads=config.threads,
        evaluate_every_seconds=None,
        checkpoint_every_seconds=None,
    )
    learner = ClassifierLearning(images, make_fabric(trainer), config.seed, config.batch, config.lr)
    began = time.perf_counter()
    outcome = train(learner, learner.batches(), trainer, NoLog())
    seconds = time.perf_counter() - began
    accuracy = outcome.metrics[learner.headline]
    settings = asdict(config) | {"path": None, "device": None, "threads": None}
    about = settings | {"dataset": images.name, "test_accuracy_percent": accuracy}
    learner.classifier().cpu().save(config.path, about)
    wrong = round((1 - accuracy / 100) * len(images.test))
    print(
        f"{config.path}: {accuracy:.2f} % of {len(images.test)} held-out images classified "
        f"correctly ({wrong} wrong), {config.epochs:g} epochs in {seconds:.0f} s"
    )


if __name__ == "__main__":
    main(tyro.cli(ClassifierConfig))
