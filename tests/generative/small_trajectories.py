"""A few trajectories, for models that are trained for some updates only."""

from functools import cache

from hringur.data.trajectories import Trajectories, load_trajectories


@cache
def few_springs() -> Trajectories:
    """Bodies joined by springs."""
    return load_trajectories("springs", 64, 40)
