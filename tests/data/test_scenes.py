"""Scenes: boxes around the ink, no overlap, the same for the same seed, and refusals."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hringur.data.images.scenes import MOST, SIDE, Objects, cut, load_scenes, paint
from hringur.types import UserError
from tests.generative.small_scenes import squares


def areas(box):
    return (box[..., 2:] - box[..., :2]).prod(axis=-1)


@pytest.mark.parametrize("scenes", [squares(), load_scenes("sprite-scenes")])
def test_boxes_lie_on_the_scene_and_hardly_overlap(scenes):
    found = scenes.draw((0, 0), 200, MOST)
    assert found.box.min() >= 0 and found.box.max() <= SIDE
    assert (areas(found.box) > 0).all() and (found.count == MOST).all()
    overlapping = np.zeros(200, bool)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        low = np.maximum(found.box[:, one, :2], found.box[:, other, :2])
        high = np.minimum(found.box[:, one, 2:], found.box[:, other, 2:])
        overlapping |= ((high - low) > 0).all(axis=1)
    assert overlapping.mean() < 0.05


def test_a_box_is_that_of_the_light():
    found = squares().draw((0, 0), 50, 1)
    for image, box in zip(found.image, found.box[:, 0], strict=True):
        rows, columns = np.nonzero(image[0])
        assert box.tolist() == [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


def test_counts_are_uniform_and_boxes_of_no_object_are_zero():
    found = squares().draw((3, 0), 1200)
    assert np.abs(np.bincount(found.count, minlength=3) / 1200 - 1 / 3).max() < 0.07
    assert not found.box[np.arange(MOST) >= found.count[:, None]].any()
    assert not found.image[found.count == 0].any()


def test_the_same_seed_makes_the_same_scenes_and_another_one_others():
    first, again, other = (squares().draw(seed, 8).image for seed in ((1, 2), (1, 2), (1, 3)))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_painting_is_bilinear_as_torch_interpolates():
    texture = np.random.default_rng(0).random((1, 2, 7, 7)).astype(np.float32)
    made = paint(texture, np.array([[3, 5, 21, 15]], np.float32))
    expected = F.interpolate(torch.tensor(texture), (18, 10), mode="bilinear")
    np.testing.assert_allclose(made[:, :, 3:21, 5:15], expected, atol=1e-5)
    assert made.sum() == pytest.approx(float(expected.sum()), rel=1e-5)


def test_an_object_is_cut_to_its_ink():
    image = np.zeros((1, 1, 12, 12), np.float32)
    image[0, 0, 2:10, 3:7] = 1
    found = cut(image, image[:, 0] > 0)
    assert isinstance(found, Objects) and found.size.tolist() == [[1.0, 0.5]]
    assert found.texture.min() == 1.0


def test_what_no_scene_is_made_of_is_refused():
    with pytest.raises(UserError, match="one of digit-scenes, .* got 'mnist'"):
        load_scenes("mnist")
    with pytest.raises(UserError, match=r"objects must be in 0\.\.3, got 4"):
        squares().draw((0,), 1, 4)
