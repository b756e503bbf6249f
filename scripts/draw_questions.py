"""Draw one episode of each question for the documentation, as a learner of some seconds decides it.

python scripts/draw_questions.py --seconds 60 --folder docs/pictures
"""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import tyro
from PIL import Image

import hringur
from hringur.agents.reinforce.agent import ReinforceConfig

WHOLE: dict[str, Any] = {"gamma": 1.0, "n_envs": 256}
BOXES: dict[str, Any] = {
    "image_network": "profiles", "whole_episodes": True, "group": 16, "n_envs": 2048, "n_steps": 1,
    "epochs": 1, "minibatches": 1, "baseline": "leave-one-out", "value_weight": 0.0,
    "smooth_choices": 2, "lr": 2e-3, "entropy_weight": 0.3, "entropy_schedule": "linear",
}  # fmt: skip

EPISODES: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "BoundingBox-v0": ({}, BOXES, 3),
    "CallFunction-v0": ({}, {**WHOLE, "width": 256, "activation": "relu"}, 4),
    "BuildNetwork-v0": ({}, {**WHOLE, "score_actions": True}, 1),
    "StopDecoding-v0": ({"language": "german"}, {**WHOLE, "entropy_weight": 0.3}, 5),
}
"""Options, settings of the learner, and the seed of the episode."""


def main(folder: Path = Path("docs/pictures"), seconds: float = 60.0) -> None:
    """Write question_*.png to ``folder``."""
    for name, (options, settings, seed) in EPISODES.items():
        agent = hringur.Reinforce(name, ReinforceConfig(**settings), seed=0, env_options=options)
        agent.learn(seconds=seconds)
        env = gym.make(name, render_mode="rgb_array", **options)
        observation, info = env.reset(seed=seed)
        finished = False
        while not finished:
            action, _ = agent.predict(observation, action_masks=info.get("action_mask"))
            observation, _, finished, _, info = env.step(action)
        path = folder / f"question_{name.partition('-')[0].lower()}.png"
        Image.fromarray(np.asarray(env.render())).save(path)
        print(path)


if __name__ == "__main__":
    tyro.cli(main)
