"""Draw the held-out sets and prove the shortest tour of every instance.

python scripts/make_held_out.py --sets iceland-20 iceland-50
python scripts/make_held_out.py --sets euclidean-100 --count 100
"""

import io
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from local_search import nearly_shortest
from rich.progress import track

from hringur.data.files import write_whole
from hringur.data.tours.held_out import HELD_OUT, held_out_instances
from hringur.data.tours.iceland import places
from hringur.data.tours.instances import IcelandPlaces, UniformPoints
from hringur.data.tours.length import tour_length
from hringur.references.tours.exact import optimal_tour
from hringur.references.tours.heuristics import begin_at

HELD_OUT_ENTROPY = 2**64 + 874
"""Mixed with the number of the set; larger than any seed that training may be given."""

KICKS = 10_000
"""Of the local search before a proof, above 50 places."""


@dataclass(frozen=True, kw_only=True)
class HeldOutConfig:
    """Write held-out sets with proven shortest round trips; stop if one cannot be proven."""

    sets: tuple[str, ...] = HELD_OUT
    """names: iceland-20, iceland-50, euclidean-20, euclidean-50, euclidean-100"""

    count: int = 1000
    """instances of each set"""

    seed: int | None = None
    """draw another set than the shipped one (which comes from entropy reserved for it)"""

    seconds: float = 300.0
    """most that one proof may take"""

    folder: Path = Path("hringur/data/held_out")
    """where the .npz files go"""


def make(config: HeldOutConfig) -> None:
    for name in config.sets:
        began = time.perf_counter()
        path = make_set(name, config)
        print(f"{path}: {config.count} proven in {time.perf_counter() - began:.0f} s", flush=True)


def make_set(name: str, config: HeldOutConfig) -> Path:
    rng = held_out_generator(name)
    if config.seed is not None:
        rng = np.random.default_rng(config.seed)
    drawn = draw(name, rng, config.count)
    tours: list[np.ndarray] = []
    for distance in track(held_out_instances(name, drawn).distance, f"{name}: proving"):
        near = nearly_shortest(distance[None], KICKS, seed=0) if len(distance) > 50 else None
        known = None if near is None else begin_at(near)[0]
        exact = optimal_tour(distance, seconds=config.seconds, known=known)
        if not exact.proven:
            raise SystemExit(f"{name}: instance {len(tours)} not proven in {config.seconds} s")
        tours.append(exact.tour)
    return save_held_out(config.folder, name, drawn, np.array(tours))


def held_out_generator(name: str) -> np.random.Generator:
    """The stream from which the set ``name`` was drawn; no training seed leads to it."""
    return np.random.default_rng([HELD_OUT_ENTROPY, HELD_OUT.index(name)])


def save_held_out(folder: Path, name: str, drawn: np.ndarray, tour: np.ndarray) -> Path:
    """Write a set: place numbers or points, and a proven shortest tour of each instance.

    Points are kept in float32 and must have been rounded to it before they were solved.
    """
    n = int(name.split("-")[1])
    if drawn.shape[1] != n or tour.shape != drawn.shape[:2]:
        raise ValueError(f"{name} has {n} places, got arrays of {drawn.shape} and {tour.shape}")
    if not np.array_equal(np.sort(tour, axis=1), np.broadcast_to(np.arange(n), tour.shape)):
        raise ValueError(f"every tour must visit each of the {n} places once")
    kept = drawn.astype(np.uint8 if name.startswith("iceland") else np.float32)
    if not np.array_equal(kept, drawn):
        raise ValueError("round the points to float32 before solving, else the optimum moves")
    optimal = tour_length(held_out_instances(name, kept).distance, tour)
    packed = io.BytesIO()
    np.savez_compressed(packed, drawn=kept, optimal=optimal, tour=tour.astype(np.uint8))
    path = folder / f"{name}.npz"
    write_whole(path, packed.getvalue())
    return path


def draw(name: str, rng: np.random.Generator, count: int) -> np.ndarray:
    """Numbers of places of Iceland, or points rounded to float32 as they are stored."""
    n = int(name.split("-")[1])
    if name.startswith("iceland"):
        return IcelandPlaces(range(len(places()))).drawn_from_random_rows(rng.random((count, n)), n)
    return UniformPoints().sample(rng, count, n).coordinates.astype(np.float32)


if __name__ == "__main__":
    make(tyro.cli(HeldOutConfig))
