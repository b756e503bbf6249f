import importlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from hringur.data.tours.held_out import held_out
from hringur.data.tours.length import tour_length

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@pytest.fixture
def nearly_shortest(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[2] / "scripts"), *sys.path])
    return importlib.import_module("local_search").nearly_shortest


def test_tours_visit_every_place_once_and_are_nearly_the_proven_ones(nearly_shortest):
    for name, most in (("iceland-20", 1e-3), ("euclidean-50", 1e-2)):
        some = held_out(name).first(20)
        tour = nearly_shortest(some.instances.distance, 300, 0)
        assert (np.sort(tour, axis=1) == np.arange(some.n)).all()
        gap = tour_length(some.instances.distance, tour) / some.optimal - 1
        assert gap.min() > -1e-9 and gap.mean() < most


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_few_places(nearly_shortest, n):
    points = np.random.default_rng(n).random((4, n, 2))
    distance = np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)
    assert (np.sort(nearly_shortest(distance, 50, 0), axis=1) == np.arange(n)).all()


def test_too_many_places_are_refused(nearly_shortest):
    with pytest.raises(ValueError, match="at most 256 places, got 257"):
        nearly_shortest(np.zeros((1, 257, 257)), 1, 0)
