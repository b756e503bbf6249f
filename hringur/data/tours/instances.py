"""Samplers of tour problems, all NumPy and without a loop over instances.

One row of uniform random numbers makes one instance (``from_random_rows``). ``sample`` draws many
rows in one call, and a batched environment may stack rows of separate generators: both give the
same instances for the same random numbers.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64, Int

from hringur.data.tours.iceland import (
    check_reachable,
    coordinates,
    great_circle_km,
    numbers_at,
    places,
    roads,
)
from hringur.types import Instances, Season, UserError

DistanceKind = Literal["road", "great_circle"]
"""Road: shortest way by road of the season. Great circle: as the crow flies."""


@runtime_checkable
class Sampler(Protocol):
    """A source of instances with ``n`` places."""

    unit: str
    """of distances: "km", "unit lengths" or a file's own "units" """
    reward_scale: float
    """a reward of -1 is this distance [unit]"""
    max_distance: float
    """no distance of any instance is larger [unit]"""

    def random_row_size(self, n: int) -> int:
        """How many uniform numbers one instance of ``n`` places takes."""

    def from_random_rows(self, rows: Float64[np.ndarray, "B R"], n: int) -> Instances:
        """The instances that these uniform numbers in [0, 1) stand for."""

    def sample(self, rng: np.random.Generator, batch: int, n: int) -> Instances:
        """Many instances in one call."""

    def names(self, instance: Instances) -> list[str]:
        """What to call the places of a batch of 1."""


@runtime_checkable
class CompactSampler(Sampler, Protocol):
    """A sampler of instances that need not be made whole to be played.

    What was drawn, an array ``B ...``, stands for them: place numbers, or points.
    """

    def drawn_from_random_rows(self, rows: Float64[np.ndarray, "B R"], n: int) -> np.ndarray:
        """What these uniform numbers in [0, 1) stand for."""

    def instances(self, drawn: np.ndarray) -> Instances:
        """The instances themselves."""

    def observed(
        self, drawn: np.ndarray
    ) -> tuple[Float32[np.ndarray, "B N 2"], Float32[np.ndarray, "B N N"]]:
        """Coordinates, and distances over ``reward_scale``, rounded from those of ``instances``."""

    def legs(self, drawn: np.ndarray, tours: Int[np.ndarray, "B N"]) -> Float64[np.ndarray, "B N"]:
        """Distances from each place of the tours to the next, the way home last."""


class IcelandPlaces:
    """Draws n different places of a pool, in random order, each choice equally likely.

    With ``first``, every instance begins with that place of the pool.
    """

    unit = "km"
    reward_scale = 100.0

    def __init__(
        self,
        pool: Sequence[int],
        season: Season = "summer",
        distance: DistanceKind = "road",
        first: int | None = None,
    ) -> None:
        check_reachable(list(pool), season)
        self.first = [] if first is None else [first]
        self.pool = np.array([n for n in pool if n not in self.first], dtype=np.int64)
        self.season: Season = season
        self.distance_table = distance_table(season, distance)
        self.max_distance = max_distance_km()
        self._observed_table = (self.distance_table / self.reward_scale).astype(np.float32)
        self._observed_coordinates = coordinates().astype(np.float32)

    def random_row_size(self, n: int) -> int:
        """One number for each place to be chosen."""
        largest = len(self.first) + len(self.pool)
        if not 2 <= n <= largest:
            raise UserError(f"number of places must be in 2..{largest}, got {n}")
        return n - len(self.first)

    def drawn_from_random_rows(
        self, rows: Float64[np.ndarray, "B R"], n: int
    ) -> Int[np.ndarray, "B N"]:
        """Numbers of places, by the first R steps of Fisher and Yates's shuffle of the pool."""
        batch, n = rows.shape  # without the first place, where that is fixed
        jump = (rows * (len(self.pool) - np.arange(n))).astype(np.int64) + np.arange(n)
        cell = np.ascontiguousarray(jump.T) * batch + np.arange(batch)  # N B
        deck = np.repeat(self.pool.astype(np.uint8)[:, None], batch, axis=1)  # pool B
        cards = deck.reshape(-1)
        for position in range(n):
            taken = cards.take(cell[position])
            cards[cell[position]] = deck[position]
            deck[position] = taken
        drawn = deck[:n].T.astype(np.int64, order="C")
        return np.insert(drawn, 0, self.first[0], axis=1) if self.first else drawn

    def instances(self, numbers: Int[np.ndarray, "B N"]) -> Instances:
        """The tour problems over these places of Iceland."""
        distance = self.distance_table.take(self._cells(numbers))
        return Instances(coordinates().take(numbers, axis=0), distance)

    def from_random_rows(self, rows: Float64[np.ndarray, "B R"], n: int) -> Instances:
        """The instances that these uniform numbers in [0, 1) stand for."""
        return self.instances(self.drawn_from_random_rows(rows, n))

    def observed(
        self, drawn: Int[np.ndarray, "B N"]
    ) -> tuple[Float32[np.ndarray, "B N 2"], Float32[np.ndarray, "B N N"]]:
        """Coordinates and scaled distances, from tables that are scaled and rounded already."""
        scaled = self._observed_table.take(self._cells(drawn))
        return self._observed_coordinates.take(drawn, axis=0), scaled

    def legs(
        self, drawn: Int[np.ndarray, "B N"], tours: Int[np.ndarray, "B N"]
    ) -> Float64[np.ndarray, "B N"]:
        """Distances from each place of the tours to the next, the way home last."""
        visited = _in_order(drawn, tours)
        cells = visited * len(self.distance_table) + np.roll(visited, -1, axis=1)
        return self.distance_table.take(cells)

    def _cells(self, numbers: np.ndarray) -> np.ndarray:
        """Where in a table of all distances those between these places stand; B N N."""
        rows = np.repeat(numbers * len(self.distance_table), numbers.shape[1], axis=1)
        cells = rows.reshape(*numbers.shape, numbers.shape[1])
        cells += numbers[:, None, :]  # in place: fresh memory is what costs here
        return cells

    def sample(self, rng: np.random.Generator, batch: int, n: int) -> Instances:
        """Many instances in one call."""
        return self.from_random_rows(rng.random((batch, self.random_row_size(n))), n)

    def names(self, instance: Instances) -> list[str]:
        """Names of the places of a batch of 1."""
        return [places()[number].name for number in numbers_at(instance.coordinates[0])]


class UniformPoints:
    """Points drawn uniformly from the unit square, with straight distances."""

    unit = "unit lengths"
    reward_scale = 1.0
    max_distance = float(np.sqrt(2.0))

    def random_row_size(self, n: int) -> int:
        """Two coordinates for each point."""
        if n < 2:
            raise UserError(f"number of places must be at least 2, got {n}")
        return 2 * n

    def from_random_rows(self, rows: Float64[np.ndarray, "B R"], n: int) -> Instances:
        """The numbers themselves are the coordinates x, y, x, y, ..."""
        return self.instances(self.drawn_from_random_rows(rows, n))

    def drawn_from_random_rows(
        self, rows: Float64[np.ndarray, "B R"], n: int
    ) -> Float64[np.ndarray, "B N 2"]:
        """The points."""
        return rows.reshape(len(rows), n, 2)

    def instances(self, drawn: Float64[np.ndarray, "B N 2"]) -> Instances:
        """The tour problems over these points."""
        return euclidean(drawn)

    def observed(
        self, drawn: Float64[np.ndarray, "B N 2"]
    ) -> tuple[Float32[np.ndarray, "B N 2"], Float32[np.ndarray, "B N N"]]:
        """Points and straight distances, each rounded as soon as it is known."""
        distance = np.empty((*drawn.shape[:2], drawn.shape[1]), dtype=np.float32)
        return drawn.astype(np.float32), _straight(drawn, distance)

    def legs(
        self, drawn: Float64[np.ndarray, "B N 2"], tours: Int[np.ndarray, "B N"]
    ) -> Float64[np.ndarray, "B N"]:
        """Distances from each point of the tours to the next, the way home last."""
        visited = _in_order(drawn, tours)
        step = np.roll(visited, -1, axis=1) - visited
        step *= step
        return np.sqrt(step[..., 0] + step[..., 1])

    def sample(self, rng: np.random.Generator, batch: int, n: int) -> Instances:
        """Many instances in one call."""
        return self.from_random_rows(rng.random((batch, self.random_row_size(n))), n)

    def names(self, instance: Instances) -> list[str]:
        """Points have numbers only, from 1."""
        return [str(number) for number in range(1, instance.n_places + 1)]


class FixedInstance:
    """The same instance every time."""

    def __init__(
        self,
        instance: Instances,
        names: Sequence[str],
        unit: str = "km",
        reward_scale: float | None = None,
        max_distance: float | None = None,
    ) -> None:
        """``instance`` is a batch of 1; the scale is 100 km or, of other units, the largest."""
        largest = float(instance.distance.max())
        self.instance = instance
        self.unit = unit
        self.reward_scale = reward_scale or (100.0 if unit == "km" else largest or 1.0)
        self.max_distance = largest if max_distance is None else max_distance
        self._names = list(names)

    def random_row_size(self, n: int) -> int:
        """Nothing is random."""
        if n != self.instance.n_places:
            raise UserError(f"number of places must be {self.instance.n_places}, got {n}")
        return 0

    def from_random_rows(self, rows: Float64[np.ndarray, "B R"], n: int) -> Instances:
        """As many copies as rows."""
        return self.instance[np.zeros(len(rows), dtype=np.int64)]

    def sample(self, rng: np.random.Generator, batch: int, n: int) -> Instances:
        """``batch`` copies of the instance."""
        return self.from_random_rows(np.empty((batch, self.random_row_size(n))), n)

    def names(self, instance: Instances) -> list[str]:
        """Names of the places."""
        return list(self._names)


def fixed_places(
    numbers: Sequence[int], season: Season = "summer", distance: DistanceKind = "road"
) -> FixedInstance:
    """These places of Iceland in this order, every time."""
    sampler = IcelandPlaces(numbers, season, distance)
    instance = sampler.instances(sampler.pool[None])
    names = [places()[number].name for number in numbers]
    return FixedInstance(instance, names, max_distance=sampler.max_distance)


def distance_table(season: Season, distance: DistanceKind) -> Float64[np.ndarray, "N N"]:
    """Distances between all places of Iceland [km]."""
    return roads(season).road_km if check_distance_kind(distance) == "road" else great_circle_km()


def check_distance_kind(distance: str) -> DistanceKind:
    """The kind of distance of this name, else UserError."""
    if distance not in get_args(DistanceKind):
        kinds = ", ".join(get_args(DistanceKind))
        raise UserError(f"distance must be one of {kinds}, got {distance!r}")
    return "road" if distance == "road" else "great_circle"


def max_distance_km() -> float:
    """One bound for every pool, season and kind of distance, so that spaces stay the same."""
    tables = np.concatenate([roads(season).road_km for season in get_args(Season)])
    return float(tables[np.isfinite(tables)].max())


def euclidean(points: Float64[np.ndarray, "B N 2"]) -> Instances:
    """Tour problems over points with straight distances."""
    return Instances(points, _straight(points, np.empty((*points.shape[:2], points.shape[1]))))


def _straight(points: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Fills in the distances B N N between points B N 2, rounded to the type of ``distance``."""
    x, y = np.ascontiguousarray(points[..., 0]), np.ascontiguousarray(points[..., 1])  # B N
    for row in range(x.shape[1]):  # thrice as fast as one B N N expression: less fresh memory
        east, north = x - x[:, row, None], y - y[:, row, None]
        east *= east
        north *= north
        east += north
        np.sqrt(east, out=east)
        distance[:, row] = east
    return distance


def _in_order(drawn: np.ndarray, tours: np.ndarray) -> np.ndarray:
    """``drawn`` B N ... in the order of the tours, as ``take_along_axis`` but faster."""
    batch, n = tours.shape
    rows = np.arange(batch)[:, None] * n
    return drawn.reshape(batch * n, *drawn.shape[2:]).take(rows + tours, axis=0)
