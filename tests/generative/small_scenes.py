"""Scenes of bright rectangles, for models that are trained for some updates only."""

import numpy as np

from hringur.data.images.scenes import Objects, SceneSet


def squares() -> SceneSet:
    """Up to two white rectangles of four shapes."""
    size = np.array([[1, 1], [1, 0.5], [0.5, 1], [1, 0.8]], np.float32)
    objects = Objects(np.ones((4, 1, 20, 20), np.float32), size)
    return SceneSet("squares", objects, objects, most=2)
