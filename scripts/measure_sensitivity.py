"""The table of docs/generative_metrics.md: how each measure answers to a known damage.

python scripts/measure_sensitivity.py
"""

from dataclasses import dataclass

import torch
import tyro

from hringur.data.images.images import load_images
from hringur.evaluation.generative.sensitivity import sensitivity
from hringur.evaluators.images import COUNT, ImageEvaluator


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """Damage training images, and measure them beside held-out ones."""

    dataset: str = "mnist"
    """images, with classes"""
    count: int = COUNT
    """on each side"""
    threads: int = 1
    """processor threads"""


def main(options: Sensitivity) -> None:
    torch.set_num_threads(options.threads)
    evaluator = ImageEvaluator(load_images(options.dataset), options.count)
    print(sensitivity(evaluator).markdown())


if __name__ == "__main__":
    main(tyro.cli(Sensitivity))
