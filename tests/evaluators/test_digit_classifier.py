"""The classifier: what it sees, what it gives, its file, and the one that is shipped."""

import numpy as np
import pytest
import torch

from hringur.data.images.images import load_images
from hringur.evaluators.digit_classifier import (
    DigitClassifier,
    DigitNetwork,
    shipped_classifier,
    to_grey,
    unit_floats,
)
from hringur.training import checkpoint
from hringur.types import UserError


@pytest.fixture(scope="module")
def digits():
    return load_images("mnist")


@pytest.fixture
def small():
    """Random weights, whose batch norm has seen something."""
    torch.manual_seed(0)
    network = DigitNetwork(classes=4, width=4, hidden=8)
    network(torch.rand(64, 1, 28, 28))
    return DigitClassifier(network, "abcd")


def test_the_shipped_classifier_names_the_test_digits(digits):
    chances = shipped_classifier().probabilities(torch.tensor(digits.test))
    right = (chances.argmax(dim=1).numpy() == digits.test_labels).mean()
    assert right >= 0.993
    sure = (chances.amax(dim=1) > 0.9).float().mean()
    assert sure > 0.97, "real digits are to count as digits"


def test_its_features_are_standardised_over_the_training_digits(digits):
    chosen = np.random.default_rng(0).permutation(60_000)[:3000]
    features = shipped_classifier().features(torch.tensor(digits.train[chosen]))
    assert features.mean(dim=0).abs().max() < 0.1
    assert (features.std(dim=0) - 1).abs().max() < 0.15


def test_bytes_and_numbers_and_colours_are_seen_alike():
    images = torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8)
    grey = to_grey(images)
    assert torch.equal(grey, images / 255)
    assert torch.equal(to_grey(images / 255), grey)
    assert torch.allclose(to_grey(images.repeat(1, 3, 1, 1)), grey)
    red = torch.cat([images, torch.zeros_like(images), torch.zeros_like(images)], dim=1)
    assert torch.allclose(to_grey(red), grey / 3)


def test_what_are_neither_bytes_nor_floats_in_0_to_1_is_refused(small):
    images = torch.randint(0, 256, (5, 1, 28, 28))
    with pytest.raises(UserError, match=r"floats in 0\.\.1, got float32 in 0\.\."):
        small.features(images.float())
    with pytest.raises(UserError, match="got int64"):
        unit_floats(images)


def test_larger_images_are_averaged_down():
    coarse = torch.rand(3, 1, 28, 28)
    fine = coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    blurred = torch.nn.functional.avg_pool2d(coarse, 3, 1, 1)
    seen = to_grey(fine)
    assert seen.shape == coarse.shape
    # a triangle two new pixels wide: most weight at home, some next door
    assert (seen - coarse).abs().mean() < (blurred - coarse).abs().mean()


def test_both_answers_of_one_pass_are_those_of_two(small):
    images = torch.rand(7, 3, 32, 32)
    features, chances = small.features_and_probabilities(images)
    torch.testing.assert_close(features, small.features(images))
    torch.testing.assert_close(features, small(images))
    torch.testing.assert_close(chances, small.probabilities(images))
    torch.testing.assert_close(chances.sum(dim=1), torch.ones(7))
    assert features.shape == (7, small.num_features) and chances.shape == (7, 4)


def test_an_image_is_measured_by_itself(small, monkeypatch):
    images = torch.rand(9, 1, 28, 28)
    whole = small.features(images)
    monkeypatch.setattr("hringur.evaluators.digit_classifier.CHUNK", 4)
    torch.testing.assert_close(small.features(images), whole)
    torch.testing.assert_close(small.features(images[3:4]), whole[3:4])


def test_the_gradient_stays_outside(small):
    assert not small.features(torch.rand(2, 1, 28, 28)).requires_grad
    assert not any(parameter.requires_grad for parameter in small.parameters())


def test_features_are_means_over_the_quarters_of_the_last_map(small):
    images = torch.rand(3, 1, 28, 28)
    maps = small.network.map(images)  # 3 8 4 4
    assert maps.shape == (3, 8, 4, 4)
    lower_left = maps[:, :, 2:, :2].mean(dim=(2, 3))
    torch.testing.assert_close(small.features(images).reshape(3, 8, 2, 2)[:, :, 1, 0], lower_left)


def test_standardising_leaves_mean_nothing_and_spread_one(small):
    images = torch.rand(50, 1, 28, 28)
    small.network.map[10].weight[0] = 0.0  # a dead channel: four dead features
    small.network.map[10].bias[0] = 0.0
    small.standardise(images)
    features = small.features(images)
    torch.testing.assert_close(features.mean(dim=0), torch.zeros(32), atol=1e-4, rtol=0)
    spread = features.std(dim=0)
    alive = spread > 0
    torch.testing.assert_close(spread[alive], torch.ones_like(spread[alive]), atol=1e-3, rtol=0)
    assert not alive[:4].any() and alive.sum() > 20


def test_without_images_there_is_nothing_to_measure(small):
    with pytest.raises(UserError, match="no images"):
        small.features(torch.zeros(0, 1, 28, 28))


def test_a_saved_classifier_comes_back(tmp_path):
    torch.manual_seed(1)
    images = torch.rand(20, 1, 28, 28)
    classifier = DigitClassifier(DigitNetwork(classes=3), ("a", "b", "c"))
    classifier.standardise(images)
    classifier.save(tmp_path / "c.safetensors", {"dataset": "letters"})
    again = DigitClassifier.load(tmp_path / "c.safetensors")
    assert again.classes == ("a", "b", "c")
    assert torch.equal(again.features(images), classifier.features(images))
    assert torch.equal(again.probabilities(images), classifier.probabilities(images))


def test_another_file_is_refused(tmp_path, small):
    with pytest.raises(UserError, match="cannot read .*none.safetensors"):
        DigitClassifier.load(tmp_path / "none.safetensors")
    checkpoint.save(tmp_path / "other.safetensors", {"weights": {}})
    with pytest.raises(UserError, match="not one of a classifier"):
        DigitClassifier.load(tmp_path / "other.safetensors")
    small.save(tmp_path / "small.safetensors", {})
    with pytest.raises(UserError, match="another architecture"):
        DigitClassifier.load(tmp_path / "small.safetensors")
