import numpy as np
import pytest
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from hringur.data.tours.random_points import random_points


@pytest.mark.parametrize("n", [2, 40])
def test_points_fill_the_unit_square_and_distances_are_straight(n):
    rng = np.random.default_rng(0)
    for _ in range(6):
        drawn = random_points(rng, 5, n)
        assert drawn.coordinates.shape == (5, n, 2)
        assert drawn.coordinates.min() >= 0 and drawn.coordinates.max() <= 1
        for points, distance in zip(drawn.coordinates, drawn.distance, strict=True):
            np.testing.assert_allclose(distance, cdist(points, points), atol=1e-12)


def test_half_of_the_batches_are_clustered():
    """Oracle: uniform points have a mean nearest neighbour at 0.5 / sqrt(n) (Clark, Evans 1954)."""
    rng = np.random.default_rng(0)
    nearest = [
        np.mean([KDTree(p).query(p, k=2)[0][:, 1].mean() for p in drawn.coordinates])
        for drawn in (random_points(rng, 20, 64) for _ in range(100))
    ]
    uniform = np.array(nearest) > 0.055  # 0.5 / 8, or more at the edge
    assert 0.35 < uniform.mean() < 0.65
    assert np.mean(np.array(nearest)[~uniform]) < 0.045
