"""What the single Breakout and the batched one share: options, buttons, the emulator's rules.

Three buttons are enough because FIRE is held all the time. Breakout reads it only while it waits
for a serve, at the start and after each lost life, so the ball comes at once, also where a sticky
action swallows a frame; at any other time it changes nothing (tests compare the console's memory).
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from hringur.types import UserError, optional

LEFT, WAIT, RIGHT = range(3)
ACTION_NAMES = ("Left", "Wait", "Right")
NOOP = 0
FIRE_HELD = (12, 1, 11)
"""LEFTFIRE, FIRE and RIGHTFIRE among the emulator's 18 buttons, for Left, Wait and Right."""

IN_ORDER_OF_ALE = (WAIT, RIGHT, LEFT)
"""The three choices in the order in which ALE numbers its buttons, waiting first."""

MEANINGS = ("LEFT", "NOOP", "RIGHT")
"""What ALE calls the three; no FIRE, as the ball is served by itself."""

KEYS = (("a",), ("e",), ("d",))
"""Those on which ALE has them."""

SCREEN = (210, 160)
"""Height and width of the console's picture [pixels]."""

FRAMES_PER_SECOND = 60
SEEDS = 2**31 - 1
"""Seeds of the emulator are below; -1 would mean the clock."""

RESEED_AFTER = 30_000
"""Decisions after which the next game starts from a new seed.

A game is restored by replaying all decisions since the last seed, so this bounds the time for it.
Seeding loads the cartridge again, as long as some three hundred decisions: now and then is free.
"""


@dataclass(frozen=True, kw_only=True)
class BreakoutOptions:
    """The options of docs/breakout.md, checked."""

    frame_skip: int = 4
    """frames for which a choice is held"""

    sticky: float = 0.25
    """chance, frame by frame, that the button pressed before stays pressed (Machado et al. 2018)"""

    frame_size: int = 84
    """height and width of what is observed [pixels]"""

    stack: int = 4
    """observed frames, the oldest first"""

    max_pool: bool = True
    """observe the brighter of the last two frames, pixel by pixel"""

    noop_max: int = 0
    """a game starts after 0 to so many frames without a button (Mnih et al. 2015: 30)"""

    clip_reward: bool = False
    """rewards in -1..1; for training only"""

    life_loss: bool = False
    """a lost life ends the episode, and the next one goes on with the game; for training only"""

    max_frames: int = 108_000
    """frames after which a game is cut off: half an hour of play"""

    raw: bool = False
    """the console's own picture in colour and ALE's order of actions (Wait 0, Right 1, Left 2),
    for the wrappers that others have for Atari's games; of single games only"""

    def __post_init__(self) -> None:
        ranges = {
            "frame_skip": (1, 16),
            "frame_size": (16, SCREEN[1]),
            "stack": (1, 16),
            "noop_max": (0, 1000),
            "max_frames": (self.frame_skip, 2**31 - 1),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise UserError(f"{name} must be a whole number, got {value!r}")
            if not low <= value <= high:
                raise UserError(f"{name} must be in {low}..{high}, got {value}")
        if not 0 <= self.sticky < 1:
            raise UserError(f"sticky must be at least 0 and below 1, got {self.sticky}")
        for name in ("max_pool", "clip_reward", "life_loss", "raw"):
            if not isinstance(getattr(self, name), bool):
                raise UserError(f"{name} must be True or False, got {getattr(self, name)!r}")

    def observation_space(self) -> spaces.Box:
        """Stacked grey frames, or the console's picture."""
        shape = (*SCREEN, 3) if self.raw else (self.stack, self.frame_size, self.frame_size)
        return spaces.Box(0, 255, shape, dtype=np.uint8)

    def as_state(self) -> dict[str, Any]:
        """For a checkpoint: what must be the same to go on from it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def check_state(self, state: dict[str, Any]) -> None:
        """Refuse a checkpoint of other options.

        Raises:
            UserError: it names the first option that differs.
        """
        for name, here in self.as_state().items():
            if state.get(name, getattr(BreakoutOptions, name)) != here:
                raise UserError(
                    f"the checkpoint is of Breakout with {name}={state.get(name)}, "
                    f"this one has {name}={here}"
                )


@dataclass(frozen=True, kw_only=True)
class FrameOptions(BreakoutOptions):
    """Every frame as the console shows it, for wrappers that skip, shrink and stack by themselves.

    As ALE's ``NoFrameskip-v4``: no sticky actions either.
    """

    frame_skip: int = 1
    sticky: float = 0.0
    raw: bool = True


def load_ale() -> Any:
    """The module ale_py, which is an extra."""
    ale_py = optional("ale_py", "ThreeActionBreakout-v0", "atari")
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    return ale_py


def cartridge() -> Path:
    """The game itself, which lies in ale-py's wheel.

    Raises:
        UserError: it is missing or damaged.
    """
    load_ale()
    from ale_py import roms

    try:
        path = roms.get_rom_path("breakout")
    except OSError as error:
        what = " ".join(str(error).split())
        raise UserError(f"ale-py has no cartridge breakout.bin, reinstall it: {what}") from error
    if path is None:
        raise UserError("ale-py has no cartridge breakout.bin: reinstall it")
    return Path(path)


def emulators(
    options: BreakoutOptions, num_envs: int, mode: AutoresetMode, num_threads: int
) -> Any:
    """ALE's batch of emulators, with what it does by itself turned off.

    Not its class AtariVectorEnv, which writes its mode into the metadata of every VectorEnv.
    """
    return load_ale().ALEVectorInterface(
        rom_path=str(cartridge()),
        num_envs=num_envs,
        frame_skip=options.frame_skip,
        stack_num=options.stack,
        img_height=options.frame_size,
        img_width=options.frame_size,
        grayscale=True,
        maxpool=options.max_pool,
        noop_max=options.noop_max + 1,  # exclusive there
        use_fire_reset=False,
        episodic_life=False,
        life_loss_info=False,
        reward_clipping=False,
        max_episode_steps=options.max_frames,
        repeat_action_probability=options.sticky,
        full_action_space=True,
        num_threads=num_threads,
        # A game that is over waits for reset() with either; ours refuses a step before.
        autoreset_mode="NextStep" if mode is AutoresetMode.DISABLED else mode.value,
    )
