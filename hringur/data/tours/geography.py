"""Distances on the globe, and its map into the unit square."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""


def haversine_km(lonlat: Float64[np.ndarray, "N 2"]) -> Float64[np.ndarray, "N N"]:
    """Great-circle distances between points given as (lon, lat) in degrees [km]."""
    lon, lat = np.radians(lonlat).T
    half_lon, half_lat = (lon[:, None] - lon) / 2, (lat[:, None] - lat) / 2
    across = np.sin(half_lat) ** 2 + np.cos(lat[:, None]) * np.cos(lat) * np.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(across, 1.0)))


@dataclass(frozen=True)
class Projection:
    """Equal-aspect map of (lon, lat) into the unit square, y upwards, centred."""

    east: float
    """cosine of the mean latitude: what a degree eastwards is worth of one northwards"""
    middle: tuple[float, float]
    side: float

    @classmethod
    def around(cls, lonlat: Float64[np.ndarray, "N 2"], east: float | None = None) -> "Projection":
        """The projection whose unit square just holds all points; ``east`` 1 for plane ones."""
        east = math.cos(math.radians(lonlat[:, 1].mean())) if east is None else east
        flat = lonlat * (east, 1.0)
        low, high = flat.min(axis=0), flat.max(axis=0)
        side = float((high - low).max()) or 1.0  # all points in one: the middle of the square
        middle = (low + high) / 2
        return cls(east, (float(middle[0]), float(middle[1])), side)

    def __call__(self, lonlat: Float[np.ndarray, "*K 2"]) -> Float64[np.ndarray, "*K 2"]:
        """Points in the square; those beyond the bounds come to lie outside it."""
        return (lonlat * np.array((self.east, 1.0)) - self.middle) / self.side + 0.5
