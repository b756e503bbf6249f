"""Speed, memory and random play of ThreeActionBreakout-v0, one part a call.

vector   steps a second of the vector environment beside ALE's own AtariVectorEnv (and beside
         envpool, where that is installed), taking turns, with random actions
loop     steps a second of Reinforce (rollout and update) beside A2C of Stable-Baselines3 with the
         same convolutions, environments and steps of an update, taking turns
memory   resident size over many steps, the first and the last tenth
random   mean score of random play, with its 95 % bootstrap interval

Run on a quiet machine: ``python scripts/benchmark_breakout.py --part vector``.
"""

import copy
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import torch
import tyro
from jaxtyping import UInt8

import hringur  # noqa: F401  (registers the environments)
from hringur.evaluation.statistics import estimate_mean

ID = "ThreeActionBreakout-v0"
Turn = Callable[[], int]
"""Works for a while; says how many steps that were."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure, and how long."""

    part: Literal["vector", "loop", "memory", "random"] = "vector"
    """see above"""

    num_envs: int = 64
    """games side by side"""

    frame_size: int = 84
    """of the observations [pixels]"""

    steps: int = 200_000
    """of each contender, all games together (vector, loop), or in all (memory)"""

    games: int = 512
    """random games"""

    seed: int = 0
    """of games and actions"""

    threads: int = 1
    """of torch (loop)"""


def vector_env(options: Options, **more: Any) -> gym.vector.VectorEnv:
    return gym.make_vec(
        ID,
        options.num_envs,
        vectorization_mode="vector_entry_point",
        frame_size=options.frame_size,
        **more,
    )


def random_turn(env: Any, n_actions: int, options: Options, steps: int = 50) -> Turn:
    """``steps`` random steps of every game."""
    rng = np.random.default_rng(options.seed)

    def turn() -> int:
        for actions in rng.integers(n_actions, size=(steps, options.num_envs), dtype=np.int32):
            env.step(actions)
        return steps * options.num_envs

    return turn


def take_turns(contenders: dict[str, Turn], steps: int) -> dict[str, float]:
    """Steps a second of each; they take turns, so that a busy machine slows all of them."""
    seconds, done = dict.fromkeys(contenders, 0.0), dict.fromkeys(contenders, 0)
    for turn in contenders.values():
        turn()  # warm
    while min(done.values()) < steps:
        for name, turn in contenders.items():
            began = time.perf_counter()
            done[name] += turn()
            seconds[name] += time.perf_counter() - began
    return {name: done[name] / seconds[name] for name in contenders}


def vector(options: Options) -> dict[str, Any]:
    import ale_py

    ours = vector_env(options)
    raw = ale_py.AtariVectorEnv(
        "breakout",
        options.num_envs,
        img_height=options.frame_size,
        img_width=options.frame_size,
        noop_max=1,
        reward_clipping=False,
        repeat_action_probability=0.25,
    )
    ours.reset(seed=options.seed)
    raw.reset(seed=options.seed)
    contenders = {"hringur": random_turn(ours, 3, options), "ale": random_turn(raw, 4, options)}
    try:
        import envpool
    except ImportError:
        pass
    else:
        pool = envpool.make_gymnasium(
            "Breakout-v5",
            num_envs=options.num_envs,
            img_height=options.frame_size,
            img_width=options.frame_size,
            repeat_action_probability=0.25,
        )
        pool.reset()
        contenders["envpool"] = random_turn(pool, 4, options)
    speed: dict[str, Any] = take_turns(contenders, options.steps)
    ratios = {f"over_{name}": speed["hringur"] / speed[name] for name in list(speed)[1:]}
    return {"steps_per_second": speed, **ratios}


def loop(options: Options) -> dict[str, Any]:
    from hringur.agents.reinforce.agent import Reinforce, ReinforceConfig

    torch.set_num_threads(options.threads)
    steps = 5  # of A2C's updates
    config = ReinforceConfig(n_envs=options.num_envs, n_steps=steps, epochs=1, minibatches=1)
    agent = Reinforce(ID, config, device="cpu", env_options={"frame_size": options.frame_size})
    batches = agent.batches

    def ours() -> int:
        return sum(_update(agent, next(batches)) for _ in range(10))

    model = sb3_a2c(options, steps, agent.network)

    def theirs() -> int:
        model.learn(10 * steps * options.num_envs, reset_num_timesteps=False)
        return 10 * steps * options.num_envs

    speed: dict[str, Any] = take_turns({"reinforce": ours, "sb3_a2c": theirs}, options.steps)
    return {"steps_per_second": speed, "ratio": speed["reinforce"] / speed["sb3_a2c"]}


def _update(agent: Any, batch: Any) -> int:
    agent.update(batch, 0.0)
    return len(batch)


def sb3_a2c(options: Options, steps: int, network: Any) -> Any:
    """SB3's A2C as its users run Atari games: a loop of single environments, its zoo's settings."""
    from stable_baselines3 import A2C
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
    from stable_baselines3.common.vec_env import DummyVecEnv

    theirs = network.encoders["part observation"]

    class SameConvolutions(BaseFeaturesExtractor):
        """The same layers, in plain torch, behind SB3's own scaling of pixels."""

        def __init__(self, space: gym.spaces.Box) -> None:
            super().__init__(space, features_dim=theirs.n_features)
            self.layers = copy.deepcopy(
                torch.nn.Sequential(theirs.convolutions, theirs.dense, torch.nn.ReLU())
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layers(x)

    def make() -> gym.Env:
        return gym.make(ID, frame_size=options.frame_size)

    policy: dict[str, Any] = {
        "features_extractor_class": SameConvolutions,
        "net_arch": [],
    }
    env = DummyVecEnv([make] * options.num_envs)
    return A2C(
        "CnnPolicy",
        env,
        n_steps=steps,
        ent_coef=0.01,
        vf_coef=0.25,
        policy_kwargs=policy,
        device="cpu",
    )


def memory(options: Options) -> dict[str, Any]:
    env = vector_env(options)
    env.reset(seed=options.seed)
    turn = random_turn(env, 3, options, steps=20)
    sizes, done = [], 0
    while done < options.steps:
        done += turn()
        sizes.append(resident_mebibytes())
    tenth = max(1, len(sizes) // 10)
    first, last = float(np.mean(sizes[:tenth])), float(np.mean(sizes[-tenth:]))
    return {"steps": done, "first_tenth_MiB": first, "last_tenth_MiB": last, "peak_MiB": max(sizes)}


def resident_mebibytes() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def random(options: Options) -> dict[str, Any]:
    """The first games to begin count, not the first to end: short ones would come first."""
    env = vector_env(options)
    observation: UInt8[np.ndarray, "B stack size size"]
    observation, _ = env.reset(seed=options.seed)
    rng = np.random.default_rng(options.seed)
    each = -(-options.games // options.num_envs)
    scores: list[list[int]] = [[] for _ in range(options.num_envs)]
    while min(map(len, scores)) < each:
        actions = rng.integers(3, size=options.num_envs)
        observation, _, terminated, truncated, info = env.step(actions)
        for row in np.flatnonzero(terminated | truncated).tolist():
            if len(scores[row]) < each:
                scores[row].append(int(info["score"][row]))
    found = estimate_mean(np.array(scores, dtype=np.float64).ravel())
    return {
        "games": each * options.num_envs,
        "mean": found.value,
        "low": found.low,
        "high": found.high,
    }


def main(options: Options) -> None:
    parts = {"vector": vector, "loop": loop, "memory": memory, "random": random}
    print(json.dumps(parts[options.part](options), indent=2))


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
