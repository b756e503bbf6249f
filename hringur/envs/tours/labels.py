"""Names beside the places of a map, so that none covers another."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.textpath import TextPath

from hringur.data.figures import INK
from hringur.data.text import drawn

ALL_NAMED = 20
"""Up to so many places, every one gets its name; of more, those that find room."""

FREE = 2.0
"""Cost that a name reaches only by covering another name or a dot."""

# Where a name may go, (x, y) from the dot; the first are liked best.
DIRECTIONS = np.array(
    [(1, 0), (-1, 0), (0.7, 0.9), (-0.7, 0.9), (0.7, -0.9), (-0.7, -0.9), (0, 1.3), (0, -1.3)]
)


def label_places(
    axes: Axes,
    coordinates: Float64[np.ndarray, "N 2"],
    names: Sequence[str],
    radius: Float64[np.ndarray, " N"],
    avoid: Float64[np.ndarray, "K 2"],
) -> None:
    """Write names where they fit: beside dots of ``radius`` [points], rather not over ``avoid``.

    An empty name is left out.
    """
    if len(names) > ALL_NAMED:
        names = [name.split(" (")[0] for name in names]
    size = 10.5 if len(names) <= ALL_NAMED else 7.5
    scale = axes.figure.dpi / 72
    frame = axes.get_window_extent()
    layout = _layout(
        axes.transData.transform(coordinates).tobytes(),
        tuple(names),
        (radius * scale).tobytes(),
        axes.transData.transform(avoid).tobytes(),
        size * scale,
        (*frame.min, *frame.max),
    )
    halo = [withStroke(linewidth=2.6, foreground="white", alpha=0.9)]
    for place, left, bottom in layout:
        x, y = axes.transData.inverted().transform((left, bottom))
        axes.text(x, y, drawn(names[place]), fontsize=size, color=INK, zorder=10, path_effects=halo)


@lru_cache(maxsize=64)
def _layout(
    dots_bytes: bytes,
    names: tuple[str, ...],
    radius_bytes: bytes,
    avoid_bytes: bytes,
    size: float,
    frame: tuple[float, float, float, float],
) -> list[tuple[int, float, float]]:
    """(place, left, baseline) of each name [pixels], greedily, the lonely places first."""
    dots, avoid = (np.frombuffer(data).reshape(-1, 2) for data in (dots_bytes, avoid_bytes))
    radius = np.frombuffer(radius_bytes)
    apart = np.linalg.norm(dots[:, None] - dots, axis=-1) + 1e9 * np.eye(len(dots))
    taken, found = np.empty((0, 4)), []
    for place in np.argsort(-apart.min(axis=1), kind="stable").tolist():
        if not names[place]:
            continue
        boxes = _candidates(dots[place], radius[place], _width(names[place], size), size)
        others = np.delete(dots, place, axis=0)
        cost = _cost(boxes, taken, others, float(radius[place]), size, frame)
        near = avoid[np.abs(avoid - dots[place]).max(axis=1) < 30 * size]
        cost += 0.15 * np.minimum(_inside(near, boxes, 0.0), 6)
        best = int(np.argmin(cost))
        if cost[best] < FREE or len(names) <= ALL_NAMED:
            taken = np.vstack([taken, boxes[best]])
            found.append((place, float(boxes[best, 0]), float(boxes[best, 1]) + 0.22 * size))
    return found


def _candidates(dot: np.ndarray, radius: float, width: float, size: float) -> np.ndarray:
    """Boxes (left, bottom, right, top) in all directions, near and a little farther."""
    height, boxes = 1.1 * size, []
    for gap in (0.25 * size, 0.6 * size, 1.2 * size):
        for x, y in DIRECTIONS:
            left = dot[0] + (radius + gap) * x - width * (1 - np.sign(x)) / 2
            bottom = dot[1] + (radius + gap) * y - height * (1 - np.sign(y) * 0.6) / 2
            boxes.append((left, bottom, left + width, bottom + height))
    return np.array(boxes)


def _cost(
    boxes: np.ndarray,
    taken: np.ndarray,
    dots: np.ndarray,
    radius: float,
    size: float,
    frame: tuple[float, float, float, float],
) -> np.ndarray:
    """Below ``FREE`` if nothing is covered; then the order of preference decides."""
    low = np.maximum(boxes[:, None, :2], taken[:, :2])
    high = np.minimum(boxes[:, None, 2:], taken[:, 2:])
    covered = np.clip(high - low, 0, None).prod(axis=-1).sum(axis=1) / size**2
    outside = (boxes[:, :2] < frame[:2]).any(axis=1) | (boxes[:, 2:] > frame[2:]).any(axis=1)
    preference = np.arange(len(boxes)) / len(boxes)
    return FREE * (20 * covered + 4 * _inside(dots, boxes, radius) + 100 * outside) + preference


def _inside(points: np.ndarray, boxes: np.ndarray, margin: float) -> np.ndarray:
    """How many points each box covers."""
    above, below = points > boxes[:, None, :2] - margin, points < boxes[:, None, 2:] + margin
    return (above & below).all(axis=-1).sum(axis=1)


@lru_cache(maxsize=1024)
def _width(name: str, size: float) -> float:
    return float(TextPath((0, 0), drawn(name), size=size).get_extents().x1)
