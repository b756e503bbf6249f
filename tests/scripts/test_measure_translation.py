"""Scores of translations: known for the truth; a linear map is found where one is the truth."""

import numpy as np
import torch

from hringur.data.images.domains import PAIRS, Domains, load_domains, training_pairs
from hringur.evaluators.digit_classifier import shipped_classifier
from tests.scripts.loading import load_script

translation = load_script("measure_translation")


def test_the_truth_has_no_error_and_finds_every_partner():
    truth = torch.tensor(load_domains("emoji").held_out_second[:50]).float() / 255
    found = translation.score(truth, truth, shipped_classifier())
    assert found["evaluation/translation_error"] == 0
    assert found["evaluation/partner_in_pixels_percent"] == 100
    assert abs(found["evaluation/frechet_distance"]) < 1e-3


def test_a_linear_map_is_found_without_pairs():
    """The second set is the first at half the light; their rows are shuffled apart."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300, 1, 2, 2)).astype(np.uint8)
    second = images[rng.permutation(300)] // 2
    domains = Domains("own", ("one", "other"), images, second, images[:9], images[:9] // 2)
    image = torch.tensor(images[:9]).float() / 255
    made = translation.linear_transport(domains)(image)
    assert (made - image / 2).square().mean() < 0.25 * (image / 2).square().mean()


def test_true_pairs_are_those_that_training_hides():
    first, second = training_pairs("emoji")
    domains = load_domains("emoji")
    assert PAIRS == 2 and len(first) == len(second) == len(domains.first) + len(domains.second)
    known = {image.tobytes() for image in first}
    assert {image.tobytes() for image in domains.first} <= known
    held_out = sum(image.tobytes() in known for image in domains.held_out_first)
    assert held_out < 0.05 * len(domains.held_out_first)  # some emoji are drawn alike
