"""A question as a Gymnasium environment: many episodes side by side, or one as a batch of 1.

At the end ``info`` has the question's figures and, with ``compute_optimal``, the best policy's
return on the same episode as ``optimal_return``; before that they are infinite. Where not every
action is allowed, ``info["action_mask"]`` has 1 for those that are.
"""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from jaxtyping import Bool, UInt8

from hringur.envs.questions.question import Episodes, Question
from hringur.envs.single import RENDER_MODES, SingleEnv
from hringur.envs.vector import FixedLengthVectorEnv, Info
from hringur.types import State

FRAMES_PER_SECOND = 2
Step = tuple[Any, float, bool, bool, Info]


class QuestionVectorEnv(FixedLengthVectorEnv):
    """B episodes at a time, step for step the same as ``SyncVectorEnv`` of ``QuestionEnv``."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": FRAMES_PER_SECOND}
    truncates = False

    def __init__(
        self,
        problem: Question,
        num_envs: int,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        space = problem.observation_space()
        actions = problem.action_space
        self.problem, self.allowed_actions = problem, problem.allowed_actions
        self.action_names, self.time_unit = problem.action_names, problem.time_unit
        self._episodes: Episodes = problem.begin(np.zeros((num_envs, problem.row_size)))
        super().__init__(problem.length, space, actions, num_envs, render_mode, autoreset_mode)

    def _begin_episodes(self, rows: np.ndarray, options: Info) -> None:
        numbers = np.empty((len(rows), self.problem.row_size))
        for row, out in zip(rows.tolist(), numbers, strict=True):
            self._generators.of[row].random(out=out)
        _, first, same = np.unique(numbers[:, 0], return_index=True, return_inverse=True)
        if not (numbers == numbers[first][same]).all():
            first = same = np.arange(len(rows))
        numbers = numbers[first]  # those of equal seeds are drawn once
        for name, column in self.problem.begin(numbers).items():
            self._episodes[name][rows] = column[same]

    def _advance(
        self, actions: np.ndarray, finished: np.ndarray | None, restart: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        reward, ended = self.problem.act(self._episodes, actions)
        if restart is not None:
            reward[restart], ended[restart] = 0.0, False
        return reward, ended if finished is None else ended | finished

    def _pending(self) -> Info:
        names = [*self.problem.figures(self._episodes)]
        names += ["optimal_return"] * self.problem.compute_optimal
        return {name: np.array([np.inf]) for name in names}

    def _outcome(self, ended: Bool[np.ndarray, " B"]) -> Info:
        over = _some(self._episodes, np.flatnonzero(ended))  # searches are for these alone
        told = dict(self.problem.figures(over))
        if self.problem.compute_optimal:
            told["optimal_return"] = self.problem.optimal(over)
        info: Info = {}
        for name, values in told.items():
            info[name] = np.zeros(self.num_envs)
            info[name][ended] = values
        return info

    def _observe(self) -> Any:
        return self.problem.observe(self._episodes)

    def _info(self, rows: Bool[np.ndarray, " B"] | None = None) -> Info:
        allowed = self.problem.allowed(self._episodes)
        if allowed is None:
            return {}
        told = np.ones(self.num_envs, dtype=bool) if rows is None else rows.copy()
        return {
            "action_mask": (allowed & told[:, None]).astype(np.int8),
            "_action_mask": told,
        }

    def action_masks(self) -> Bool[np.ndarray, "B A"]:
        """True where an action is allowed (the convention of sb3-contrib's MaskablePPO)."""
        self._check_begun("action_masks")
        allowed = self.problem.allowed(self._episodes)
        if allowed is None:  # all of them always are
            return np.ones((self.num_envs, int(self._choices.sum())), dtype=bool)
        return allowed

    def _idle_actions(self) -> np.ndarray:
        """The first action that is allowed."""
        allowed = self.problem.allowed(self._episodes)
        if allowed is not None:
            return allowed.argmax(axis=1)
        return np.zeros(self.action_space.shape, dtype=np.int64)  # type: ignore[arg-type]

    def state_dict(self) -> State:
        """Episodes under way and random generators, as arrays."""
        self._check_begun("state_dict")
        return {
            "generators": self._generators.state_dict(),
            "episodes": {name: column.copy() for name, column in self._episodes.items()},
            "steps": self._steps.copy(),
            "ended": self._ended.copy(),
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from what ``state_dict`` of an environment of the same kind gave.

        Raises:
            UserError: it was of another number of environments.
        """
        self._check_state(len(state["ended"]))
        self._generators.load_state_dict(state["generators"])
        self._episodes = {name: column.copy() for name, column in state["episodes"].items()}
        self._begun = True
        self._steps, self._left = state["steps"].copy(), 0
        self._set_ended(state["ended"].copy())

    def follow(self, generator: np.random.Generator) -> None:
        """Draw the episodes of a batch of 1 from this generator from now on."""
        self._generators.of, self._generators.seeds = [generator], [0]

    def frame(self) -> UInt8[np.ndarray, "height width 3"]:
        """The picture of the first environment."""
        return self._frame(0)

    def _frame(self, row: int) -> UInt8[np.ndarray, "height width 3"]:
        return self.problem.draw(_some(self._episodes, np.array([row])))


class QuestionEnv(SingleEnv):
    """One episode at a time: a batch of 1 without its axis."""

    metadata = {"render_modes": RENDER_MODES, "render_fps": FRAMES_PER_SECOND}

    def __init__(self, problem: Question, render_mode: str | None = None) -> None:
        super().__init__(render_mode)
        self.problem = problem
        self.action_names, self.time_unit = problem.action_names, problem.time_unit
        self.observation_space = problem.observation_space()
        self.action_space = problem.action_space
        self._one = QuestionVectorEnv(problem, 1, autoreset_mode=AutoresetMode.DISABLED)

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Any, Info]:
        """Begin a new episode."""
        super().reset(seed=seed)
        self._one.follow(self.np_random)
        observation, info = self._one.reset()
        self._begun = True
        self._show()
        return _first(observation), _first_info(info)

    def step(self, action: Any) -> Step:
        """Take one action."""
        if not self.action_space.contains(action):
            allowed = self.problem.allowed_actions
            raise gym.error.InvalidAction(f"action must be {allowed}, got {action!r}")
        observation, reward, ended, _, info = self._one.step(np.array([action]))
        self._show()
        return _first(observation), float(reward[0]), bool(ended[0]), False, _first_info(info)

    def action_masks(self) -> Bool[np.ndarray, " A"]:
        """True where an action is allowed (the convention of sb3-contrib's MaskablePPO)."""
        return self._one.action_masks()[0]

    def _frame(self) -> UInt8[np.ndarray, "height width 3"]:
        return self._one.frame()


def _some(episodes: Episodes, rows: np.ndarray) -> Episodes:
    return {name: column[rows] for name, column in episodes.items()}


def _first(batch: Any) -> Any:
    """The first row of a batch of observations."""
    if isinstance(batch, dict):
        return {name: _first(value) for name, value in batch.items()}
    return batch[0]


def _first_info(info: Info) -> Info:
    """The info of the first environment, without the marks of who has any."""
    told = {name: value[0] for name, value in info.items() if not name.startswith("_")}
    present = {name: value for name, value in told.items() if info[f"_{name}"][0]}
    return {name: float(value) if np.ndim(value) == 0 else value for name, value in present.items()}
