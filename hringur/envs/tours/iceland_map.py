"""The map of Iceland: sea, land, glaciers and roads, in the projection of the coordinates."""

from functools import cache

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection

from hringur.data.tours.iceland import coast, glaciers, project, road_network
from hringur.types import Season

SEA, SHALLOWS, LAND, SHORE, ICE, ICE_EDGE, ROAD = (
    "#cfe1ea",
    "#dceaf0",
    "#f4f0e6",
    "#9db0b5",
    "#ffffff",
    "#b9d5e2",
    "#c3b9a5",
)
BOUNDS = (-0.055, 1.065, 0.098, 0.938)
"""left, right, bottom, top of the map in the unit square of the coordinates: 4 to 3"""


def draw_iceland(axes: Axes, season: Season) -> None:
    """Everything that does not change while a tour is driven."""
    axes.set_facecolor(SEA)
    land, ice = [project(ring) for ring in coast()], [project(ring) for ring in glaciers()]
    # A wide pale edge below the land reads as shallow water.
    for width, alpha in ((16, 0.5), (8, 0.7)):
        axes.add_collection(
            PolyCollection(
                land, facecolors=SHALLOWS, edgecolors=SHALLOWS, lw=width, alpha=alpha, zorder=1
            ),
            autolim=False,
        )
    axes.add_collection(
        PolyCollection(land, facecolors=LAND, edgecolors=SHORE, lw=0.8, zorder=2), autolim=False
    )
    axes.add_collection(
        PolyCollection(ice, facecolors=ICE, edgecolors=ICE_EDGE, lw=0.9, zorder=3), autolim=False
    )
    axes.add_collection(
        LineCollection(road_lines(season), colors=ROAD, linewidths=0.9, zorder=4), autolim=False
    )


@cache
def road_lines(season: Season) -> list[Float64[np.ndarray, "K 2"]]:
    """Every road of the season, projected."""
    return [project(shape) for *_, shape in road_network(season).edges(data="shape")]


@cache
def road_points(season: Season) -> Float64[np.ndarray, "K 2"]:
    """Points along all roads of the season, at most a 200th of the map apart."""
    points = []
    for line in road_lines(season):
        length = np.append(0.0, np.linalg.norm(np.diff(line, axis=0), axis=1).cumsum())
        along = np.linspace(0.0, length[-1], int(length[-1] * 200) + 2)
        points.append(np.stack([np.interp(along, length, axis) for axis in line.T], axis=1))
    return np.concatenate(points)
