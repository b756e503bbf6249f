"""What ``hringur tour`` is asked to plan: places of Iceland, or a file of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int

from hringur.data.tours.iceland import places, plain, project, resolve_place, roads
from hringur.data.tours.instances import fixed_places
from hringur.data.tours.length import tour_length
from hringur.data.tours.own_instances import (
    OwnInstance,
    read_matrix_csv,
    read_places_csv,
    read_tsplib,
)
from hringur.data.tours.place_sets import PLACE_SETS, place_set
from hringur.types import Instances, Season, UserError

READERS = {"csv": read_places_csv, "matrix": read_matrix_csv, "tsplib": read_tsplib}
"""By the option that names the file."""


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
    """the way home counts; otherwise the tour ends at any place"""
    season: Season | None = None
    """by the roads of this season; None: the distances of a file"""
    numbers: tuple[int, ...] = ()
    """of the places of Iceland, with a season only"""
    own: OwnInstance | None = None
    """what the file holds"""

    @property
    def n_places(self) -> int:
        """N, the number of places."""
        return len(self.names)

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

    def roads_of(self, leg: tuple[int, int]) -> list[str]:
        """Numbers of the roads of a leg, none where the distances come from a file."""
        if self.season is None:
            return []
        start, end = (self.numbers[place] for place in leg)
        return roads(self.season).route_numbers(start, end)

    def highland_roads(self, tour: Int[np.ndarray, " N"]) -> list[str]:
        """Numbers of the mountain roads and F-roads of the tour, each once."""
        if self.season is None:
            return []
        legs = [(self.numbers[start], self.numbers[end]) for start, end in self.legs(tour)]
        numbers = (number for leg in legs for number in roads(self.season).highland_numbers(*leg))
        return list(dict.fromkeys(numbers))

    @property
    def map_season(self) -> Season | None:
        """Draw on the map of Iceland with these roads; None: on a plain square.

        Places of a file go on the map, with all roads, if each of them lies on it.
        """
        if self.own is None or self.own.lonlat is None:
            return self.season
        from hringur.envs.tours.iceland_map import BOUNDS  # and matplotlib, only if a map is drawn

        left, right, bottom, top = BOUNDS
        x, y = project(self.own.lonlat).T
        on_the_map = (left < x) & (x < right) & (bottom < y) & (y < top)
        return "summer" if on_the_map.all() else None

    @property
    def drawn_at(self) -> Float64[np.ndarray, "N 2"]:
        """Positions on the map, or in the square."""
        if self.own is None or self.own.lonlat is None or self.map_season is None:
            return self.instance.coordinates[0]
        return project(self.own.lonlat)


def from_places(
    chosen: Sequence[str], season: Season, start: str | None, round_trip: bool
) -> Problem:
    """Places of Iceland by road, as named on the command line."""
    words = [name for name in chosen if name.lower() in PLACE_SETS]
    if words and len(chosen) > 1:
        raise UserError(f"{words[0]} stands for a set of places and is given alone")
    if not chosen:
        raise UserError(
            f"which places? Name at least two, or one of {', '.join(PLACE_SETS)}, "
            "or give a file by --csv, --matrix or --tsplib"
        )
    numbers = place_set(words[0].lower() if words else list(chosen), season)
    first = 0
    if start is not None:
        number = resolve_place(start, season)
        if number not in numbers:
            raise UserError(f"--start {places()[number].name} is none of the places of the tour")
        first = numbers.index(number)
    return Problem(
        names=tuple(places()[number].name for number in numbers),
        instance=fixed_places(numbers, season).instance,
        unit="km",
        start=first,
        round_trip=round_trip,
        season=season,
        numbers=tuple(numbers),
    )


def from_file(kind: str, path: Path, start: str | None, round_trip: bool) -> Problem:
    """The problem in a file; ``kind`` is one of ``READERS``."""
    own = READERS[kind](path)
    return Problem(
        names=own.names,
        instance=own.instance,
        unit=own.unit,
        start=0 if start is None else find_name(start, own.names),
        round_trip=round_trip,
        own=own,
    )


def find_name(text: str, names: Sequence[str]) -> int:
    """Position of the one name that ``text`` stands for, by the rules for places of Iceland."""
    if text in names:
        return names.index(text)
    wanted, spellings = plain(text), [plain(name) for name in names]
    found = [k for k, spelling in enumerate(spellings) if spelling == wanted] or [
        k for k, spelling in enumerate(spellings) if wanted and spelling.startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(names[k] for k in found[:6])
        raise UserError(f"--start {text!r} is ambiguous: {several}")
    near = [names[spellings.index(s)] for s in get_close_matches(wanted, spellings, cutoff=0.5)]
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise UserError(f"--start {text!r} is none of the {len(names)} places of the file{hint}")
