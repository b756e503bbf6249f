"""The travelling salesman's problem as a Gymnasium environment: choose the next place.

========== ===================================================================================
part       what
========== ===================================================================================
observe    ``coordinates`` [n, 2] in the unit square, ``distances`` [n, n] over the reward
           scale, ``visited`` [n] 0 or 1, ``current`` and ``start`` in 0..n-1
action     the place to go to next, in 0..n-1
reward     minus the distance driven over the reward scale (100 km in Iceland, 1 in the unit
           square); the last step of a round trip includes the way home
terminated when every place is visited; or at once, at ``invalid_reward``, when a place is
           visited twice: every invalid episode returns less than every valid one
truncated  never
start      at the start place, which counts as visited: an episode has n - 1 choices
info       ``action_mask`` [n], 1 where a visit is valid; at the end ``tour``, ``tour_km``,
           ``optimal_km`` and ``gap``, see ``TourEnv._outcome``
========== ===================================================================================
"""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from jaxtyping import Bool, UInt8

from hringur.envs.tours.problem import Optima, TourProblem, invalid_reward, relative_gap
from hringur.types import UserError

RENDER_MODES = ["human", "rgb_array"]
Observation = dict[str, Any]
Step = tuple[Observation, float, bool, bool, dict[str, Any]]


class TourEnv(gym.Env):
    """One tour at a time; see the module's table."""

    metadata = {"render_modes": RENDER_MODES, "render_fps": 4}

    def __init__(self, problem: TourProblem, render_mode: str | None = None) -> None:
        if render_mode not in (None, *RENDER_MODES):
            raise UserError(
                f"render_mode must be None or one of {', '.join(RENDER_MODES)}, got {render_mode!r}"
            )
        self.problem, self.render_mode = problem, render_mode
        self.sampler, self.round_trip = problem.sampler, problem.round_trip
        self.n_places = problem.n_places
        self.observation_space = problem.observation_space()
        self.action_space = spaces.Discrete(problem.n_places)
        self._optima = Optima(problem)
        self._optimal: float | None = None
        self._tour: list[int] = []
        self._ended = True
        self._window: Any = None
        if render_mode == "human":
            from hringur.envs.window import Window

            self._window = Window()  # refuses here, not at the first frame, if pygame is missing

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
        self._tour, self._ended, self._optimal = [int(start[0])], False, None
        self._visited = np.zeros(self.n_places, dtype=np.int8)
        self._visited[self._tour[0]] = 1
        self._show()
        return self._observe(), {"action_mask": 1 - self._visited}

    def step(self, action: int | np.integer) -> Step:
        """Go to place ``action``; the reward is minus the scaled distance."""
        if self._ended:
            raise gym.error.ResetNeeded("call reset() before step()")
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
        info = {"action_mask": 1 - self._visited}
        return (
            self._observe(),
            reward,
            self._ended,
            False,
            info | (self._outcome() if self._ended else {}),
        )

    def _lost(self) -> Step:
        """A place was visited twice: the episode ends where the traveller stands."""
        self._ended = True
        self._show()
        info: dict[str, Any] = {"action_mask": 1 - self._visited}
        info["tour"] = np.full(self.n_places, -1, dtype=np.int64)
        info["tour_km"] = info["gap"] = float("inf")
        if self._optimal is not None or self.problem.compute_optimal:
            info["optimal_km"] = self.optimal_km()
        price = invalid_reward(float(self._distances.max()), self.n_places)
        return self._observe(), price, True, False, info

    def _outcome(self) -> dict[str, Any]:
        """How a valid tour went; the optimum is NaN unless it was asked for.

        An invalid episode has a ``tour`` of -1, infinite ``tour_km`` and ``gap``, and
        ``optimal_km`` only if it is known.
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
        if not self._tour:
            raise gym.error.ResetNeeded("call reset() before optimal_km()")
        if self._optimal is None:
            self._optimal = self._optima.length(self.instance, self._tour[0])
        return self._optimal

    def action_masks(self) -> Bool[np.ndarray, " N"]:
        """True where a visit is valid (the convention of sb3-contrib's MaskablePPO)."""
        if not self._tour:
            raise gym.error.ResetNeeded("call reset() before action_masks()")
        return self._visited == 0

    def _observe(self) -> Observation:
        return {
            "coordinates": self._coordinates.copy(),
            "distances": self._distances.copy(),
            "visited": self._visited.copy(),
            "current": np.int64(self._tour[-1]),
            "start": np.int64(self._tour[0]),
        }

    def render(self) -> UInt8[np.ndarray, "height width 3"] | None:
        """The map so far, as pixels (``rgb_array``) or in a window (``human``)."""
        if self.render_mode is None:
            gym.logger.warn("render() needs a render_mode: gymnasium.make(..., render_mode=...)")
            return None
        if not self._tour:
            raise gym.error.ResetNeeded("call reset() before render()")
        if self.render_mode == "human":
            self._show()
            return None
        return self._frame()

    def _frame(self) -> UInt8[np.ndarray, "height width 3"]:
        from hringur.envs.tours.drawing import frame  # matplotlib is paid for only when rendering

        finished = self._ended and len(self._tour) == self.n_places
        return frame(self.problem, self.instance, self._tour, finished)

    def _show(self) -> None:
        if self._window is not None:
            self._window.show(self._frame(), self.metadata["render_fps"])

    def close(self) -> None:
        """Close the window, if there is one; closing twice is fine."""
        if self._window is not None:
            self._window.close()

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the window, which cannot be pickled: a copy plays on without one."""
        return self.__dict__ | {"_window": None}
