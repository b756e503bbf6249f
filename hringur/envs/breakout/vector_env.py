"""Many games side by side on ALE's own vector environment, step for step as the single one.

The emulators run in threads of C++ and hand over whole batches of observations; what is added
here is a handful of calls on arrays of length B. Clipping and lost lives are ours, as ALE's own
would hide the score, and would start the whole game again after each life.
"""

from collections.abc import Sequence
from dataclasses import replace

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from jaxtyping import Int, UInt8

from hringur.envs.breakout.game import (
    ACTION_NAMES,
    FIRE_HELD,
    FRAMES_PER_SECOND,
    RESEED_AFTER,
    SEEDS,
    WAIT,
    BreakoutOptions,
    emulators,
)
from hringur.envs.breakout.log import ActionLog, replay
from hringur.envs.factories import factory
from hringur.envs.single import told
from hringur.envs.vector import Info, NativeVectorEnv, Seeds, VectorStep
from hringur.types import State, UserError

Observation = UInt8[np.ndarray, "B stack size size"]


class BreakoutVector(NativeVectorEnv):
    """B games at a time; observation, action, reward and info as in ``ThreeActionBreakout``."""

    metadata = {"render_modes": ["rgb_array"]}
    action_names = ACTION_NAMES
    time_unit = "s"
    allowed_actions = told(ACTION_NAMES)

    def __init__(
        self,
        options: BreakoutOptions,
        num_envs: int = 1,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
        num_threads: int = 0,
    ) -> None:
        """``num_threads`` 0 takes one for each core.

        ``max_episode_steps``, which ``gymnasium.make_vec`` hands on, counts decisions of a game.
        """
        if max_episode_steps is not None:
            if max_episode_steps < 1:
                raise UserError(f"max_episode_steps must be at least 1, got {max_episode_steps}")
            most = max_episode_steps * options.frame_skip
            options = replace(options, max_frames=min(options.max_frames, most))
        if options.raw:
            raise UserError("raw is of single games: vectorization_mode='sync' makes many of them")
        actions, space = spaces.Discrete(3), options.observation_space()
        super().__init__(space, actions, num_envs, render_mode, autoreset_mode)
        self.metadata["render_fps"] = max(1, FRAMES_PER_SECOND // options.frame_skip)
        if num_threads < 0:
            raise UserError(f"num_threads must be 0 or more, got {num_threads}")
        if self.autoreset_mode is AutoresetMode.DISABLED and options.life_loss:
            raise UserError("life_loss needs autoreset_mode NextStep or SameStep, got Disabled")
        self.options = options
        self._ale = emulators(options, num_envs, self.autoreset_mode, num_threads)
        self._log = ActionLog(num_envs)
        self._buttons, self._strength = np.array(FIRE_HELD), [1.0] * num_envs
        self._lives, self._score, self._decisions = (
            np.zeros(num_envs, dtype=np.int64) for _ in range(3)
        )
        self._game_over = np.zeros(num_envs, dtype=bool)  # with NEXT_STEP, in the last step

    def _begin(self, rows: np.ndarray, options: Info) -> None:
        """New games, from seeds that each environment's own generator draws."""
        self._insert(rows)
        self._game_over[rows] = False

    def _observe(self) -> Observation:
        return self._observation

    def _idle_actions(self) -> np.ndarray:
        return np.full(self.num_envs, WAIT)  # where an episode only starts again, to serve

    def render(self) -> tuple[UInt8[np.ndarray, "height width 3"], ...] | None:
        """The newest observed frame of each game, grey: ALE's batch has no other picture."""
        if self.render_mode is None:
            gym.logger.warn("render() needs a render_mode: make_vec(..., render_mode='rgb_array')")
            return None
        self._check_begun("render")
        return tuple(frame[:, :, None].repeat(3, axis=2) for frame in self._observation[:, -1])

    def _info(self, rows: np.ndarray | None = None) -> Info:
        values = {"lives": self._lives, "score": self._score, "game_over": self._game_over}
        info: Info = {}
        for name, value in values.items():
            info[name] = value.copy() if rows is None else value * rows
            info[f"_{name}"] = np.ones(self.num_envs, dtype=bool) if rows is None else rows.copy()
        return info

    def reset(self, *, seed: Seeds = None, options: Info | None = None) -> tuple[Observation, Info]:
        """New games, as ``NativeVectorEnv`` says; the info is about all of them."""
        return super().reset(seed=seed, options=options)[0], self._info()

    def step(self, actions: Int[np.ndarray, " B"] | Sequence[int]) -> VectorStep:
        """Each action is held for ``frame_skip`` frames; the emulators start new games themselves.

        With NEXT_STEP the environments in ``_game_over`` do so in this step.
        """
        restart, new, lives_before = self._restart, self._game_over, self._lives
        action = self._checked(actions, restart)
        self._log.append(action)
        self._ale.send(self._buttons.take(action).tolist(), self._strength)
        self._observation, points, lost, cut, native = self._ale.recv()
        self._lives, self._game_over = native["lives"].astype(np.int64), lost | cut
        self._decisions += ~new
        self._score *= ~new
        self._score += points
        life_lost = (self._lives < lives_before) & (self._lives > 0) & ~cut & ~new
        terminated = lost | life_lost if self.options.life_loss else lost
        reward = points.astype(np.float64)
        if self.options.clip_reward:
            reward.clip(-1.0, 1.0, out=reward)
        if restart is not None:
            reward[restart] = 0.0
        final: Info = {}
        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            self._set_ended(terminated | cut)
            self._reseed(new)
        else:
            # Of a game that was cut off, the lives one step earlier: the emulator tells no others.
            lives = np.where(lost, 0, np.where(cut, lives_before, self._lives))
            final = self._start_at_once(terminated | cut, lives, native.get("final_obs"))
        return self._observation, reward, terminated, cut, self._info() | final

    def _start_at_once(
        self, ended: np.ndarray, last_lives: np.ndarray, last: Observation | None
    ) -> Info:
        """With SAME_STEP the next games have begun already; how the last ones ended."""
        over, lives, final = self._game_over, self._lives, {}
        if ended.any():
            self._lives = last_lives
            shown = self._observation
            if over.any():
                shown = np.where(over[:, None, None, None], last, shown)
            final = self._final(ended, shown, self._info(ended))
            self._lives = lives
            self._score[over] = 0
            self._reseed(over)
        self._game_over = np.zeros(self.num_envs, dtype=bool)
        return final

    def _reseed(self, new: np.ndarray) -> None:
        """Of the games that have just begun, those whose seed is old start from a new one."""
        stale = new & (self._decisions >= RESEED_AFTER)
        if stale.any():
            self._insert(np.flatnonzero(stale))

    def _insert(self, rows: np.ndarray) -> None:
        """New seeds and new games for ``rows``."""
        seeds = [int(self._generators.of[row].integers(SEEDS)) for row in rows.tolist()]
        self._log.restart(rows, seeds)
        self._observation, native = self._ale.reset(rows.tolist(), seeds)
        self._lives = native["lives"].astype(np.int64)
        self._score[rows] = self._decisions[rows] = 0

    def state_dict(self) -> State:
        """All that is needed to go on bit for bit: seeds, and every decision since.

        ALE's vector environment hands out no state of its emulators, but repeats itself exactly.
        """
        self._check_begun("state_dict")
        return {
            "options": self.options.as_state(),
            "mode": self.autoreset_mode.value,
            "generators": self._generators.state_dict(),
            "log": self._log.state_dict(),
            "decisions": self._decisions.copy(),
            "score": self._score.copy(),
            "lives": self._lives.copy(),
            "restarting": self._ended.copy(),
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
        self._game_over = state["game_over"].copy()
        self._set_ended(state["restarting"].copy())


breakout_vec = factory(BreakoutOptions, BreakoutVector)
