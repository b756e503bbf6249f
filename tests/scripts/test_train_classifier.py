"""How the classifier learns: its deformations, its batch norm, the trainer's contract."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from hringur.data.images.images import ImageSet
from hringur.evaluators.digit_classifier import DigitNetwork
from hringur.training.log import NoLog
from hringur.training.trainer import TrainerConfig, train
from hringur.types import Batches, Learner, UserError
from tests.scripts.loading import load_script

classifier_learning = load_script("train_classifier")
ClassifierLearning, deformed = classifier_learning.ClassifierLearning, classifier_learning.deformed
take_statistics = classifier_learning.take_statistics


def corners(train=256, test=64):
    """A bright spot in one of four corners: the class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, train + test)
    images = rng.integers(0, 60, (train + test, 1, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = 5 + 12 * (label // 2), 5 + 12 * (label % 2)
        image[0, row : row + 6, column : column + 6] = 220
    return ImageSet(
        "corners", images[:train], images[train:], labels[:train], labels[train:], tuple("abcd")
    )


@pytest.fixture
def still(monkeypatch):
    """No deformation at all, until a test puts one back."""
    for name in ("TURN", "STRETCH", "SHEAR", "SHIFT"):
        monkeypatch.setattr(classifier_learning, name, 0.0)
    return monkeypatch


def test_without_deformation_an_image_stays_as_it_is(still):
    grey = torch.rand(4, 1, 28, 28)
    torch.testing.assert_close(deformed(grey, torch.Generator()), grey, atol=1e-5, rtol=1e-5)


def test_a_shift_by_whole_pixels_moves_the_image(still):
    still.setattr(classifier_learning, "SHIFT", 2 / 14)  # two of 28 pixels
    still.setattr(torch, "rand", lambda *shape, generator: torch.ones(shape))  # the largest one
    grey = torch.rand_like(torch.empty(3, 1, 28, 28))
    moved = deformed(grey, torch.Generator())
    expected = torch.zeros_like(grey)
    expected[..., :-2, :-2] = grey[..., 2:, 2:]
    torch.testing.assert_close(moved, expected, atol=1e-5, rtol=1e-5)


def test_a_quarter_turn_is_a_quarter_turn(still):
    still.setattr(classifier_learning, "TURN", torch.pi / 2)
    still.setattr(torch, "rand", lambda *shape, generator: torch.ones(shape))
    grey = torch.rand_like(torch.empty(2, 1, 28, 28))
    turned = deformed(grey, torch.Generator())
    torch.testing.assert_close(turned, grey.rot90(1, (2, 3)), atol=1e-4, rtol=1e-4)


def test_deformations_differ_from_image_to_image_and_stay_small():
    grey = torch.zeros(200, 1, 28, 28)
    grey[:, :, 11:17, 11:17] = 1.0
    moved = deformed(grey, torch.Generator().manual_seed(0))
    assert not torch.equal(moved[0], moved[1])
    mass = moved.sum(dim=(1, 2, 3)) / 36
    assert (mass > 0.6).all() and (mass < 1.6).all()
    rows = (moved.sum(dim=(1, 3)) * torch.arange(28)).sum(dim=1) / moved.sum(dim=(1, 2, 3))
    assert (rows - 13.5).abs().max() < 3.5 and rows.std() > 0.8


def test_statistics_are_the_plain_average_over_batches(monkeypatch):
    monkeypatch.setattr(classifier_learning, "CHUNK", 16)
    torch.manual_seed(0)
    network = DigitNetwork(classes=4, width=4, hidden=8)
    images = torch.rand(48, 1, 28, 28)
    take_statistics(network, images)
    first = network.map[0](images)  # the first convolution, before its batch norm
    norm = network.map[1]
    torch.testing.assert_close(norm.running_mean, first.mean(dim=(0, 2, 3)))
    per_batch = [part.var(dim=(0, 2, 3)) for part in first.split(16)]
    torch.testing.assert_close(norm.running_var, torch.stack(per_batch).mean(dim=0))
    assert not network.training


def learner(seed=0):
    torch.manual_seed(seed)
    return ClassifierLearning(corners(), Fabric(accelerator="cpu", devices=1), seed, batch=32)


def test_it_learns_to_name_corners():
    learning = learner()
    batches = learning.batches()
    assert isinstance(learning, Learner) and isinstance(batches, Batches)
    outcome = train(learning, batches, TrainerConfig(steps=24, device="cpu"), NoLog())
    assert outcome.metrics["evaluation/accuracy_percent"] > 95


def test_resumed_it_goes_on_to_the_same_losses():
    first = learner()
    batches = first.batches()
    for _ in range(2):
        first.update(next(batches), 0.1)
    second, others = learner(seed=5), first.batches()
    second.load_state_dict(deepcopy(first.state_dict()))  # as from a file
    others.load_state_dict(batches.state_dict())
    losses = []
    for learning, source in ((first, batches), (second, others)):
        torch.manual_seed(3)  # of the dropout, which the trainer restores
        losses.append([learning.update(next(source), 0.5) for _ in range(3)])
    assert losses[0] == losses[1]


def test_images_without_labels_are_refused():
    images = corners()
    bare = ImageSet("bare", images.train, images.test, None, None, ())
    with pytest.raises(UserError, match="needs labels of two classes; bare has none"):
        ClassifierLearning(bare, Fabric(accelerator="cpu", devices=1), 0)
