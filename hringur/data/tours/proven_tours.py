"""Shortest tours of Iceland that were proven elsewhere, to hold solvers to."""

from dataclasses import dataclass
from functools import cache

from hringur.data.tours.iceland import place_numbers, read_table
from hringur.types import Season


@dataclass(frozen=True)
class ProvenTour:
    """A closed tour that branch and cut, or dynamic programming, proved to be the shortest."""

    season: Season
    name: str
    """of the set: six, six-without-landmannalaugar, towns or places (all 94)"""
    places: tuple[int, ...]
    """numbers of the places in the order of the tour"""
    km: float


@cache
def proven_tours() -> tuple[ProvenTour, ...]:
    """All of them; winter sets leave out what is out of reach."""
    return tuple(
        ProvenTour(
            season="summer" if row["network"] == "summer" else "winter",
            name=row["set"],
            places=tuple(place_numbers()[place] for place in row["tour"].split()),
            km=float(row["optimal_km"]),
        )
        for row in read_table("optimal.csv")
        if row["proven_optimal"] == "yes"
    )
