"""How the classifier of ``digit_classifier.py`` is trained: a learner for the one trainer.

Cross entropy on images that are turned, sheared, scaled and shifted a little, a whole batch at a
time; the weights that are kept are a running average (Polyak & Juditsky 1992), whose batch-norm
statistics are taken anew, since those of the last weights do not fit it.
"""

import math
from copy import deepcopy

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.data.images.images import ImageSet
from hringur.evaluators.digit_classifier import CHUNK, DigitClassifier, DigitNetwork, to_grey
from hringur.generative.batches import Batch, ImageBatches, Images
from hringur.training.averaged import AveragedNetwork
from hringur.types import Metrics, State, UserError

TURN = math.radians(12)
"""Largest turn to either side."""

STRETCH, SHEAR = 0.12, 0.15
"""Largest change of size, and of the lean."""

SHIFT = 2.5 / 14
"""Largest shift, in half widths: 2.5 pixels of 28."""

FOR_STATISTICS = 10_000
"""Training images from which batch-norm statistics and the spread of features are taken."""


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
        """Share of the held-out images that the averaged weights name rightly."""
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
