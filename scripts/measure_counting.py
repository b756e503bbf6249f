"""Counting objects without labels, estimator by estimator: the table of docs/questions.md.

    python scripts/measure_counting.py --folder runs/counting

Every estimator trains ``attend-infer-repeat`` from every seed on the same number of scenes, one run
after the other; a folder that holds runs already goes on with those that are missing. A run
succeeds if it has at least 95 % of the counts right. The variances of the gradients in the logits
of the count are all measured at one network, that of the first run with the exact sum.
"""

import math
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import tyro

import hringur
from hringur.evaluation.statistics import mean_over_runs
from hringur.generative.models.attend_infer_repeat import EXACT, AttendInferRepeat

SUPERVISED = "supervised"
SUCCESS_PERCENT = 95.0
COUNT, UNSEEN = "evaluation/count_accuracy_percent", "evaluation/three_objects_percent"


@dataclass(frozen=True, kw_only=True)
class Counting:
    """Train, and print the table."""

    folder: Path
    """of all runs"""
    estimators: tuple[str, ...] = (EXACT, "reinforce-leave-one-out", "vimco", "reinforce")
    seeds: int = 3
    samples: int = 100_000
    """scenes of a run"""


def main(options: Counting) -> None:
    columns = (
        "counts right %",
        "worst %",
        f">= {SUCCESS_PERCENT:g} %",
        "three %",
        "variance [nats²]",
    )
    print(f"| estimator | {' | '.join(columns)} |\n|{' --- |' * 6}", flush=True)
    for name in (*options.estimators, SUPERVISED):
        found = [trained(options, name, seed) for seed in range(options.seeds)]
        counts, unseen = [one[COUNT] for one in found], [one[UNSEEN] for one in found]
        good = sum(count >= SUCCESS_PERCENT for count in counts)
        spread = "" if name == SUPERVISED else f"{variance(options, name):.3g}"
        told = interval(counts), f"{min(counts):.2f}", f"{good} of {len(counts)}", interval(unseen)
        print(f"| `{name}` | {' | '.join(told)} | {spread} |", flush=True)


def trained(options: Counting, name: str, seed: int) -> dict[str, float]:
    """What is measured of a run, which is made if it is not there."""
    run = options.folder / f"{name}-{seed}"
    if not (run / "metrics.json").is_file():
        how = ["--supervised"] if name == SUPERVISED else ["--estimator", name]
        command = [sys.executable, "-m", "hringur", "train", "attend-infer-repeat", *how]
        command += ["--seed", str(seed), "--samples", str(options.samples), "--threads", "1"]
        subprocess.run([*command, "--folder", str(run)], check=True, stdout=subprocess.DEVNULL)
    model = hringur.load(run)
    return model.measures(*model.held_out)


def variance(options: Counting, name: str) -> float:
    """Of the estimator's gradient in the logits of the count, at the network trained exactly."""
    torch.manual_seed(0)
    exact = hringur.load(options.folder / f"{EXACT}-0")
    model = AttendInferRepeat(config=replace(exact.config, estimator=name), device="cpu")
    model.network.average.load_state_dict(exact.network.average.state_dict(), strict=False)
    return model.gradient_variance(model.held_out[0].first(200))


def interval(values: list[float]) -> str:
    """Mean over runs and, unless all are equal, its 95 % t-interval."""
    mean = mean_over_runs(np.array(values))
    known = "" if math.isnan(mean.low) else f" [{mean.low:.2f}, {mean.high:.2f}]"
    return f"{mean.value:.2f}{known}"


if __name__ == "__main__":
    main(tyro.cli(Counting))
