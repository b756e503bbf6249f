"""Environments whose every number is known, for the tests of agents that learn anywhere."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

FIRST = np.array([1.0, -0.5])  # reward of the first action
SECOND = np.array([[0.0, 2.0], [1.5, -1.0]])  # of the second, after either first


class TwoSteps(gym.Env):
    """Two decisions, of which the second is taken where the first has led."""

    observation_space = spaces.Discrete(3, start=5)
    action_space = spaces.Discrete(2, start=3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = 0
        return np.int64(5), {}

    def step(self, action):
        choice = int(action) - 3
        if self.place == 0:
            self.place = 1 + choice
            return np.int64(5 + self.place), float(FIRST[choice]), False, False, {}
        return np.int64(5 + self.place), float(SECOND[self.place - 1, choice]), True, False, {}


class Story(gym.Env):
    """Tells (number of the episode, step); ends after a number of steps drawn at its start.

    Every other episode is cut off instead of ended. ``spoil`` makes a number NaN: "reward" or
    "observation", at the fourth step of all.
    """

    observation_space = spaces.Box(-1.0, 100.0, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, spoil: str | None = None) -> None:
        self.episode, self.steps, self.spoil = 0, 0, spoil

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.episode = self.steps = 0
        self.episode += 1
        self.step_number, self.length = 0, int(self.np_random.integers(1, 6))
        return self._observe(), {}

    def step(self, action):
        self.step_number += 1
        self.steps += 1
        over = self.step_number == self.length
        cut = over and self.episode % 2 == 0
        reward = self.episode + 0.1 * self.step_number
        if self.spoil == "reward" and self.steps == 4:
            reward = np.nan
        return self._observe(), reward, over and not cut, cut, {}

    def _observe(self) -> np.ndarray:
        seen = np.array([self.episode, self.step_number], dtype=np.float32)
        if self.spoil == "observation" and self.steps == 4:
            seen[1] = np.nan
        return seen


class Anything(gym.Env):
    """Spaces of every kind; the reward is 1 for the first of the actions."""

    def __init__(self, observation: Any = None, action: Any = None, masked: bool = False) -> None:
        self.observation_space = observation or spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = action or spaces.Discrete(3)
        self.masked = masked

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.steps = 0
        return self.observation_space.sample(), self._info()

    def step(self, action):
        assert self.action_space.contains(action), action
        if self.masked:
            assert self.mask[int(action)], (action, self.mask)
        self.steps += 1
        first = self.action_space.sample() * 0
        reward = float(np.mean(np.asarray(action) == first))
        return self.observation_space.sample(), reward, self.steps == 5, False, self._info()

    def _info(self) -> dict[str, Any]:
        if not self.masked:
            return {}
        self.mask = self.np_random.random(self.action_space.n) < 0.5
        self.mask[self.np_random.integers(self.action_space.n)] = True
        return {"action_mask": self.mask.astype(np.int8)}


class ByChance(Anything):
    """Begins by chance, whatever its seed."""

    def reset(self, *, seed=None, options=None):
        return super().reset(options=options)


KINDS = {"TwoSteps": TwoSteps, "Story": Story, "Anything": Anything, "ByChance": ByChance}
for name, maker in KINDS.items():
    gym.register(f"{name}-v0", maker)
