"""``BuildNetwork-v0``: which graph should I construct?

Towns of Iceland are joined by a network, one connection after the other, over as few road
kilometres as possible.

========== ===================================================================================
part       what
========== ===================================================================================
observe    ``length`` [E] of each possible connection over 100 km; ``joined`` [E], 1 where its
           ends are joined already; ``coordinates`` [N, 2] in the unit square
action     the connection to build, by its number in 0..E - 1; E = N (N - 1) / 2 pairs i < j
reward     minus the kilometres of the connection over 100
terminated when all towns are joined; or at once, at minus N times the longest connection, when
           the ends of a connection were joined already
truncated  never
start      no connection; ``towns`` towns, different in every episode, and ``steiner_points`` other
           places that may be joined but need not be
info       ``action_mask`` [E], 1 where a connection may be built; at the end ``network_km``,
           ``valid_percent`` and, with ``compute_optimal``, ``shortest_km`` and ``optimal_return``:
           the minimum spanning tree, or the exact Steiner tree
========== ===================================================================================

Distances are the shortest by road, so that a connection may run along another one. Kilometres are
those of the table of roads (docs/data.md).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from gymnasium import spaces
from jaxtyping import Bool, Float64, Int64, UInt8

from hringur.data.tours.iceland import check_season, coordinates, places, roads
from hringur.data.tours.place_sets import place_set
from hringur.envs.factories import factory
from hringur.envs.questions.env import QuestionEnv, QuestionVectorEnv
from hringur.envs.questions.question import Episodes, Question
from hringur.references.questions.networks import steiner_tree_length
from hringur.types import UserError

SCALE_KM = 100.0
MOST_STEINER_POINTS = 6
"""The optimum tries all subsets of them."""


@dataclass(frozen=True, kw_only=True)
class BuildNetwork(Question):
    """Join towns by as few kilometres as possible.

    Raises:
        UserError: an option is out of range.
    """

    towns: int = 10
    steiner_points: int = 0
    season: str = "summer"
    compute_optimal: bool = False
    time_unit = "connection"

    def __post_init__(self) -> None:
        check_season(self.season)
        for name, least, most in (
            ("towns", 2, len(self._towns)),
            ("steiner_points", 0, MOST_STEINER_POINTS),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise UserError(f"{name} must be in {least}..{most}, got {value}")

    @cached_property
    def _towns(self) -> list[int]:
        return place_set("towns", check_season(self.season))

    @cached_property
    def _others(self) -> list[int]:
        """Places that may serve as Steiner points: those that are no towns."""
        reachable = roads(check_season(self.season)).reachable
        return [number for number in reachable if places()[number].kind != "town"]

    @property
    def n_places(self) -> int:
        """N, towns and Steiner points."""
        return self.towns + self.steiner_points

    @cached_property
    def pairs(self) -> Int64[np.ndarray, "2 E"]:
        """Ends i < j of each connection."""
        return np.stack(np.triu_indices(self.n_places, 1))

    @property
    def length(self) -> int:  # type: ignore[override]
        """A tree over N places has N - 1 connections."""
        return self.n_places - 1

    @property
    def row_size(self) -> int:  # type: ignore[override]
        """A number for every place that could be drawn."""
        return len(self._towns) + (len(self._others) if self.steiner_points else 0)

    @property
    def action_space(self) -> spaces.Discrete:  # type: ignore[override]
        """One action for each connection."""
        return spaces.Discrete(self.pairs.shape[1])

    @property
    def allowed_actions(self) -> str:  # type: ignore[override]
        """For messages."""
        return f"a connection in 0..{self.pairs.shape[1] - 1}"

    @property
    def action_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Both ends of each connection, as numbered in the observation."""
        return tuple(f"{i}-{j}" for i, j in self.pairs.T.tolist())

    def observation_space(self) -> spaces.Space:
        """Of one environment."""
        n, connections = self.n_places, self.pairs.shape[1]
        table = roads(check_season(self.season)).road_km
        longest = float(table[np.isfinite(table)].max()) / SCALE_KM
        return spaces.Dict(
            {
                "length": spaces.Box(0.0, longest, (connections,), np.float32),
                "joined": spaces.MultiBinary(connections),
                "coordinates": spaces.Box(0.0, 1.0, (n, 2), np.float32),
            }
        )

    def begin(self, numbers: Float64[np.ndarray, "B R"]) -> Episodes:
        """Towns, then Steiner points: those with the smallest random numbers."""
        count = len(self._towns)
        drawn = np.array(self._towns)[np.argsort(numbers[:, :count], axis=1)[:, : self.towns]]
        if self.steiner_points:
            order = np.argsort(numbers[:, count:], axis=1)[:, : self.steiner_points]
            drawn = np.concatenate([drawn, np.array(self._others)[order]], axis=1)
        batch, connections = len(numbers), self.pairs.shape[1]
        return {
            "places": drawn,
            "km": roads(check_season(self.season)).road_km[drawn[:, :, None], drawn[:, None]],
            "part": np.tile(np.arange(self.n_places), (batch, 1)),
            "built": np.zeros((batch, connections), dtype=bool),
            "valid": np.ones(batch, dtype=bool),
        }

    def act(
        self, episodes: Episodes, actions: np.ndarray
    ) -> tuple[Float64[np.ndarray, " B"], Bool[np.ndarray, " B"]]:
        """Build the connections."""
        rows, part = np.arange(len(actions)), episodes["part"]
        i, j = self.pairs[:, actions]
        km = episodes["km"][rows, i, j]
        one, other = part[rows, i], part[rows, j]
        episodes["valid"] = one != other
        episodes["built"][rows, actions] = True
        episodes["part"] = np.where(part == other[:, None], one[:, None], part)
        reward = -km / SCALE_KM
        lost = ~episodes["valid"]
        reward[lost] = -self.n_places * episodes["km"][lost].max(axis=(1, 2)) / SCALE_KM
        return reward, lost | self._whole(episodes["part"])

    def _whole(self, part: Int64[np.ndarray, "B N"]) -> Bool[np.ndarray, " B"]:
        """Whether all towns are joined."""
        return (part[:, : self.towns] == part[:, :1]).all(axis=1)

    def allowed(self, episodes: Episodes) -> Bool[np.ndarray, "B E"]:
        """Connections whose ends are not joined yet."""
        i, j = self.pairs
        return episodes["part"][:, i] != episodes["part"][:, j]

    def observe(self, episodes: Episodes) -> dict[str, np.ndarray]:
        """Lengths, what is joined, and where the places lie."""
        i, j = self.pairs
        return {
            "length": (episodes["km"][:, i, j] / SCALE_KM).astype(np.float32),
            "joined": (~self.allowed(episodes)).astype(np.int8),
            "coordinates": coordinates()[episodes["places"]].astype(np.float32),
        }

    def optimal(self, episodes: Episodes) -> Float64[np.ndarray, " B"]:
        """Minus the shortest network."""
        return -steiner_tree_length(episodes["km"], self.towns) / SCALE_KM

    def figures(self, episodes: Episodes) -> dict[str, Float64[np.ndarray, " B"]]:
        """Kilometres built, and whether every connection joined something."""
        i, j = self.pairs
        told = {
            "network_km": (episodes["km"][:, i, j] * episodes["built"]).sum(axis=1),
            "valid_percent": 100.0 * episodes["valid"],
        }
        if self.compute_optimal:
            told["shortest_km"] = steiner_tree_length(episodes["km"], self.towns)
        return told

    def draw(self, episode: Episodes) -> UInt8[np.ndarray, "height width 3"]:
        """The network so far on the map of Iceland."""
        from hringur.envs.questions.drawing import draw_network

        built = [tuple(pair) for pair in self.pairs[:, episode["built"][0]].T.tolist()]
        return draw_network(episode["places"][0], built, self.towns, check_season(self.season))


build_network = factory(BuildNetwork, QuestionEnv)
build_network_vec = factory(BuildNetwork, QuestionVectorEnv)
