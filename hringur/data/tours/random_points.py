"""Points of several kinds to learn from, so that one model serves roads and maps of any layout."""

import numpy as np

from hringur.data.tours.instances import UniformPoints, euclidean
from hringur.types import Instances

MOST_CLUSTERS = 8
SPREAD = 0.07  # standard deviation of a cluster, before the points are stretched


def random_points(rng: np.random.Generator, batch: int, n: int) -> Instances:
    """Points with straight distances: a batch is uniform in the unit square, or clustered.

    Each has an even chance. Clusters are normal around 1 to 8 uniform centres, and are moved and
    stretched until they touch two opposite sides of the unit square.
    """
    if rng.random() < 0.5:
        return UniformPoints().sample(rng, batch, n)
    centre = rng.random((batch, MOST_CLUSTERS, 2))
    clusters = rng.integers(1, MOST_CLUSTERS + 1, (batch, 1))
    member = (rng.random((batch, n)) * clusters).astype(np.int64)  # B N
    points = np.take_along_axis(centre, member[..., None], axis=1)
    points += SPREAD * rng.standard_normal(points.shape)
    points -= points.min(axis=1, keepdims=True)
    return euclidean(points / points.max(axis=(1, 2), keepdims=True))
