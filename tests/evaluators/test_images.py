"""Made images beside held-out ones: perfect, noisy and refused; codes beside their prior."""

import pytest
import torch

from hringur.evaluators.images import ImageEvaluator, latent_mismatch
from hringur.types import UserError
from tests.evaluators.small_classifier import small_classifier
from tests.generative.small_images import stripes


@pytest.fixture(scope="module")
def classifier():
    return small_classifier()


@pytest.fixture
def evaluator(classifier):
    return ImageEvaluator(stripes(), count=30, classifier=classifier)


def test_the_held_out_images_themselves_are_perfect(evaluator):
    found = evaluator.measure(evaluator.held_out)
    assert found["evaluation/frechet_distance"] == pytest.approx(0, abs=1e-4)
    for tag in ("precision", "recall", "coverage"):
        assert found[f"evaluation/{tag}"] == 1
    assert found["evaluation/kernel_distance"] < 0  # unbiased: below nothing for the same set


def test_noise_is_worse_than_the_floor_in_every_way(evaluator):
    floor = evaluator.halves
    noise = evaluator.measure(torch.rand(30, 1, 8, 8))
    for tag in ("frechet_distance", "kernel_distance"):
        assert noise[f"evaluation/{tag}"] > 2 * floor[f"evaluation/{tag}"]
    for tag in ("precision", "density", "coverage"):
        assert noise[f"evaluation/{tag}"] < floor[f"evaluation/{tag}"]


def test_bytes_and_numbers_measure_alike(evaluator):
    made = torch.randint(0, 256, (30, 1, 8, 8), dtype=torch.uint8)
    numbers = evaluator.measure(made / 255)
    assert evaluator.measure(made) == pytest.approx(numbers, rel=1e-3, abs=1e-3)


def test_other_counts_are_refused(evaluator):
    with pytest.raises(UserError, match="30 images must be measured, got 29"):
        evaluator.measure(torch.rand(29, 1, 8, 8))


def test_what_is_not_finite_is_refused(evaluator):
    with pytest.raises(UserError, match="not finite"):
        evaluator.measure(torch.full((30, 1, 8, 8), torch.nan))


def test_too_few_held_out_images_are_refused(classifier):
    with pytest.raises(UserError, match="at least 10 held-out images and 20.*stripes has 9 and 80"):
        ImageEvaluator(stripes(test=9), classifier=classifier)


def test_no_more_are_taken_than_there_are(classifier):
    assert ImageEvaluator(stripes(test=12), classifier=classifier).count == 12
    assert ImageEvaluator(stripes(train=25), classifier=classifier).count == 12  # in each half


def test_the_halves_have_no_image_in_common(evaluator):
    first, second = evaluator._training_halves
    assert len(first) == len(second) == 30
    assert not {bytes(image.numpy()) for image in first} & {bytes(one.numpy()) for one in second}


def test_codes_far_from_the_prior_are_seen_by_all_three():
    prior, other, far = (torch.randn(300, 3) + shift for shift in (0.0, 0.0, 2.0))
    near, away = latent_mismatch(other, prior), latent_mismatch(far, prior)
    for tag, value in near.items():
        assert away[tag] > 2 * value, tag
    # moved by (2, 2, 2): that far, on average over lines too
    assert away["evaluation/latent_transport"] == pytest.approx(12**0.5, rel=0.1)
    assert away["evaluation/latent_sliced_wasserstein"] == pytest.approx(12**0.5, rel=0.1)
