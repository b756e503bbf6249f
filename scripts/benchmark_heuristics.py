"""Processor seconds of each heuristic and of a proof, for one instance of n uniform points.

``python scripts/benchmark_heuristics.py`` prints Markdown: the median of a few instances, and of
proofs, which vary much from instance to instance, the least and the most.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
import tyro

from hringur.data.tours.instances import UniformPoints
from hringur.evaluation.tables import Column, Table
from hringur.references.tours.exact import optimal_tour
from hringur.references.tours.heuristics import HEURISTICS

Row = tuple[str, dict[str, str]]
"""Number of points, and what each took."""


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Time the heuristics and proofs, all in this process, which has one thread for each."""

    sizes: tuple[int, ...] = (20, 50, 100, 200, 400)
    """points"""
    instances: int = 3
    """of each size"""
    most_proven: int = 100
    """points up to which a tour is proven shortest"""
    seed: int = 0
    """of the points"""


def main(growth: Growth) -> None:
    rng, every = np.random.default_rng(growth.seed), UniformPoints()
    HEURISTICS["christofides"](every.sample(rng, 1, 5).distance)  # imports networkx
    rows = []
    for n in growth.sizes:
        distances = [every.sample(rng, 1, n).distance for _ in range(growth.instances)]
        row = {
            name: median(seconds(of, one) for one in distances) for name, of in HEURISTICS.items()
        }
        proof = [seconds(optimal_tour, one[0]) for one in distances if n <= growth.most_proven]
        rows.append((f"{n:,}", {k: f"{v:.2g}" for k, v in row.items()} | {"proof": ends(proof)}))
    columns = [Column[Row]("points", lambda row: row[0]), *map(column, (*HEURISTICS, "proof"))]
    print(Table(columns=columns, rows=rows).markdown())


def column(name: str) -> Column[Row]:
    """Of one heuristic, or of the proof."""
    return Column(name, lambda row: row[1][name])


def seconds(solve: Callable[[np.ndarray], object], distance: np.ndarray) -> float:
    """Of the processor, for one call."""
    began = time.process_time()
    solve(distance)
    return time.process_time() - began


def ends(found: list[float]) -> str:
    """The least and the most."""
    return f"{min(found):.2g} to {max(found):.2g}" if found else ""


if __name__ == "__main__":
    main(tyro.cli(Growth))
