"""The travelling salesman's problem as a Gymnasium environment: choose the next place.

========== ===================================================================================
part       what
========== ===================================================================================
observe    ``coordinates`` [n, 2] in the unit square, ``distances`` [n, n] over the reward
           scale, ``visited`` [n] 0 or 1, ``current`` and ``start`` in 0..n-1; with
           ``observation="flat"`` the same numbers in one float32 vector
action     the place to go to next, in 0..n-1
reward     minus the distance driven over the reward scale (100 km in Iceland, 1 in the unit
           square); the last step of a round trip includes the way home
terminated when every place is visited; or at once, at ``invalid_reward``, when a place is
           visited twice: every invalid episode returns less than every valid one
truncated  never
start      at the start place, which counts as visited: an episode has n - 1 choices
info       ``action_mask`` [n], 1 where a visit is valid; ``tour``, ``tour_km``,
           ``optimal_km`` and ``gap``, -1 and infinite until the end
========== ===================================================================================
"""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from jaxtyping import Bool, UInt8

from hringur.data.tours.instances import FixedInstance
from hringur.envs.single import RENDER_MODES, SingleEnv
from hringur.envs.tours.problem import (
    Observation,
    Optima,
    TourProblem,
    invalid_reward,
    pending,
    relative_gap,
)

Step = tuple[Observation, float, bool, bool, dict[str, Any]]


class TourEnv(SingleEnv):
    """One tour at a time; see the module's table."""

    metadata = {"render_modes": RENDER_MODES, "render_fps": 4}
    time_unit = "place"

    def __init__(self, problem: TourProblem, render_mode: str | None = None) -> None:
        super().__init__(render_mode)
        self.problem, self.sampler, self.round_trip = problem, problem.sampler, problem.round_trip
        self.n_places = problem.n_places
        self.observation_space = problem.observation_space()
        self.action_space = spaces.Discrete(problem.n_places)
        if isinstance(self.sampler, FixedInstance):
            self.action_names = tuple(self.sampler.names(self.sampler.instance))
        self._optima = Optima(problem)
        self._optimal: float | None = None
        self._tour: list[int] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Deal a new instance, or play ``options["instances"]`` from ``options["start"]``."""
        super().reset(seed=seed)
        if options and "instances" in options:
            instances, start = self.problem.given(options, 1)
        else:
            instances, start = self.problem.from_random_rows(
                self.np_random.random((1, self.problem.row_size))
            )
        self.instance = instances
        self._distances = self.problem.scaled(instances)[0]
        self._coordinates = instances.coordinates[0].astype(np.float32)
        self._tour, self._optimal = [int(start[0])], None
        self._begun, self._ended = True, False
        self._visited = np.zeros(self.n_places, dtype=np.int8)
        self._visited[self._tour[0]] = 1
        self._show()
        return self._observe(), self._info()

    def step(self, action: int | np.integer) -> Step:
        """Go to place ``action``; the reward is minus the scaled distance."""
        self._check_running()
        if not self.action_space.contains(action):
            raise gym.error.InvalidAction(
                f"action must be a place in 0..{self.n_places - 1}, got {action!r}"
            )
        place = int(action)
        if self._visited[place]:
            return self._lost()
        reward = -float(self._distances[self._tour[-1], place])
        self._tour.append(place)
        self._visited[place] = 1
        self._ended = len(self._tour) == self.n_places
        if self._ended and self.round_trip:
            reward -= float(self._distances[place, self._tour[0]])  # the way home
        self._show()
        info = self._info() | (self._outcome() if self._ended else {})
        return self._observe(), reward, self._ended, False, info

    def _lost(self) -> Step:
        """A place was visited twice: the episode ends where the traveller stands."""
        self._ended = True
        self._show()
        known = self._optimal is not None or self.problem.compute_optimal
        info = self._info() | ({"optimal_km": self.optimal_km()} if known else {})
        price = invalid_reward(float(self._distances.max()), self.n_places)
        return self._observe(), price, True, False, info

    def _outcome(self) -> dict[str, Any]:
        """How a valid tour went; the optimum is NaN unless it was asked for.

        An invalid episode has a ``tour`` of -1, and infinite ``tour_km`` and ``gap``.
        """
        tour = np.array(self._tour, dtype=np.int64)
        length = float(self.problem.length(self.instance, tour[None])[0])
        known = self._optimal is not None or self.problem.compute_optimal or self.n_places == 2
        optimal = self.optimal_km() if known else float("nan")
        return {
            "tour": tour,
            "tour_km": length,
            "optimal_km": optimal,
            "gap": relative_gap(length, optimal),
        }

    def optimal_km(self) -> float:
        """The exact optimum of the instance at hand [the sampler's unit]; solved once."""
        self._check_begun("optimal_km")
        if self._optimal is None:
            self._optimal = self._optima.length(self.instance, self._tour[0])
        return self._optimal

    def action_masks(self) -> Bool[np.ndarray, " N"]:
        """True where a visit is valid (the convention of sb3-contrib's MaskablePPO)."""
        self._check_begun("action_masks")
        return self._visited == 0

    def _info(self) -> dict[str, Any]:
        return {"action_mask": 1 - self._visited} | pending(self.n_places)

    def _observe(self) -> Observation:
        observation = {
            "coordinates": self._coordinates.copy(),
            "distances": self._distances.copy(),
            "visited": self._visited.copy(),
            "current": np.int64(self._tour[-1]),
            "start": np.int64(self._tour[0]),
        }
        return self.problem.seen(observation)

    def _frame(self) -> UInt8[np.ndarray, "height width 3"]:
        from hringur.envs.tours.drawing import frame  # matplotlib is paid for only when rendering

        finished = self._ended and len(self._tour) == self.n_places
        return frame(self.problem, self.instance, self._tour, finished)
