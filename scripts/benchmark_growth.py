"""Time and memory of planning one instance of n places, each n in a process of its own.

``python scripts/benchmark_growth.py`` prints Markdown.
"""

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from hringur.weights.shipped import ATTENTION_MODEL

COLUMNS = ("greedy_seconds", "greedy_mib", "all_starts_seconds", "all_starts_mib")


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Plan uniform points with a trained agent: one greedy tour, then one from every start."""

    agent: Path = ATTENTION_MODEL
    """saved agent"""
    sizes: tuple[int, ...] = (20, 50, 94, 200, 500, 1000)
    """places"""
    threads: int = 1
    """processor threads"""
    one: int | None = None
    """measure this size in this process and print JSON"""


def main(growth: Growth) -> None:
    if growth.one is not None:
        print(json.dumps(measure(growth.agent, growth.one, growth.threads)))
        return
    print("| places | greedy [s] | its memory [MiB] | all starts [s] | their memory [MiB] |")
    print("| --- | --- | --- | --- | --- |")
    for n in growth.sizes:
        command = [sys.executable, __file__, f"--agent={growth.agent}", f"--one={n}"]
        command.append(f"--threads={growth.threads}")
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        cells = " | ".join(f"{found[column]:.3g}" for column in COLUMNS)
        print(f"| {n:,} | {cells} |", flush=True)


def measure(path: Path, n: int, threads: int) -> dict[str, float]:
    """Seconds, and how far the peak memory rose above that of a loaded agent."""
    import torch

    from hringur.agents.tours.agent import TourAgent
    from hringur.agents.tours.decoding import Decoding
    from hringur.data.tours.instances import UniformPoints

    torch.set_num_threads(threads)
    agent = TourAgent.load(path, device="cpu")
    sampler, rng = UniformPoints(), np.random.default_rng(0)
    agent.plan(sampler.sample(rng, 1, 5), Decoding())
    instance, loaded = sampler.sample(rng, 1, n), peak_mib()
    found = {}
    for name, decoding in {
        "greedy": Decoding(),
        "all_starts": Decoding(method="all-starts"),
    }.items():
        began = time.perf_counter()
        agent.plan(instance, decoding)
        found[f"{name}_seconds"] = time.perf_counter() - began
        found[f"{name}_mib"] = peak_mib() - loaded
    return found


def peak_mib() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(tyro.cli(Growth))
