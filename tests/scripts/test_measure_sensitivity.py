"""Known damages: what each does to pixels, and that the measures answer."""

import pytest
import torch

from hringur.data.images.images import load_images
from hringur.evaluators.images import ImageEvaluator
from tests.scripts.loading import load_script

damage = load_script("measure_sensitivity")


def one_lit(row: int = 10, column: int = 12) -> torch.Tensor:
    image = torch.zeros(2, 1, 28, 28)
    image[0, 0, row, column] = 1.0
    return image


def test_each_damage_does_to_one_lit_pixel_what_it_says():
    image = one_lit()
    assert torch.equal(damage.shifted(image), one_lit(column=14))
    blurred = damage.blurred(image)
    assert blurred.sum().item() == pytest.approx(1, abs=1e-5)
    # the ratio of neighbours of a Gaussian of one pixel
    ratio = (blurred[0, 0, 10, 13] / blurred[0, 0, 10, 12]).item()
    assert ratio == pytest.approx(torch.tensor(-0.5).exp().item(), rel=1e-5)
    assert damage.thick(image).sum() == 9
    assert damage.mixed(image)[:, 0, 10, 12].tolist() == [0.5, 0.5]
    noise = damage.noisy(torch.full((4, 1, 28, 28), 0.5)) - 0.5
    assert noise.std().item() == pytest.approx(0.1, rel=0.05)


def test_a_collapsed_set_has_a_hundred_images():
    made = damage.collapsed(torch.rand(350, 1, 2, 2))
    assert len(made) == 350 and len(made.unique(dim=0)) == damage.FEW


def test_the_measures_answer_to_the_damage():
    report = damage.sensitivity(ImageEvaluator(load_images("digits"), 200))
    distance = {name: row["evaluation/frechet_distance"] for name, row in report.rows.items()}
    assert all(distance[name] > distance["as they are"] for name in report.rows if "as" not in name)
    recall = {name: row["evaluation/recall"] for name, row in report.rows.items()}
    assert recall["only 100 different ones"] < recall["as they are"]
