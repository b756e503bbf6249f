"""What ``hringur tour`` is asked to plan: one tour problem, where it begins, and by which roads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from hringur.data.tours.iceland import Roads, project
from hringur.data.tours.length import tour_length
from hringur.data.tours.own_instances import OwnInstance
from hringur.types import Instances, Season


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """One tour problem and where it begins."""

    names: tuple[str, ...]
    """of the places"""
    instance: Instances
    """a batch of 1"""
    unit: str
    """of the distances: km or, where a file does not say, units"""
    start: int
    """position of the first place among the places"""
    round_trip: bool
    """the way home counts; otherwise the tour ends at ``end``, or at any place"""
    end: int | None = None
    """position of the last place of an open path"""
    roads: Roads | None = None
    """that are driven; None: the distances of a file"""
    numbers: tuple[int, ...] = ()
    """of the places among the stops of ``roads``"""
    own: OwnInstance | None = None
    """what the file holds"""
    notes: tuple[str, ...] = ()
    """how what was typed is understood, for the reader"""

    @property
    def n_places(self) -> int:
        """N, the number of places."""
        return len(self.names)

    @property
    def season(self) -> Season | None:
        """Of the roads."""
        return None if self.roads is None else self.roads.season

    @property
    def symmetric(self) -> bool:
        """As far there as back, between all pairs."""
        return self.own is None or self.own.symmetric

    def shown(self, length: float) -> str:
        """A length for the reader: roads are known to 0.1 km, files to four digits."""
        distance = self.instance.distance[0]
        decimals, largest = 1, distance.max()
        if self.own is not None:
            if largest and not 1e-9 < largest < 1e15:
                return f"{length:g}"
            whole = np.array_equal(distance, np.rint(distance))
            decimals = 0 if whole else max(1, 4 - int(np.ceil(np.log10(largest))))
        return f"{length:,.{decimals}f}"

    def length(self, tour: Int[np.ndarray, " N"]) -> float:
        """Of a tour, without the rounding errors of the sum, so that equal tours are equal."""
        length = tour_length(self.instance.distance, tour[None], self.round_trip)[0]
        return float(f"{length:.12g}")

    def legs(self, tour: Int[np.ndarray, " N"]) -> list[tuple[int, int]]:
        """Pairs of places driven one after the other, the way home included."""
        stops = tour.tolist()
        ends = [*stops[1:], stops[0]] if self.round_trip else stops[1:]
        return list(zip(stops, ends, strict=False))

    def driven_legs(self, tour: Int[np.ndarray, " N"]) -> list[tuple[int, int]]:
        """The same as numbers of stops of ``roads``; none where there are none."""
        numbers = self.numbers
        return [(numbers[a], numbers[b]) for a, b in self.legs(tour)] if self.roads else []

    def roads_of(self, leg: tuple[int, int]) -> list[str]:
        """Numbers of the roads of a leg, none where the distances come from a file."""
        if self.roads is None:
            return []
        return self.roads.route_numbers(*(self.numbers[place] for place in leg))

    def highland_roads(self, tour: Int[np.ndarray, " N"]) -> list[str]:
        """Numbers of the mountain roads and F-roads of the tour, each once."""
        if self.roads is None:
            return []
        legs = self.driven_legs(tour)
        numbers = (number for leg in legs for number in self.roads.highland_numbers(*leg))
        return list(dict.fromkeys(numbers))

    @property
    def lonlat(self) -> Float64[np.ndarray, "N 2"] | None:
        """Positions on the globe [degrees], where they are known."""
        if self.roads is None:
            return None if self.own is None else self.own.lonlat
        return np.array([(self.roads.stops[n].lon, self.roads.stops[n].lat) for n in self.numbers])

    def ways(self, tour: Int[np.ndarray, " N"]) -> Sequence[Float64[np.ndarray, "_ 2"]]:
        """The legs as polylines of (lon, lat): along the roads, else straight from ``lonlat``."""
        if self.roads is not None:
            return [self.roads.shape(*leg) for leg in self.driven_legs(tour)]
        lonlat = self.lonlat
        return [] if lonlat is None else [lonlat[list(leg)] for leg in self.legs(tour)]

    @property
    def map_season(self) -> Season | None:
        """Draw on the map of Iceland with these roads; None: on a plain square.

        Places of a file go on the map, with all roads, if each of them lies on it.
        """
        if self.roads is not None or self.lonlat is None:
            return self.season
        from hringur.envs.tours.iceland_map import BOUNDS  # and matplotlib, only if a map is drawn

        left, right, bottom, top = BOUNDS
        x, y = project(self.lonlat).T
        on_the_map = (left < x) & (x < right) & (bottom < y) & (y < top)
        return "summer" if on_the_map.all() else None

    @property
    def drawn_at(self) -> Float64[np.ndarray, "N 2"]:
        """Positions on the map, or in the square."""
        if self.lonlat is None or self.map_season is None:
            return self.instance.coordinates[0]
        return project(self.lonlat)
