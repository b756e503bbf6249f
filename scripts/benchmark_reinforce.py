"""How many steps a second Reinforce and Stable-Baselines3's A2C learn from, in one run.

Both have a policy and a critic of two hidden layers of ``width`` units with tanh. Each is timed at
several numbers of environments, in turns, so that whatever else the machine does falls on both; the
best number of each is compared. A step counts once it has been acted on and learned from.

python scripts/benchmark_reinforce.py --env CartPole-v1
python scripts/benchmark_reinforce.py --env StockTrading-v0 --threads 2
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
import tyro

import hringur  # noqa: F401  registers the environments
from hringur.agents.reinforce.agent import Reinforce, ReinforceConfig

Chunk = Callable[[], int]
"""Learns for a while, and tells from how many steps."""


@dataclass(frozen=True, kw_only=True)
class ReinforceBenchmark:
    """Time whole updates: act, step the environments, differentiate, follow the gradient."""

    env: str = "CartPole-v1"
    """environment, with its default options"""
    n_envs: tuple[int, ...] = (64, 256, 1024, 4096)
    """numbers of environments to try for Reinforce"""
    a2c_envs: tuple[int, ...] = (8, 64, 256, 512)
    """the same for A2C"""
    n_steps: int = 16
    """steps of each environment in an update of Reinforce; A2C has its own 5"""
    width: int = 64
    """units of both hidden layers, of all networks"""
    threads: int = 2
    """processor threads"""
    seconds: float = 2.0
    """of each timing"""
    repeats: int = 5
    """timings of each"""


def main(benchmark: ReinforceBenchmark) -> None:
    torch.set_num_threads(benchmark.threads)
    chunks = {f"reinforce {n}": reinforce(benchmark, n) for n in benchmark.n_envs}
    chunks |= {f"a2c {n}": a2c(benchmark, n) for n in benchmark.a2c_envs}
    rates: dict[str, list[float]] = {name: [] for name in chunks}
    for chunk in chunks.values():
        chunk()  # what is done only once is not timed
    for _ in range(benchmark.repeats):
        for name, chunk in chunks.items():
            rates[name].append(rate(chunk, benchmark.seconds))
    middle = {name: statistics.median(found) for name, found in rates.items()}
    best = {
        learner: max((n for n in middle if n.startswith(learner)), key=middle.__getitem__)
        for learner in ("reinforce", "a2c")
    }
    ratio = middle[best["reinforce"]] / middle[best["a2c"]]
    figures = {
        "steps_per_s": {
            name: {"median": round(middle[name]), "least": round(min(r)), "most": round(max(r))}
            for name, r in rates.items()
        },
        "best": best,
        "times_as_many": round(ratio, 2),
        "load_average": os.getloadavg()[0],
        "torch": torch.__version__,
    }
    print(json.dumps(asdict(benchmark) | figures, indent=1))


def rate(chunk: Chunk, seconds: float) -> float:
    """Steps a second over at least so long."""
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        steps += chunk()
    return steps / (time.perf_counter() - began)


def reinforce(benchmark: ReinforceBenchmark, n_envs: int) -> Chunk:
    """One update of ours."""
    config = ReinforceConfig(n_envs=n_envs, n_steps=benchmark.n_steps, width=benchmark.width)
    agent = Reinforce(benchmark.env, config, device="cpu")

    def chunk() -> int:
        batch = next(agent.batches)
        agent.update(batch, 0.0)
        return len(batch)

    return chunk


def a2c(benchmark: ReinforceBenchmark, n_envs: int) -> Chunk:
    """Twenty updates of Stable-Baselines3's A2C, with its own settings."""
    from stable_baselines3 import A2C
    from stable_baselines3.common.env_util import make_vec_env

    env = make_vec_env(benchmark.env, n_envs)
    layers: dict[str, Any] = {"net_arch": [benchmark.width, benchmark.width]}
    model = A2C("MlpPolicy", env, device="cpu", policy_kwargs=layers)
    steps = 20 * model.n_steps * n_envs

    def chunk() -> int:
        model.learn(steps, log_interval=10**9)
        return steps

    return chunk


if __name__ == "__main__":
    main(tyro.cli(ReinforceBenchmark, description=__doc__))
