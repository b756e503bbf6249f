import numpy as np
import pytest
import torch
from gymnasium import spaces

from hringur.agents.reinforce.observations import is_single, leaves_of, tensors
from hringur.types import UserError

NESTED = spaces.Dict(
    {
        "inner": spaces.Tuple((spaces.Discrete(4, start=1), spaces.MultiBinary((2, 2)))),
        "picture": spaces.Box(0, 255, (8, 8, 3), np.uint8),
        "prices": spaces.Box(-1, 1, (2, 3), np.float64),
        "several": spaces.MultiDiscrete([2, 5], start=[1, 7]),
    }
)


def test_a_nested_space_comes_apart_and_keeps_its_numbers():
    parts = leaves_of(NESTED, "here")
    assert [(part.name, part.kind) for part in parts] == [
        ("inner/0", "choices"),
        ("inner/1", "bits"),
        ("picture", "image"),
        ("prices", "numbers"),
        ("several", "choices"),
    ]
    one = NESTED.sample()
    seen = tensors(parts, one, torch.device("cpu"))
    assert is_single(parts, one) and seen["inner/0"].tolist() == [one["inner"][0] - 1]
    assert seen["several"].tolist() == [(one["several"] - [1, 7]).tolist()]
    np.testing.assert_allclose(seen["prices"][0], one["prices"], rtol=1e-6)
    np.testing.assert_array_equal(seen["picture"][0], one["picture"])
    assert seen["picture"].dtype is torch.uint8


def test_a_batch_is_told_from_a_single_one():
    parts = leaves_of(NESTED["several"], "here")
    batch = np.array([[1, 7], [2, 11]])
    assert not is_single(parts, batch)
    assert tensors(parts, batch, torch.device("cpu"))["observation"].tolist() == [[0, 0], [1, 4]]


def test_floats_in_three_dimensions_are_no_image():
    assert leaves_of(spaces.Box(0, 1, (4, 4, 4), np.float32), "here")[0].kind == "numbers"
    assert leaves_of(spaces.Box(0, 255, (4, 4), np.uint8), "here")[0].kind == "image"


def test_words_are_refused_in_one_line():
    with pytest.raises(UserError, match="Novel: cannot read the observation Text.*Tuple"):
        leaves_of(spaces.Text(9), "Novel")
