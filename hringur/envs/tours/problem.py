"""What the single and the batched environment share: options, spaces, dealing, price, optimum."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32, Float64, Int, Int64

from hringur.data.tours.iceland import numbers_at, roads
from hringur.data.tours.instances import Sampler
from hringur.data.tours.length import tour_length
from hringur.data.tours.proven_tours import proven_tours
from hringur.types import Instances, Season, UserError

Observation = Any
"""A dictionary of arrays, or a flat float32 vector; with an axis B in front for a batch."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TourProblem:
    """A family of tour problems with ``n_places`` places each."""

    sampler: Sampler
    n_places: int
    start: int | None = 0
    """position of the start among the places; None: another random one every episode"""
    round_trip: bool = True
    """the way home counts; otherwise the tour ends at its last place"""
    compute_optimal: bool = False
    """solve every finished instance exactly, for ``info``; never for training"""
    map_season: Season | None = None
    """draw on the map of Iceland with the roads of this season; None: on a plain square"""
    by_road: bool = False
    """the tour follows the roads of the map, otherwise straight lines"""
    held_out: str | None = None
    """the shipped held-out set whose instances are of just this kind, if there is one"""
    observation: str = "dict"
    """dict: a dictionary of arrays; flat: the same numbers in one vector"""
    observe_mask: bool = False
    """a flat observation ends with the action mask"""

    def __post_init__(self) -> None:
        self.sampler.random_row_size(self.n_places)  # refuses a number of places out of range
        if self.observation not in ("dict", "flat"):
            raise UserError(f"observation must be dict or flat, got {self.observation!r}")
        if self.observe_mask and self.observation != "flat":
            raise UserError("observe_mask needs observation='flat': a dict has visited")

    def observation_space(self) -> spaces.Space:
        """Of one environment; a new object, as spaces hold their own random state."""
        parts = self._parts_space()
        if self.observation == "dict":
            return parts
        flat: Any = spaces.flatten_space(parts)
        mask = np.ones(self.n_places * self.observe_mask)
        high = np.concatenate([flat.high, mask]).astype(np.float32)
        return spaces.Box(np.zeros_like(high), high, dtype=np.float32)

    def seen(self, parts: dict[str, Any]) -> Observation:
        """What is observed of the parts of one environment, or of a batch.

        A flat observation has the numbers of ``gymnasium.spaces.flatten`` in float32: coordinates,
        place at hand (one-hot), distances by row, start (one-hot), visited, in the dictionary's
        alphabetical order, and then the action mask if it was asked for.
        """
        if self.observation == "dict":
            return parts
        batch, one_hot = np.shape(parts["current"]), np.eye(self.n_places, dtype=np.float32)
        columns = [
            parts["coordinates"].reshape(*batch, -1),
            one_hot[parts["current"]],
            parts["distances"].reshape(*batch, -1),
            one_hot[parts["start"]],
            parts["visited"],
        ]
        if self.observe_mask:
            columns.append(1 - parts["visited"])
        return np.concatenate(columns, axis=-1, dtype=np.float32)

    def _parts_space(self) -> spaces.Space:
        n = self.n_places
        largest = np.float32(self.sampler.max_distance / self.sampler.reward_scale)
        return spaces.Dict(
            {
                "coordinates": spaces.Box(0.0, 1.0, (n, 2), np.float32),
                "distances": spaces.Box(0.0, float(largest), (n, n), np.float32),
                "visited": spaces.MultiBinary(n),
                "current": spaces.Discrete(n),
                "start": spaces.Discrete(n),
            }
        )

    @property
    def row_size(self) -> int:
        """How many uniform numbers one episode takes."""
        return self.sampler.random_row_size(self.n_places) + (self.start is None)

    def from_random_rows(
        self, rows: Float64[np.ndarray, "B R"]
    ) -> tuple[Instances, Int64[np.ndarray, " B"]]:
        """Instances and starts from one row of uniform numbers in [0, 1) each."""
        size = self.sampler.random_row_size(self.n_places)
        instances = self.sampler.from_random_rows(rows[:, :size], self.n_places)
        return instances, self.start_from_random_rows(rows)

    def start_from_random_rows(self, rows: Float64[np.ndarray, "B R"]) -> Int64[np.ndarray, " B"]:
        """The given start, or the place that the last number of each row chooses."""
        if self.start is None:
            return (rows[:, -1] * self.n_places).astype(np.int64)
        return np.full(len(rows), self.start, dtype=np.int64)

    def given(
        self, options: dict[str, Any], batch: int
    ) -> tuple[Instances, Int64[np.ndarray, " B"]]:
        """The instances that ``reset(options=...)`` asks to be played.

        Raises:
            UserError: of another size, out of the observation space, or without the start.
        """
        instances, n = options["instances"], self.n_places
        if len(instances) != batch or instances.n_places != n:
            raise UserError(
                f"instances must be {batch} with {n} places, "
                f"got {len(instances)} with {instances.n_places}"
            )
        largest = self.sampler.max_distance * (1 + 1e-9)
        for name, values, high in (
            ("distances", instances.distance, largest),
            ("coordinates", instances.coordinates, 1.0),
        ):
            if not ((values >= 0) & (values <= high)).all():  # NaN fails too
                raise UserError(f"{name} of instances must be in [0, {high:g}]; some are not")
        start = np.asarray(options.get("start", self.start or 0))
        if start.dtype.kind not in "iu" or start.shape not in ((), (batch,)):
            raise UserError(f"start must be a whole number or {batch} of them, got {start!r}")
        if ((start < 0) | (start >= n)).any():
            raise UserError(f"start must be in 0..{n - 1}, got {start.tolist()}")
        return instances, np.broadcast_to(start, batch).astype(np.int64)

    def scaled(self, instances: Instances) -> Float32[np.ndarray, "B N N"]:
        """Distances as observed: a reward of -1 is a distance of 1."""
        scaled = np.empty(instances.distance.shape, dtype=np.float32)
        return np.divide(
            instances.distance, self.sampler.reward_scale, out=scaled, casting="same_kind"
        )

    def length(
        self, instances: Instances, tours: Int[np.ndarray, "B N"]
    ) -> Float64[np.ndarray, " B"]:
        """Length of finished tours in the sampler's unit."""
        return tour_length(instances.distance, tours, self.round_trip)


def invalid_reward(largest: Any, n_places: int) -> Any:
    """Price of visiting a place twice, for numbers or arrays: more than any tour can cost.

    No leg is longer than ``largest`` (scaled), and a tour has at most ``n_places`` legs.
    """
    return -(n_places * largest + 1.0)


def pending(n_places: int) -> dict[str, Any]:
    """What ``info`` says of the outcome until the end: its keys, as of a tour that is none.

    Not NaN, which Gymnasium's ``check_env`` takes for a difference between equal episodes.
    """
    nothing = float("inf")
    tour = np.full(n_places, -1, dtype=np.int64)
    return {"tour": tour, "tour_km": nothing, "optimal_km": nothing, "gap": nothing}


def relative_gap(length: Any, optimal: Any) -> Any:
    """(length - optimal) / optimal for numbers or arrays; 0 where all places coincide."""
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.where(np.equal(length, optimal), 0.0, np.divide(length - optimal, optimal))
    return float(gap) if gap.ndim == 0 else gap


class Optima:
    """Exact optima, each solved once."""

    def __init__(self, problem: TourProblem) -> None:
        self._problem = problem
        self._known: dict[bytes, float] = {}

    def length(self, instance: Instances, start: int) -> float:
        """Length of the shortest tour of a batch of 1, proven, in the sampler's unit.

        Raises:
            RuntimeError: no proof within ten minutes.
        """
        if self._problem.n_places == 2:  # the only tour there is
            return float(self._problem.length(instance, np.array([[start, 1 - start]]))[0])
        open_from = b"" if self._problem.round_trip else str(start).encode()
        key = hashlib.blake2b(instance.distance.tobytes() + open_from, digest_size=16).digest()
        if key not in self._known:
            self._known[key] = self._shipped(instance) or self._solved(instance, start)
        return self._known[key]

    def _solved(self, instance: Instances, start: int) -> float:
        from hringur.references.tours.exact import optimal_tour  # only who asks pays for OR-tools

        exact = optimal_tour(instance.distance[0], self._problem.round_trip, start)
        if not exact.proven:
            raise RuntimeError(f"no proof of the optimum within {exact.seconds:.0f} seconds")
        return exact.length

    def _shipped(self, instance: Instances) -> float | None:
        """Solving all 94 places takes minutes, so their proven tour comes with the package."""
        season = self._problem.map_season
        if season is None or not (self._problem.by_road and self._problem.round_trip):
            return None
        try:
            numbers = numbers_at(instance.coordinates[0])
        except ValueError:  # an instance given to reset() that lies elsewhere
            return None
        if not np.array_equal(
            roads(season).road_km[numbers[:, None], numbers], instance.distance[0]
        ):
            return None
        for proven in proven_tours():
            if proven.season == season and sorted(proven.places) == sorted(numbers.tolist()):
                position = {number: k for k, number in enumerate(numbers.tolist())}
                tour = np.array([[position[number] for number in proven.places]])
                return float(self._problem.length(instance, tour)[0])
        return None
