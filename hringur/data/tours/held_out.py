"""Held-out tour problems with a proven shortest tour each, for every figure that is quoted.

A set is one compressed .npz of numbers, read without pickle: place numbers (Iceland) or float32
points (unit square), the length of the shortest tour and one such tour. Distances are computed
from those, so a set is small and cannot disagree with the road table.

Sets are drawn by ``scripts/make_held_out.py`` from the entropy of a pair of numbers. Training draws
from that of a single seed below 2**64, so that no training run can meet a held-out stream.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from jaxtyping import Float, Float64, Int64, Integer

from hringur.data.archives import read_arrays
from hringur.data.files import reading
from hringur.data.tours.iceland import places
from hringur.data.tours.instances import IcelandPlaces, euclidean
from hringur.types import Instances, UserError

HELD_OUT = ("iceland-20", "iceland-50", "euclidean-20", "euclidean-50", "euclidean-100")
"""Names of the sets; the number is that of the places. Iceland: summer roads, closed tours."""


def held_out_name(family: str, n_places: int) -> str | None:
    """The set of ``family`` (iceland or euclidean) with this number of places, if there is one."""
    name = f"{family}-{n_places}"
    return name if name in HELD_OUT else None


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Held-out instances with their proven optima."""

    name: str
    env_id: str
    """the environment through which figures on this set are taken"""
    n: int
    """places of each instance"""
    instances: Instances
    optimal: Float64[np.ndarray, " B"]
    """length of the shortest closed tour [km for Iceland, else unit lengths]"""
    tour: Int64[np.ndarray, "B N"]
    """a shortest tour of each instance"""
    env_options: Mapping[str, Any] | None = None
    """options of that environment; when not given, its number of places"""

    def __len__(self) -> int:
        return len(self.instances)

    def first(self, count: int) -> "HeldOut":
        """The first ``count`` instances, for a quick look."""
        instances, optimal = self.instances[slice(count)], self.optimal[:count]
        return replace(self, instances=instances, optimal=optimal, tour=self.tour[:count])


@cache
def held_out(name: str) -> HeldOut:
    """The set of this name, as shipped."""
    n = _check_name(name)
    shipped = resources.files("hringur.data.tours") / "held_out" / f"{name}.npz"
    with resources.as_file(shipped) as path, reading(path, "a held-out set"):
        stored = read_arrays(path)
        drawn, optimal, tour = stored["drawn"], stored["optimal"], stored["tour"]
    env_id = "IcelandTSP-v0" if name.startswith("iceland") else "EuclideanTSP-v0"
    return HeldOut(name, env_id, n, held_out_instances(name, drawn), optimal, tour.astype(np.int64))


def held_out_instances(
    name: str, drawn: Integer[np.ndarray, "B N"] | Float[np.ndarray, "B N 2"]
) -> Instances:
    """Instances over place numbers (Iceland, summer roads) or points in the unit square."""
    if name.startswith("iceland"):
        return IcelandPlaces(range(len(places()))).instances(drawn.astype(np.int64))
    return euclidean(drawn.astype(np.float64))


def _check_name(name: str) -> int:
    """Number of places of the set ``name``."""
    if name not in HELD_OUT:
        raise UserError(f"held-out set must be one of {', '.join(HELD_OUT)}, got {name!r}")
    return int(name.split("-")[1])
