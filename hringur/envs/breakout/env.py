"""``ThreeActionBreakout-v0``: the game of Atari, from its picture, with Left, Wait and Right.

========== ===================================================================================
part       what
========== ===================================================================================
observe    the last 4 frames, grey, 84 x 84, uint8 [4, 84, 84], the oldest first; with ``raw``
           the console's picture, uint8 [210, 160, 3]
action     Left 0, Wait 1, Right 2, held for 4 frames; the ball is served by itself
reward     points made: 1, 4 or 7 for a brick, by its row
terminated when the last of five lives is lost (with ``life_loss``, when any is)
truncated  after ``max_frames`` frames of a game (108,000, half an hour)
start      a new game, after up to ``noop_max`` frames of waiting
random     with chance ``sticky`` (0.25) a frame the button before stays pressed; the waiting
info       ``lives``; ``score`` of the game so far; ``game_over``, also when it was cut off
========== ===================================================================================

The ceiling is 864: two walls of 108 bricks. docs/breakout.md tells the options and the protocols.
The emulator is the Arcade Learning Environment (Bellemare et al. 2013).
"""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from jaxtyping import UInt8

from hringur.envs.breakout.game import (
    ACTION_NAMES,
    FIRE_HELD,
    FRAMES_PER_SECOND,
    IN_ORDER_OF_ALE,
    KEYS,
    MEANINGS,
    NOOP,
    RESEED_AFTER,
    SEEDS,
    WAIT,
    BreakoutOptions,
    FrameOptions,
    cartridge,
    load_ale,
)
from hringur.envs.breakout.screen import Screen
from hringur.envs.factories import factory
from hringur.envs.single import RENDER_MODES, SingleEnv, told
from hringur.references.breakout import CEILING
from hringur.types import State, UserError

NEW_GAME = 3  # in the log, beside the three actions
Observation = UInt8[np.ndarray, "first second third"]
"""Frames, height and width; or height, width and colours."""
Step = tuple[Observation, float, bool, bool, dict[str, Any]]


class ThreeActionBreakout(SingleEnv):
    """One game at a time; see the module's table."""

    evaluation_options = {"clip_reward": False, "life_loss": False}
    """what a figure is measured with, whatever eases training"""
    time_unit = "s"

    def __init__(self, options: BreakoutOptions, render_mode: str | None = None) -> None:
        super().__init__(render_mode)
        self.options = options
        fps = max(1, FRAMES_PER_SECOND // options.frame_skip)
        self.metadata = {"render_modes": RENDER_MODES, "render_fps": fps}
        self.observation_space = options.observation_space()
        self.action_space = spaces.Discrete(3)
        self._choices = IN_ORDER_OF_ALE if options.raw else (0, 1, 2)
        self.action_names = tuple(ACTION_NAMES[choice] for choice in self._choices)
        self._cartridge = str(cartridge())
        self._ale = load_ale().ALEInterface()
        self._ale.setFloat("repeat_action_probability", options.sticky)
        self._screen = Screen(options)
        self._game_over = True
        self._lives = self._score = self._frames = 0
        self._seed, self._decisions = 0, 0  # the emulator's, and how many there were since
        self._log = bytearray()  # everything that was done since
        self._noops = _Noops(0)

    @property
    def ale(self) -> Any:
        """The emulator, as ALE's own environments hand it out: ``env.unwrapped.ale.lives()``."""
        return self._ale

    def get_action_meanings(self) -> list[str]:
        """ALE's names of the actions, in order."""
        return [MEANINGS[choice] for choice in self._choices]

    def get_keys_to_action(self) -> dict[tuple[str, ...], int]:
        """For ``gymnasium.utils.play``: ALE's keys, "a" left, "d" right, "e" to wait."""
        return {KEYS[choice]: action for action, choice in enumerate(self._choices)}

    @property
    def best_return(self) -> float | None:
        """Points of every brick of both walls; None if options change what a game can bring."""
        options = self.options
        cut = options.clip_reward or options.life_loss
        whole = not cut and options.max_frames >= BreakoutOptions.max_frames
        return float(CEILING) if whole else None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A new game; or, with ``life_loss`` and lives left, four frames of the same, to serve."""
        super().reset(seed=seed)
        time_left = self._frames + self.options.frame_skip < self.options.max_frames
        if seed is None and self._ended and not self._game_over and time_left:
            self._advance(WAIT)
        elif seed is None and self._begun and self._decisions < RESEED_AFTER:
            self._new_game()
        else:
            self._insert(int(self.np_random.integers(SEEDS)))
        self._ended = False
        self._show()
        return self._observe(), self._info()

    def step(self, action: int | np.integer) -> Step:
        """Hold one button for ``frame_skip`` frames; the reward is the points made meanwhile."""
        self._check_running()
        if not self.action_space.contains(action):
            raise gym.error.InvalidAction(
                f"action must be {told(self.action_names)}, got {action!r}"
            )
        lives = self._lives
        points = self._advance(self._choices[int(action)])
        terminated = self._ale.game_over(with_truncation=False)
        truncated = self._game_over and not terminated
        life_lost = self._lives < lives and not truncated
        terminated = terminated or (self.options.life_loss and life_lost)
        self._ended = terminated or truncated
        reward = max(-1, min(1, points)) if self.options.clip_reward else points
        self._show()
        return self._observe(), float(reward), terminated, truncated, self._info()

    def _observe(self) -> Observation:
        return self._ale.getScreenRGB() if self.options.raw else self._screen.observation()

    def _advance(self, action: int) -> int:
        """The frames of one step, and the points made in them."""
        ale, button, screen = self._ale, FIRE_HELD[action], self._screen
        self._log.append(action)
        self._decisions += 1
        points = 0
        for left in range(self.options.frame_skip, 0, -1):
            points += ale.act(button)
            self._frames += 1
            over = ale.game_over(with_truncation=False)
            self._game_over = over or self._frames >= self.options.max_frames
            if self._game_over:
                break
            screen.look(ale, left)
        screen.take()
        self._lives = ale.lives()
        self._score += points
        return points

    def _insert(self, seed: int) -> None:
        """Load the cartridge with a seed for everything random, and begin its first game."""
        self._ale.setInt("random_seed", seed)
        self._ale.loadROM(self._cartridge)
        self._seed, self._noops = seed, _Noops(seed)
        self._decisions = 0
        self._log.clear()
        self._new_game()
        self._log.clear()  # the first game needs no mention
        self._begun = True

    def _new_game(self) -> None:
        """The next game of the same seed."""
        self._log.append(NEW_GAME)
        self._ale.reset_game()
        for _ in range(self._noops.draw(self.options.noop_max)):
            self._ale.act(NOOP)
        self._screen.restart(self._ale)
        self._lives, self._score, self._frames = self._ale.lives(), 0, 0
        self._game_over = False

    def _info(self) -> dict[str, Any]:
        return {"lives": self._lives, "score": self._score, "game_over": self._game_over}

    def state_dict(self) -> State:
        """All that is needed to go on bit for bit: the seed, and all that was done since.

        The emulator's own copies leave out which button a sticky action repeats, and the picture.
        """
        self._check_begun("state_dict")
        return {
            "options": self.options.as_state(),
            "generator": self.np_random.bit_generator.state,
            "seed": self._seed,
            "log": np.frombuffer(bytes(self._log), dtype=np.uint8),
            "score": self._score,
            "ended": self._ended,
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from what ``state_dict`` gave: the game is played again up to that point.

        Raises:
            UserError: it is of other options, or of another version of the emulator.
        """
        self.options.check_state(state["options"])
        self.np_random.bit_generator.state = state["generator"]
        self._insert(state["seed"])
        for action in state["log"].tolist():
            if action == NEW_GAME:
                self._new_game()
            else:
                self._advance(action)
        if self._score != state["score"]:
            raise UserError(
                f"the checkpoint's game had {state['score']} points, played again it has "
                f"{self._score}: it is of another version of ale-py"
            )
        self._ended = state["ended"]

    def __getstate__(self) -> dict[str, Any]:
        """What makes the game again, wherever it is: the emulator itself cannot be pickled."""
        state = self.state_dict() if self._begun else None
        return {"options": self.options, "render_mode": self.render_mode, "spec": self.spec} | {
            "state": state
        }

    def __setstate__(self, kept: dict[str, Any]) -> None:
        """As the original, but without a window: its next frame opens none."""
        render_mode = None if kept["render_mode"] == "human" else kept["render_mode"]
        self.__init__(kept["options"], render_mode)  # type: ignore[misc]
        self.spec = kept["spec"]
        if kept["state"] is not None:
            self.load_state_dict(kept["state"])

    def _frame(self) -> UInt8[np.ndarray, "210 160 3"]:
        return self._ale.getScreenRGB()


class _Noops:
    """How long each game waits: the numbers that ALE's vector environment draws, of C++'s library.

    A Mersenne twister, and for a number below n the high half of its 32 bits times n, drawn again
    where that would favour some numbers (Lemire 2019).
    """

    def __init__(self, seed: int) -> None:
        self._twister = np.random.RandomState(seed)

    def draw(self, largest: int) -> int:
        """A whole number from 0 to ``largest``."""
        count = largest + 1
        product = self._bits() * count
        while product % 2**32 < 2**32 % count:
            product = self._bits() * count
        return product >> 32

    def _bits(self) -> int:
        return int(self._twister.randint(2**32, dtype=np.uint32))


breakout = factory(BreakoutOptions, ThreeActionBreakout)
breakout_frames = factory(FrameOptions, ThreeActionBreakout)
