"""Many tours side by side, step for step the same as ``SyncVectorEnv`` of ``TourEnv``.

``coordinates`` and ``distances`` are the same read-only arrays for as long as nobody is dealt a
new instance; everything else that a step returns is new. Resetting loops once over the
environments, as each has a random generator of its own; steps have no loop.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jaxtyping import Bool, Float64, Int, UInt8

from hringur.envs.tours.batch import Episodes
from hringur.envs.tours.dealt import Dealt
from hringur.envs.tours.problem import Optima, TourProblem, relative_gap
from hringur.types import Instances, State, UserError

Observation = dict[str, np.ndarray]
Info = dict[str, Any]
Seeds = int | Sequence[int | None] | None
VectorStep = tuple[
    Observation,
    Float64[np.ndarray, " B"],
    Bool[np.ndarray, " B"],
    Bool[np.ndarray, " B"],
    Info,
]


class TourVectorEnv(VectorEnv):
    """B tours at a time; observation, action and reward as in ``tour_env``."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}

    def __init__(
        self,
        problem: TourProblem,
        num_envs: int,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        if num_envs < 1:
            raise UserError(f"num_envs must be at least 1, got {num_envs}")
        if render_mode not in (None, "rgb_array"):
            raise UserError(
                f"render_mode of many environments must be None or rgb_array, got {render_mode!r}"
            )
        self.problem, self.num_envs, self.render_mode = problem, num_envs, render_mode
        self.sampler, self.round_trip = problem.sampler, problem.round_trip
        self.n_places = problem.n_places
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = type(self).metadata | {"autoreset_mode": self.autoreset_mode}
        self.single_observation_space = problem.observation_space()
        self.single_action_space = gym.spaces.Discrete(self.n_places)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._optima = Optima(problem)
        self._generators: list[np.random.Generator] = []
        self._seeds: list[int] = []
        self._episodes: Episodes | None = None
        self._ended = np.zeros(num_envs, dtype=bool)
        self._some_ended = False

    def reset(
        self, *, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Deal new instances, or play ``options["instances"]`` from ``options["start"]``.

        Environment i is seeded with ``seed + i``, or with ``seed[i]``. With
        ``options["reset_mask"]`` only those environments start again; the options' instances are
        then as many as these.
        """
        options = options or {}
        chosen = self._chosen(options.get("reset_mask"))
        self._seed(seed, chosen)
        rows = np.flatnonzero(chosen)
        given = self.problem.given(options, len(rows)) if "instances" in options else None
        self._begin(rows, given)
        self._ended = self._ended & ~chosen
        self._some_ended = bool(self._ended.any())
        mask = self._mask()
        mask[~chosen] = 0
        return self._observe(), {"action_mask": mask, "_action_mask": chosen}

    def step(self, actions: Int[np.ndarray, " B"] | Sequence[int]) -> VectorStep:
        """Everybody goes to their next place; who has ended starts again as the mode says."""
        episodes, before = self._playing, self._playing.current
        restart = self._ended if self._some_ended else None
        way, repeated = episodes.move(self._checked(actions, restart))
        reward = np.negative(way, out=way)
        if restart is None and episodes.clock < episodes.first_end and not repeated.any():
            ended = np.zeros(self.num_envs, dtype=bool)
            info: Info = {}
        else:
            ended, info = self._settle(before, repeated, restart, reward)
        info["action_mask"] = self._mask()
        info["_action_mask"] = np.ones(self.num_envs, dtype=bool)
        return self._observe(), reward, ended, np.zeros(self.num_envs, dtype=bool), info

    def _settle(
        self,
        before: np.ndarray,
        repeated: np.ndarray,
        restart: np.ndarray | None,
        reward: np.ndarray,
    ) -> tuple[np.ndarray, Info]:
        """A step in which somebody ends or starts again; ``reward`` is put right in place."""
        episodes = self._playing
        if restart is not None:
            repeated = repeated & ~restart
            reward[restart] = 0.0
        finished = episodes.complete() & ~repeated
        if restart is not None:
            finished &= ~restart
        if repeated.any():
            episodes.stay(repeated, before)
            reward[repeated] = episodes.price(np.flatnonzero(repeated))
        if self.round_trip and finished.any():
            reward[finished] -= episodes.way_home(np.flatnonzero(finished))
        ended = finished | repeated
        some_ended = bool(ended.any())
        info = self._outcome(finished, repeated) if some_ended else {}
        if restart is not None:
            self._begin(np.flatnonzero(restart))
        if some_ended and self.autoreset_mode is AutoresetMode.SAME_STEP:
            info = self._final(ended, info)
            self._begin(np.flatnonzero(ended))
            self._ended, self._some_ended = np.zeros(self.num_envs, dtype=bool), False
        else:
            self._ended, self._some_ended = ended.copy(), some_ended
        return ended, info

    def _outcome(self, finished: np.ndarray, repeated: np.ndarray) -> Info:
        """As the single environment tells it, for those that have ended."""
        episodes, ended, done = self._playing, finished | repeated, np.flatnonzero(finished)
        tour = np.zeros((self.num_envs, self.n_places), dtype=np.int64)
        tour[repeated] = -1
        length, gap = np.where(repeated, np.inf, 0.0), np.where(repeated, np.inf, 0.0)
        if self.problem.compute_optimal:
            episodes.solve(np.flatnonzero(ended))
        elif self.n_places == 2:
            episodes.solve(done)
        if len(done):
            tour[done] = episodes.tours(done)
            length[done] = episodes.dealt.lengths(done, tour[done])
            gap[done] = relative_gap(length[done], episodes.optimal[done])
        info: Info = {"tour": tour, "_tour": ended}
        info |= {"tour_km": length, "_tour_km": ended.copy(), "gap": gap, "_gap": ended.copy()}
        told = finished | (repeated & np.isfinite(episodes.optimal))
        if told.any():
            info["optimal_km"] = np.where(told, episodes.optimal, 0.0)
            info["_optimal_km"] = told
        return info

    def _final(self, ended: np.ndarray, outcome: Info) -> Info:
        """The last observations and infos, set aside for the mode SAME_STEP."""
        observation, mask = self._observe(), self._mask()
        mask[~ended] = 0
        last = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(ended):
            last[row] = {name: value[row].copy() for name, value in observation.items()}
        info = outcome | {"action_mask": mask, "_action_mask": ended.copy()}
        final = {"final_obs": last, "_final_obs": ended.copy()}
        return final | {"final_info": info, "_final_info": ended.copy()}

    def _begin(self, rows: np.ndarray, given: tuple[Instances, np.ndarray] | None = None) -> None:
        """Deal to those in ``rows``, unless their instances are given, and let them start."""
        if given is None:
            numbers = np.empty((len(rows), self.problem.row_size))
            for row, out in zip(rows.tolist(), numbers, strict=True):
                self._generators[row].random(out=out)
            dealt = Dealt.from_random_rows(self.problem, numbers)
            start = self.problem.start_from_random_rows(numbers)
        else:
            dealt, start = Dealt(self.problem, whole=given[0]), given[1]
        if len(rows) == self.num_envs:
            self._episodes = Episodes(self.problem, self._optima, dealt, start)
        else:
            self._playing.begin_again(rows, dealt, start)

    def _checked(self, actions: Any, restart: np.ndarray | None) -> np.ndarray:
        """A copy of the actions; of those that start again, any choice is ignored."""
        if restart is not None and self.autoreset_mode is AutoresetMode.DISABLED:
            raise gym.error.ResetNeeded(
                "episodes have ended: call reset(options={'reset_mask': ...}) for them"
            )
        place = np.array(actions)
        if place.dtype.kind not in "iu" or place.shape != (self.num_envs,):
            raise gym.error.InvalidAction(
                f"actions must be {self.num_envs} whole numbers, got {place.dtype} {place.shape}"
            )
        place = place.astype(np.int64, copy=False)
        if restart is not None:
            place[restart] = self._playing.current[restart]
        if place.view(np.uint64).max() >= self.n_places:  # negative ones are huge, seen so
            raise gym.error.InvalidAction(
                f"actions must be places in 0..{self.n_places - 1}, "
                f"got {place.min()}..{place.max()}"
            )
        return place

    def _chosen(self, reset_mask: Any) -> np.ndarray:
        """Which environments a reset is for."""
        if reset_mask is None:
            return np.ones(self.num_envs, dtype=bool)
        mask = np.array(reset_mask)
        if mask.dtype != bool or mask.shape != (self.num_envs,) or not mask.any():
            raise UserError(
                f"reset_mask must be {self.num_envs} truth values, at least one of them True, "
                f"got {mask.dtype} {mask.shape}"
            )
        if self._episodes is None and not mask.all():
            raise gym.error.ResetNeeded("the first reset() must be of all environments")
        return mask

    def _seed(self, seed: Seeds, chosen: np.ndarray) -> None:
        if seed is None:
            if self._generators:
                return
            seed = [None] * self.num_envs
        elif isinstance(seed, int | np.integer):
            seed = [int(seed) + index for index in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise UserError(f"seed must be one or {self.num_envs} numbers, got {len(seed)}")
        if not self._generators:
            fresh = [seeding.np_random(one) for one in seed]
            self._generators = [generator for generator, _ in fresh]
            self._seeds = [one for _, one in fresh]
            return
        for row in np.flatnonzero(chosen).tolist():
            if (one := seed[row]) is not None:
                self._generators[row], self._seeds[row] = seeding.np_random(one)

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The random generator of each environment."""
        self._seed(None, np.ones(self.num_envs, dtype=bool))
        return tuple(self._generators)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of each environment's random generator."""
        self._seed(None, np.ones(self.num_envs, dtype=bool))
        return tuple(self._seeds)

    def state_dict(self) -> State:
        """Episodes under way and random generators, as arrays, numbers and strings."""
        return {
            "seeds": list(self._seeds),
            "generators": [generator.bit_generator.state for generator in self._generators],
            "ended": self._ended.copy(),
            "episodes": None if self._episodes is None else self._episodes.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``, which an environment of the same kind and number gave.

        Raises:
            UserError: it is of another number of environments.
        """
        if len(state["ended"]) != self.num_envs:
            raise UserError(
                f"the state is of {len(state['ended'])} environments, there are {self.num_envs}"
            )
        self._seeds = list(state["seeds"])
        self._generators = [np.random.Generator(np.random.PCG64(0)) for _ in self._seeds]
        for generator, its in zip(self._generators, state["generators"], strict=True):
            generator.bit_generator.state = its
        self._ended = state["ended"].copy()
        self._some_ended = bool(self._ended.any())
        self._episodes = None
        if state["episodes"] is not None:
            self._episodes = Episodes.from_state(self.problem, self._optima, state["episodes"])

    @property
    def _playing(self) -> Episodes:
        if self._episodes is None:
            raise gym.error.ResetNeeded("call reset() first")
        return self._episodes

    def optimal_km(self) -> Float64[np.ndarray, " B"]:
        """The exact optimum of each instance at hand [the sampler's unit]; solved once."""
        self._playing.solve(np.arange(self.num_envs))
        return self._playing.optimal.copy()

    def action_masks(self) -> Bool[np.ndarray, "B N"]:
        """True where a visit is valid."""
        return self._playing.visited == 0

    def _mask(self) -> np.ndarray:
        return 1 - self._playing.visited

    def _observe(self) -> Observation:
        episodes = self._playing
        return {
            "coordinates": episodes.coordinates,
            "distances": episodes.distances,
            "visited": episodes.visited.copy(),
            "current": episodes.current.copy(),
            "start": episodes.start.copy(),
        }

    def render(self) -> tuple[UInt8[np.ndarray, "height width 3"], ...] | None:
        """One map for each environment."""
        if self.render_mode is None:
            gym.logger.warn("render() needs a render_mode: make_vec(..., render_mode='rgb_array')")
            return None
        from hringur.envs.tours.drawing import frame  # matplotlib is paid for only when rendering

        frames = []
        for row, ended in enumerate(self._ended.tolist()):
            tour = self._playing.so_far(row)
            instance = self._playing.dealt.some(np.array([row]))
            frames.append(frame(self.problem, instance, tour, ended and len(tour) == self.n_places))
        return tuple(frames)
