"""Samplers of tour problems, all NumPy and without a loop over instances.

One row of uniform random numbers makes one instance (``from_random_rows``). ``draw`` fetches one
row, ``sample`` many in one call, and a batched environment may stack rows of separate generators:
all three give the same instances for the same random numbers.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int

from hringur.data.iceland import (
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
        ...

    def from_random_rows(self, rows: Float64[np.ndarray, "B R"], n: int) -> Instances:
        """The instances that these uniform numbers in [0, 1) stand for."""
        ...

    def draw(self, rng: np.random.Generator, n: int) -> Instances:
        """One instance, as a batch of 1."""
        ...

    def sample(self, rng: np.random.Generator, batch: int, n: int) -> Instances:
        """Many instances in one call."""
        ...

    def names(self, instance: Instances) -> list[str]:
        """What to call the places of a batch of 1."""
        ...


class IcelandPlaces:
    """Draws n different places of a pool, in random order, each choice equally likely."""

    unit = "km"
    reward_scale = 100.0

    def __init__(
        self, pool: Sequence[int], season: Season = "summer", distance: DistanceKind = "road"
    ) -> None:
        check_reachable(list(pool), season)
        self.pool = np.array(pool, dtype=np.int64)
        self.season: Season = season
        self.distance_table = distance_table(season, distance)
        self.max_distance = max_distance_km()

    def random_row_size(self, n: int) -> int:
        """One number for each place to be chosen."""
        if not 2 <= n <= len(self.pool):
            raise UserError(f"number of places must be in 2..{len(self.pool)}, got {n}")
        return n

    def numbers_from_random_rows(self, rows: Float64[np.ndarray, "B N"]) -> Int[np.ndarray, "B N"]:
        """Places by the first N steps of Fisher and Yates's shuffle of the pool."""
        batch, n = rows.shape
        left = len(self.pool) - np.arange(n)
        jump = ((rows * left).astype(np.int64) + np.arange(n)).T  # N B, contiguous steps
        deck = np.repeat(self.pool[:, None], batch, axis=1)  # pool B
        every = np.arange(batch)
        for position in range(n):
            taken = deck[jump[position], every]
            deck[jump[position], every] = deck[position]
            deck[position] = taken
        return np.ascontiguousarray(deck[:n].T)

    def instances(self, numbers: Int[np.ndarray, "B N"]) -> Instances:
        """The tour problems over these places of Iceland."""
        cell = numbers[:, :, None] * len(self.distance_table) + numbers[:, None, :]  # B N N
        distance = self.distance_table.reshape(-1).take(cell)
        return Instances(coordinates().take(numbers, axis=0), distance)

    def from_random_rows(self, rows: Float64[np.ndarray, "B R"], n: int) -> Instances:
        """The instances that these uniform numbers in [0, 1) stand for."""
        return self.instances(self.numbers_from_random_rows(rows))

    def draw(self, rng: np.random.Generator, n: int) -> Instances:
        """One instance, as a batch of 1."""
        return self.sample(rng, 1, n)

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
        return euclidean(rows.reshape(len(rows), n, 2))

    def draw(self, rng: np.random.Generator, n: int) -> Instances:
        """One instance, as a batch of 1."""
        return self.sample(rng, 1, n)

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

    def draw(self, rng: np.random.Generator, n: int) -> Instances:
        """The instance, as a batch of 1."""
        return self.sample(rng, 1, n)

    def sample(self, rng: np.random.Generator, batch: int, n: int) -> Instances:
        """As many copies as asked for."""
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
    tables = np.concatenate([roads("summer").road_km, roads("winter").road_km])
    return float(tables[np.isfinite(tables)].max())


def euclidean(points: Float64[np.ndarray, "B N 2"]) -> Instances:
    """Tour problems over points with straight distances."""
    x, y = np.ascontiguousarray(points[..., 0]), np.ascontiguousarray(points[..., 1])  # B N
    distance = np.empty((*x.shape, x.shape[1]))
    for row in range(x.shape[1]):  # thrice as fast as one B N N expression: less fresh memory
        east, north = x - x[:, row, None], y - y[:, row, None]
        east *= east
        north *= north
        east += north
        np.sqrt(east, out=distance[:, row])
    return Instances(points, distance)
