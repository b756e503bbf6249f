"""One random generator for each environment of a batch, seeded as Gymnasium's loops are."""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from jaxtyping import Bool

from hringur.types import State, UserError

Seeds = int | Sequence[int | None] | None


class Generators:
    """Environment i is seeded with ``seed + i``, or with ``seed[i]``; without a seed, by chance."""

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs
        self.of: list[np.random.Generator] = []
        """that of each environment; empty before the first seeding"""
        self.seeds: list[int] = []

    def seed(self, seed: Seeds, chosen: Bool[np.ndarray, " B"] | None = None) -> None:
        """Seed those chosen; None leaves a generator as it stands, or makes the first one."""
        if seed is None:
            if self.of:
                return
            seed = [None] * self.num_envs
        elif isinstance(seed, int | np.integer):
            seed = [int(seed) + index for index in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise UserError(f"seed must be one or {self.num_envs} numbers, got {len(seed)}")
        if not self.of:
            fresh = [seeding.np_random(one) for one in seed]
            self.of = [generator for generator, _ in fresh]
            self.seeds = [one for _, one in fresh]
            return
        rows = range(self.num_envs) if chosen is None else np.flatnonzero(chosen).tolist()
        for row in rows:
            if (one := seed[row]) is not None:
                self.of[row], self.seeds[row] = seeding.np_random(one)

    def state_dict(self) -> State:
        """Where each generator stands, six numbers of 64 bits each."""
        self.seed(None)
        words = [_words(generator.bit_generator.state) for generator in self.of]
        return {"words": np.array(words, dtype=np.uint64), "seeds": list(self.seeds)}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.seed(None)
        for generator, words in zip(self.of, state["words"].tolist(), strict=True):
            generator.bit_generator.state = _state(words)
        self.seeds = list(state["seeds"])


def chosen_rows(reset_mask: Any, num_envs: int, begun: bool) -> Bool[np.ndarray, " B"]:
    """Which environments ``reset(options={"reset_mask": ...})`` is for.

    Raises:
        UserError: not one truth value for each environment, or none of them True.
        ResetNeeded: it is the first reset and not of all.
    """
    if reset_mask is None:
        return np.ones(num_envs, dtype=bool)
    mask = np.array(reset_mask)
    if mask.dtype != bool or mask.shape != (num_envs,) or not mask.any():
        raise UserError(
            f"reset_mask must be {num_envs} truth values, at least one of them True, "
            f"got {mask.dtype} {mask.shape}"
        )
    if not begun and not mask.all():
        raise gym.error.ResetNeeded("the first reset() must be of all environments")
    return mask


def _words(state: Any) -> list[int]:
    """PCG64's state: two numbers of 128 bits, and half a word that is left over."""
    low = (1 << 64) - 1
    inner = state["state"]
    long = [word for name in ("state", "inc") for word in (inner[name] >> 64, inner[name] & low)]
    return [*long, state["has_uint32"], state["uinteger"]]


def _state(words: list[int]) -> dict[str, Any]:
    return {
        "bit_generator": "PCG64",
        "state": {"state": words[0] << 64 | words[1], "inc": words[2] << 64 | words[3]},
        "has_uint32": words[4],
        "uinteger": words[5],
    }
