"""A tour as a drive: hours, kilometres by class of road, and days with their nights in towns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from jaxtyping import Int

from hringur.commands.tour.problem import Problem
from hringur.data.tours.driving import SPEED_KMH, driven, hours, km_by_class
from hringur.data.tours.iceland import Place, Roads, junctions


@dataclass(frozen=True, kw_only=True)
class Day:
    """What is driven between two nights."""

    start: str
    end: str
    """a town, where the night is spent; the last day's is the end of the tour"""
    via: tuple[str, ...]
    """places of the tour on the way"""
    km: float
    hours: float
    is_long: bool
    """no town comes before so many hours"""


@dataclass(frozen=True, kw_only=True)
class Drive:
    """What a driver asks of a tour by road."""

    leg_hours: tuple[float, ...]
    km: Mapping[str, float]
    """by class of road (``hringur.data.tours.driving``)"""
    days: tuple[Day, ...] = ()

    @property
    def hours(self) -> float:
        """At the wheel, without stops."""
        return sum(self.leg_hours)

    @property
    def gravel_km(self) -> float:
        """Unpaved, F-roads apart."""
        return round(self.km["gravel"] + self.km["mountain"] + self.km["track"], 1)

    @property
    def f_road_km(self) -> float:
        """On roads that require four-wheel drive."""
        return round(self.km["f-road"], 1)


def drive(
    problem: Problem,
    tour: Int[np.ndarray, " N"],
    speeds_kmh: Mapping[str, float],
    hours_per_day: float | None = None,
) -> Drive | None:
    """Hours and kilometres of a tour by road; None where distances come from a file."""
    if problem.roads is None:
        return None
    legs = [driven(problem.roads, *leg) for leg in problem.driven_legs(tour)]
    return Drive(
        leg_hours=tuple(hours(leg, speeds_kmh) for leg in legs),
        km={road: sum(leg[road] for leg in legs) for road in SPEED_KMH},
        days=() if hours_per_day is None else days(problem, tour, speeds_kmh, hours_per_day),
    )


@dataclass(frozen=True)
class Milestone:
    """A place that the tour passes."""

    place: Place
    is_stop: bool
    km: float
    """from the start of the tour"""
    hours: float = field(compare=False)


def days(
    problem: Problem,
    tour: Int[np.ndarray, " N"],
    speeds_kmh: Mapping[str, float],
    hours_per_day: float,
) -> tuple[Day, ...]:
    """The tour in as few days as possible, all of them as equal as possible.

    Nights are spent in towns that the tour visits or passes. A day is longer than
    ``hours_per_day`` only where no town comes in time, and then by as little as can be.
    """
    assert problem.roads is not None
    passed = milestones(problem.roads, problem.driven_legs(tour), speeds_kmh)
    nights = [0, *(k for k, m in enumerate(passed) if m.place.kind == "town"), len(passed) - 1]
    nights = sorted(set(nights))
    # The best way to be in each town at night: hours too many, days, squares of the hours, before.
    best: list[tuple[float, int, float, int]] = [(0.0, 0, 0.0, -1)]
    for k in range(1, len(nights)):
        ways = []
        for before in range(k):
            long = passed[nights[k]].hours - passed[nights[before]].hours
            late = round(max(0.0, long - hours_per_day), 9)
            over, count, squares, _ = best[before]
            ways.append((round(over + late, 9), count + 1, squares + long**2, before))
        best.append(min(ways))
    chain, k = [], len(nights) - 1
    while k >= 0:
        chain.append(nights[k])
        k = best[k][3]
    return tuple(_day(passed, a, b, hours_per_day) for a, b in pairwise(reversed(chain)))


def _day(passed: list[Milestone], first: int, last: int, hours_per_day: float) -> Day:
    start, end = passed[first], passed[last]
    via = dict.fromkeys(m.place.name for m in passed[first + 1 : last] if m.is_stop)
    return Day(
        start=start.place.name,
        end=end.place.name,
        via=tuple(name for name in via if name not in (start.place.name, end.place.name)),
        km=round(end.km - start.km, 1),
        hours=end.hours - start.hours,
        is_long=end.hours - start.hours > hours_per_day + 1e-9,
    )


def milestones(
    roads: Roads, legs: list[tuple[int, int]], speeds_kmh: Mapping[str, float]
) -> list[Milestone]:
    """Every place on the way, with the way there; junctions are none."""
    known = {stop.id: stop for stop in roads.stops}
    between = {junction.id for junction in junctions()}
    passed = [Milestone(roads.stops[legs[0][0]], True, 0.0, 0.0)]
    km = time = 0.0
    for start, end in legs:
        path = roads.path(start, end)
        for edge in pairwise(path):
            road = roads.network.edges[edge]
            km, time = km + road["km"], time + hours(km_by_class(road), speeds_kmh)
            if edge[1] not in between and edge[1] in known:
                stop = edge[1] == roads.stops[end].id
                passed.append(Milestone(known[edge[1]], stop, km, time))
    return passed


def clock(hours: float) -> str:
    """Hours and minutes: 2.5 is "2:30"."""
    minutes = round(60 * hours)
    return f"{minutes // 60}:{minutes % 60:02d}"
