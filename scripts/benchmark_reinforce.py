"""How many steps a second Reinforce and Stable-Baselines3's A2C learn from, in one run.

Both have a policy and a critic of two hidden layers of ``width`` units with tanh. Each is timed at
several numbers of environments, in turns, so that whatever else the machine does falls on both.
They are compared at equal numbers, and each at its best. A step counts once it has been acted on
and learned from. ``of_processor`` counts seconds of processor time, which on a machine that others
use say more than those of the clock.

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
    """of processor time, of each timing"""
    repeats: int = 5
    """timings of each"""


def main(benchmark: ReinforceBenchmark) -> None:
    torch.set_num_threads(benchmark.threads)
    chunks = {f"reinforce {n}": reinforce(benchmark, n) for n in benchmark.n_envs}
    chunks |= {f"a2c {n}": a2c(benchmark, n) for n in benchmark.a2c_envs}
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in chunks}
    for chunk in chunks.values():
        chunk()  # what is done only once is not timed
    for _ in range(benchmark.repeats):
        for name, chunk in chunks.items():
            rates[name].append(rate(chunk, benchmark.seconds))
    print(json.dumps(asdict(benchmark) | figures(rates), indent=1))


def figures(rates: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    """Medians and ranges of the rates, and of the ratios of timings made one after the other."""
    of_processor = {name: [rate for rate, _ in found] for name, found in rates.items()}
    middle = {name: statistics.median(found) for name, found in of_processor.items()}
    best = [
        max((name for name in middle if name.startswith(learner)), key=middle.__getitem__)
        for learner in ("reinforce", "a2c")
    ]
    sizes = [name.split()[1] for name in rates if name.startswith("reinforce")]
    equal = [(f"reinforce {n}", f"a2c {n}") for n in sizes if f"a2c {n}" in rates]
    return {
        "steps_per_s": {
            name: {"of_processor": spread(of_processor[name]), "of_clock": spread(clock)}
            for name, found in rates.items()
            for clock in [[rate for _, rate in found]]
        },
        "times_as_many": {
            f"{ours}, {theirs}": spread(
                [a / b for a, b in zip(of_processor[ours], of_processor[theirs], strict=True)]
            )
            for ours, theirs in [*equal, (best[0], best[1])]
        },
        "load_average": os.getloadavg()[0],
        "torch": torch.__version__,
    }


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and most, to three digits."""
    found = {"median": statistics.median(values), "least": min(values), "most": max(values)}
    return {name: float(f"{value:.3g}") for name, value in found.items()}


def rate(chunk: Chunk, seconds: float) -> tuple[float, float]:
    """Steps a second of processor time, over at least so long, and by the clock."""
    clock, processor, steps = time.perf_counter(), time.process_time(), 0
    while time.process_time() - processor < seconds:
        steps += chunk()
    return steps / (time.process_time() - processor), steps / (time.perf_counter() - clock)


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
