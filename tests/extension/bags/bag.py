"""``Bag-v0``: take or leave each of ten things, as much worth as fits into a bag."""

from typing import Any

import gymnasium as gym
import numpy as np


class Bag(gym.Env):
    """Observation: weight and worth of the next thing, and the room left. Reward: its worth."""

    metadata = {"render_modes": []}

    def __init__(self, things: int = 10, room: float = 2.0, render_mode: str | None = None) -> None:
        self.things, self.room, self.render_mode = things, room, render_mode
        self.observation_space = gym.spaces.Box(0.0, 10.0, (3,), np.float32)
        self.action_space = gym.spaces.Discrete(2)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.weight, self.worth = self.np_random.random((2, self.things))
        self.left, self.next = self.room, 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        fits = action == 1 and self.weight[self.next] <= self.left
        reward = float(self.worth[self.next]) if fits else 0.0
        self.left -= float(self.weight[self.next]) if fits else 0.0
        self.next += 1
        return self._observe(), reward, self.next == self.things, False, {}

    def _observe(self) -> np.ndarray:
        at = min(self.next, self.things - 1)
        return np.array([self.weight[at], self.worth[at], self.left], dtype=np.float32)
