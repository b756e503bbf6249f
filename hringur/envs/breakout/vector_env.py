"""Many games side by side on ALE's own vector environment, step for step as the single one.

The emulators run in threads of C++ and hand over whole batches of observations; what is added
here is a handful of calls on arrays of length B. Clipping and lost lives are ours, as ALE's own
would hide the score, and would start the whole game again after each life.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jaxtyping import Bool, Float64, Int, UInt8

from hringur.envs.breakout.game import (
    ACTION_NAMES,
    FIRE_HELD,
    RESEED_AFTER,
    SEEDS,
    WAIT,
    BreakoutOptions,
    emulators,
)
from hringur.envs.breakout.log import ActionLog, replay
from hringur.envs.vector import Generators, Seeds, chosen_rows
from hringur.types import State, UserError

Info = dict[str, Any]
Observation = UInt8[np.ndarray, "B stack size size"]
VectorStep = tuple[
    Observation,
    Float64[np.ndarray, " B"],
    Bool[np.ndarray, " B"],
    Bool[np.ndarray, " B"],
    Info,
]


def breakout_vec(
    num_envs: int = 1,
    frame_skip: int = 4,
    sticky: float = 0.25,
    frame_size: int = 84,
    stack: int = 4,
    max_pool: bool = True,
    noop_max: int = 0,
    clip_reward: bool = False,
    life_loss: bool = False,
    max_frames: int = 108_000,
    render_mode: str | None = None,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    max_episode_steps: int | None = None,
    num_threads: int = 0,
) -> "BreakoutVector":
    """Many environments side by side, with the options of one.

    ``num_threads`` 0 takes one for each core. ``max_episode_steps``, which ``gymnasium.make_vec``
    hands on, counts decisions of a game.

    Raises:
        UserError: an option is out of range, or ale-py or its cartridge is missing.
    """
    if max_episode_steps is not None:
        if max_episode_steps < 1:
            raise UserError(f"max_episode_steps must be at least 1, got {max_episode_steps}")
        max_frames = min(max_frames, max_episode_steps * frame_skip)
    options = BreakoutOptions(
        frame_skip=frame_skip,
        sticky=sticky,
        frame_size=frame_size,
        stack=stack,
        max_pool=max_pool,
        noop_max=noop_max,
        clip_reward=clip_reward,
        life_loss=life_loss,
        max_frames=max_frames,
    )
    if render_mode is not None:
        raise UserError("many games have no render_mode: make a single one to look on")
    return BreakoutVector(options, num_envs, autoreset_mode, num_threads)


class BreakoutVector(VectorEnv):
    """B games at a time; observation, action, reward and info as in ``breakout``."""

    action_names = ACTION_NAMES

    def __init__(
        self,
        options: BreakoutOptions,
        num_envs: int,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        num_threads: int = 0,
    ) -> None:
        if num_envs < 1:
            raise UserError(f"num_envs must be at least 1, got {num_envs}")
        if num_threads < 0:
            raise UserError(f"num_threads must be 0 or more, got {num_threads}")
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        if self.autoreset_mode is AutoresetMode.DISABLED:
            raise UserError("autoreset_mode of Breakout must be NextStep or SameStep, got Disabled")
        self.options, self.num_envs = options, num_envs
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = options.observation_space()
        self.single_action_space = gym.spaces.Discrete(3)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._ale = emulators(options, num_envs, self.autoreset_mode, num_threads)
        self._generators, self._log = Generators(num_envs), ActionLog(num_envs)
        self._buttons, self._strength = np.array(FIRE_HELD), [1.0] * num_envs
        self._begun = False
        self._lives, self._score, self._decisions = (
            np.zeros(num_envs, dtype=np.int64) for _ in range(3)
        )
        # With NEXT_STEP, those that ended in the last step: the episode, and the whole game.
        self._restarting, self._game_over = (np.zeros(num_envs, dtype=bool) for _ in range(2))

    def reset(
        self, *, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """New games, from seeds that each environment's own generator draws.

        Environment i is seeded with ``seed + i``, or with ``seed[i]``. With
        ``options["reset_mask"]`` only those environments start again.
        """
        chosen = chosen_rows((options or {}).get("reset_mask"), self.num_envs, self._begun)
        self._generators.seed(seed, chosen)
        self._begun = True
        observation = self._insert(np.flatnonzero(chosen))
        self._restarting &= ~chosen
        self._game_over &= ~chosen
        return observation, self._info(self._game_over)

    def step(self, actions: Int[np.ndarray, " B"] | Sequence[int]) -> VectorStep:
        """Everybody holds a button for ``frame_skip`` frames; who ended starts again."""
        if not self._begun:
            raise gym.error.ResetNeeded("call reset() before step()")
        restarting, new = self._restarting, self._game_over
        action = self._checked(actions, restarting)
        self._log.append(action)
        observation, points, lost, cut, lives = self._act(self._buttons.take(action).tolist())
        self._decisions += ~new
        self._score *= ~new
        self._score += points
        over = lost | cut
        life_lost = (lives < self._lives) & (lives > 0) & ~cut & ~new
        terminated = lost | life_lost if self.options.life_loss else lost
        reward = points.astype(np.float64)
        if self.options.clip_reward:
            reward.clip(-1.0, 1.0, out=reward)
        reward[restarting] = 0.0
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            observation, info = self._start_at_once(observation, terminated, lost, cut, lives)
            return observation, reward, terminated, cut, info
        self._lives, self._game_over, self._restarting = lives, over, terminated | cut
        observation = self._reseed(new, observation)
        return observation, reward, terminated, cut, self._info(over)

    def _act(self, buttons: list[int]) -> tuple[np.ndarray, ...]:
        """One step of the emulators: observation, points, game lost, game cut off, lives."""
        self._ale.send(buttons, self._strength)
        observation, points, lost, cut, native = self._ale.recv()
        self._final = native.get("final_obs")
        return observation, points, lost, cut, native["lives"].astype(np.int64)

    def _start_at_once(
        self,
        observation: Observation,
        terminated: np.ndarray,
        lost: np.ndarray,
        cut: np.ndarray,
        lives: np.ndarray,
    ) -> tuple[Observation, Info]:
        """With SAME_STEP the next games have begun already; how the last ones ended goes aside."""
        over, ended, nobody = lost | cut, terminated | cut, np.zeros(self.num_envs, dtype=bool)
        if not ended.any():
            self._lives = lives
            return observation, self._info(nobody)
        # Of a game that was cut off, the lives one step earlier: the last ones are not told.
        self._lives = np.where(lost, 0, np.where(cut, self._lives, lives))
        final = self._info(over, ended)
        last = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(ended).tolist():
            last[row] = (self._final if over[row] else observation)[row].copy()
        self._lives = lives
        self._score[over] = 0
        observation = self._reseed(over, observation)
        info = self._info(nobody) | {"final_obs": last, "_final_obs": ended.copy()}
        return observation, info | {"final_info": final, "_final_info": ended.copy()}

    def _reseed(self, new: np.ndarray, observation: Observation) -> Observation:
        """Of the games that have just begun, those whose seed is old start from a new one."""
        stale = new & (self._decisions >= RESEED_AFTER)
        return self._insert(np.flatnonzero(stale)) if stale.any() else observation

    def _insert(self, rows: np.ndarray) -> Observation:
        """New seeds and new games for ``rows``; what everybody sees now."""
        seeds = [int(self._generators.of[row].integers(SEEDS)) for row in rows.tolist()]
        self._log.restart(rows, seeds)
        observation, native = self._ale.reset(rows.tolist(), seeds)
        self._lives = native["lives"].astype(np.int64)
        self._score[rows] = self._decisions[rows] = 0
        return observation

    def _info(self, over: np.ndarray, rows: np.ndarray | None = None) -> Info:
        """As the single environments tell it, of all or of ``rows``."""
        told = {"lives": self._lives, "score": self._score, "game_over": over}
        info: Info = {}
        for name, value in told.items():
            info[name] = value.copy() if rows is None else value * rows
            info[f"_{name}"] = np.ones(self.num_envs, dtype=bool) if rows is None else rows.copy()
        return info

    def _checked(self, actions: Any, restarting: np.ndarray) -> np.ndarray:
        """A copy of the actions; where an episode only starts again, the ball is served."""
        action = np.array(actions)
        if action.dtype.kind not in "iu" or action.shape != (self.num_envs,):
            raise gym.error.InvalidAction(
                f"actions must be {self.num_envs} whole numbers, got {action.dtype} {action.shape}"
            )
        action[restarting] = WAIT
        if action.min() < 0 or action.max() > 2:
            raise gym.error.InvalidAction(
                f"actions must be 0 (left), 1 (wait) or 2 (right), "
                f"got {action.min()}..{action.max()}"
            )
        return action

    def state_dict(self) -> State:
        """All that is needed to go on bit for bit: seeds, and every decision since.

        ALE's vector environment hands out no state of its emulators, but repeats itself exactly.
        """
        if not self._begun:
            raise gym.error.ResetNeeded("call reset() before state_dict()")
        return {
            "options": self.options.as_state(),
            "mode": self.autoreset_mode.value,
            "generators": self._generators.state_dict(),
            "log": self._log.state_dict(),
            "decisions": self._decisions.copy(),
            "score": self._score.copy(),
            "lives": self._lives.copy(),
            "restarting": self._restarting.copy(),
            "game_over": self._game_over.copy(),
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from what ``state_dict`` gave: every game is played again up to that point.

        Raises:
            UserError: it is of other options, of another number of environments, or of another
                version of the emulator.
        """
        self.options.check_state(state["options"])
        if len(state["lives"]) != self.num_envs or state["mode"] != self.autoreset_mode.value:
            raise UserError(
                f"the state is of {len(state['lives'])} games with autoreset_mode {state['mode']}, "
                f"these are {self.num_envs} with {self.autoreset_mode.value}"
            )
        self._generators.load_state_dict(state["generators"])
        self._log.load_state_dict(state["log"])
        lives = replay(self._ale, self._log, self._buttons, self._strength)
        if not np.array_equal(lives, state["lives"]):
            raise UserError(
                "played again, the checkpoint's games differ: another version of ale-py"
            )
        self._begun, self._lives = True, lives
        self._decisions, self._score = state["decisions"].copy(), state["score"].copy()
        self._restarting, self._game_over = state["restarting"].copy(), state["game_over"].copy()

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The random generator of each environment."""
        self._generators.seed(None)
        return tuple(self._generators.of)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of each environment's random generator."""
        self._generators.seed(None)
        return tuple(self._generators.seeds)
