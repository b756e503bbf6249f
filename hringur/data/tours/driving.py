"""How long a drive takes, and on what: kilometres by class of road, and a speed for each.

The table of roads has no speeds. Those here are judgements of what a careful driver averages, below
the limits of 90 km/h on paved and 80 km/h on gravel roads; stops are not counted. They do not
depend on the direction, because the table has no slopes, winds or one-way roads.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from hringur.data.tours.iceland import Roads, is_f_road
from hringur.data.tours.own_points import TRACK
from hringur.types import UserError

SPEED_KMH = {
    "paved": 80.0,  # main roads, numbers 1 to 99
    "paved-local": 70.0,  # paved roads with three digits
    "gravel": 55.0,
    "mountain": 40.0,  # unpaved mountain roads, such as 35 over Kjölur
    "f-road": 30.0,
    "track": 15.0,  # from a point of one's own to the nearest road
}
"""Average speed by class of road [km/h]."""

SLOWEST, FASTEST = 1.0, 130.0


def read_speeds(chosen: Sequence[str]) -> dict[str, float]:
    """``SPEED_KMH`` with those changed that ``chosen`` names as CLASS=KMH.

    Raises:
        UserError: an unknown class, or a speed outside 1 to 130 km/h.
    """
    speeds = dict(SPEED_KMH)
    for text in chosen:
        road, _, kmh = text.partition("=")
        try:
            speed = float(kmh)
        except ValueError:
            speed = 0.0
        if road not in SPEED_KMH or not SLOWEST <= speed <= FASTEST:
            raise UserError(
                f"--speed takes CLASS=KMH with a class of {', '.join(SPEED_KMH)} and a speed in "
                f"{SLOWEST:g}..{FASTEST:g}, got {text!r}"
            )
        speeds[road] = speed
    return speeds


def km_by_class(road: Mapping[str, Any]) -> dict[str, float]:
    """Kilometres of one road of the network by class; that of a shared stretch is its longest's."""
    number, km = road["roads"][0], road["km"]
    if number == TRACK:
        return {"track": km}
    if is_f_road(number):
        return {"f-road": km}
    unpaved = "mountain" if road["surface"] == "mountain" else "gravel"
    paved = "paved" if len(number) < 3 else "paved-local"
    return {paved: km * (1 - road["unpaved"]), unpaved: km * road["unpaved"]}


def driven(roads: Roads, start: int, end: int) -> dict[str, float]:
    """Kilometres by class along the shortest way between two stops, every class named."""
    total = dict.fromkeys(SPEED_KMH, 0.0)
    for edge in pairwise(roads.path(start, end)):
        for road, km in km_by_class(roads.network.edges[edge]).items():
            total[road] += km
    return total


def hours(km: Mapping[str, float], speeds_kmh: Mapping[str, float]) -> float:
    """Time at the wheel for kilometres by class [h]."""
    return sum(km[road] / speeds_kmh[road] for road in km)
