import random

import numpy as np
import torch

from hringur.training import checkpoint
from hringur.training.random_state import (
    random_state,
    restore_random_state,
    seed_everything,
    undisturbed,
)


def draw() -> list[float]:
    return [random.random(), np.random.rand(), np.random.randn(), torch.rand(()).item()]


def test_streams_go_on_from_a_file(tmp_path):
    seed_everything(3)
    np.random.randn()  # NumPy keeps the second of each pair of normal draws for later
    checkpoint.save(tmp_path / "a", random_state())
    expected = draw()
    seed_everything(4)
    assert draw() != expected
    restore_random_state(checkpoint.load(tmp_path / "a"))
    assert draw() == expected


def test_same_seed_same_draws():
    seed_everything(3)
    first = draw()
    seed_everything(3)
    assert draw() == first


def test_draws_inside_leave_no_trace():
    seed_everything(3)
    expected = draw()
    seed_everything(3)
    with undisturbed():
        draw()
    assert draw() == expected
