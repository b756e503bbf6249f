"""Train the attention model that ships: one network for 5 to 105 places, on roads and points.

It goes on from an earlier model, to which it adds layers that begin as the identity. Most updates
are supervised: instances are drawn, nearly solved by iterated local search (or_opt.c, for which a
C compiler is needed), and readings of that tour from random places on, in both directions, are
made likelier. In the others, tours are sampled as ``hringur train`` does it: a quarter of them
follow REINFORCE with the mean of the instance as baseline, the rest are readings of the solution.

python scripts/train_any_size.py --initial MODEL --seconds 4450 --folder runs/any-size
"""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import tyro
from local_search import nearly_shortest

from hringur.agents.tours.agent import TourAgent
from hringur.agents.tours.attention_model import AttentionModelConfig
from hringur.agents.tours.decoding import build_tours, readings, sample
from hringur.agents.tours.planner import on_device
from hringur.data.tours.iceland import places
from hringur.data.tours.instances import IcelandPlaces, euclidean
from hringur.data.tours.length import tour_length
from hringur.data.tours.random_points import random_points
from hringur.estimators.score_functions import score_function
from hringur.training.run_folder import learner_state
from hringur.types import Instances

LARGEST = 105
KEPT = 240  # batches that are shown again, turned and mirrored anew
FRESH = 0.35  # share of the updates that draw and solve instances of their own


@dataclass(frozen=True, kw_only=True)
class TrainAnySize:
    """Train on solved instances of many sizes and kinds."""

    initial: Path
    """the model to go on from"""

    folder: Path
    """where model.safetensors and log.jsonl go"""

    seconds: float = 4450.0
    """budget; the learning rate decays to zero over it"""

    layers: int = 6
    """of the encoder; those that the initial model lacks begin as the identity"""

    lr: float = 1e-3
    """Adam's highest learning rate"""

    batch: int = 8
    """instances of 100 places in an update; more of smaller ones"""

    readings: int = 8
    """of the solution of each instance in an update"""

    roads: float = 0.3
    """share of the updates on places of Iceland"""

    sampled: float = 0.1
    """share of the updates on points in which tours are sampled; of those on roads, five times as
    much"""

    seed: int = 0
    """of instances, tours and readings"""


class Solved(NamedTuple):
    """Instances with nearly shortest tours."""

    kind: str
    instances: Instances
    tour: np.ndarray


class SolvedBatches:
    """Batches of one size and kind each, some of them new, others seen before."""

    def __init__(self, config: TrainAnySize) -> None:
        self.config, self.rng = config, np.random.default_rng([config.seed, 20])
        self.roads = IcelandPlaces(range(len(places())))
        self.kept: list[Solved] = []

    def draw(self) -> Solved:
        """A batch, new or seen before; points are turned or mirrored, places of Iceland are not."""
        rng = self.rng
        if len(self.kept) < KEPT // 8 or rng.random() < FRESH:
            solved = self.fresh()
            if len(self.kept) < KEPT:
                self.kept.append(solved)
            else:
                self.kept[rng.integers(KEPT)] = solved
        else:
            solved = self.kept[rng.integers(len(self.kept))]
        if solved.kind == "roads":
            return solved
        points = solved.instances.coordinates
        points = np.where(rng.random((len(points), 1, 2)) < 0.5, points, 1 - points)
        points = points[..., [1, 0]] if rng.random() < 0.5 else points
        return solved._replace(instances=Instances(points, solved.instances.distance))

    def fresh(self) -> Solved:
        """New instances, solved."""
        rng, on_roads = self.rng, self.rng.random() < self.config.roads
        n = self.size(94 if on_roads else LARGEST)
        batch = min(64, round(self.config.batch * (100 / n) ** 1.6))
        kind = "roads" if on_roads else str(rng.choice(["uniform", "random", "rectangle"]))
        if rng.random() < 0.45 and not on_roads:
            kind = "uniform"
        if kind == "roads":
            instances = self.roads.sample(rng, batch, n)
        elif kind == "uniform":
            instances = euclidean(rng.random((batch, n, 2)))
        else:
            instances = (
                random_points(rng, batch, n) if kind == "random" else rectangles(rng, batch, n)
            )
        kicks = 300 if n <= 50 else 300 + 15 * (n - 50)
        tour = nearly_shortest(instances.distance, kicks, int(rng.integers(2**62)))
        return Solved(kind, instances, tour)

    def size(self, largest: int) -> int:
        """Places: a third of the batches from 5 to 45, each octave alike, the others larger."""
        if self.rng.random() < 1 / 3:
            return int(5 * (46 / 5) ** self.rng.random())
        return int(self.rng.integers(45, largest + 1))


def rectangles(rng: np.random.Generator, batch: int, n: int) -> Instances:
    """Points in rectangles of any form; of half of the batches they are drawn to a lattice."""
    points = rng.random((batch, n, 2))
    if rng.random() < 0.5:
        lines, pull = rng.integers(5, 25, (batch, 1, 1)), rng.random((batch, 1, 1))
        points += pull * (np.rint(points * lines) / lines - points)
        points += 1e-3 * rng.standard_normal(points.shape)
        points = points.clip(0.0, 1.0)
    form = np.stack([np.ones(batch), rng.uniform(0.15, 1.0, batch)], axis=1)
    return euclidean(points * form[:, None])


def grown(config: TrainAnySize) -> TourAgent:
    """An agent with the initial model's weights, and further layers that change nothing yet."""
    policy = AttentionModelConfig(
        layers=config.layers,
        min_places=5,
        max_places=94,
        points=0.7,
        lr=config.lr,
        average_decay=0.998,
    )
    options = {"places": 20, "season": "summer", "distance": "road"}
    agent = TourAgent("IcelandTSP-v0", policy, seed=config.seed, device="cpu", env_options=options)
    given = learner_state(config.initial)["weights"]
    weights = dict(agent.trained.module.state_dict()) | {k: v.float() for k, v in given.items()}
    for name in weights.keys() - given.keys():
        if name.rpartition(".")[0].endswith((".output", "feed_forward.3")):
            weights[name] = torch.zeros_like(weights[name])
    agent.trained.load_weights(weights, str(config.initial))
    return agent


def update(agent: TourAgent, solved: Solved, config: TrainAnySize, share: float) -> dict:
    """One step towards the solutions, and sometimes away from longer tours."""
    n = solved.instances.n_places
    problem = on_device(solved.instances, torch.device("cpu"))
    sampled = torch.rand(()).item() < config.sampled * (5 if solved.kind == "roads" else 1)
    tours = min(n, 16 if sampled else config.readings)
    start = torch.rand(len(problem.distance), n).argsort(dim=1)[:, :tours]
    encoding = agent.policy.encode(*problem)
    tour = readings(torch.from_numpy(solved.tour), start)
    advantage = -torch.ones(tour.shape[:2])
    if sampled:
        with torch.no_grad():
            own = build_tours(agent.policy, encoding, start, n, sample)
        cost = tour_length(problem.distance, own) / problem.distance.mean(dim=(1, 2))[:, None]
        learned = 2.0 * (cost - cost.mean(dim=1, keepdim=True)) * tours / (tours - 1)
        follow = torch.rand_like(cost) < 0.25
        tour = torch.where(follow[..., None], own, tour)
        advantage = torch.where(follow, learned, advantage)
    scored = agent.policy.score(encoding, tour)
    loss = score_function(scored.log_prob, advantage) * (20 / n)
    warm = min(1.0, share / 0.01 + 0.01)
    agent.trained.lr = config.lr * warm * 0.5 * (1 + math.cos(math.pi * share))
    norm = agent.trained.step(loss, clip_norm=1.0)
    likelihood = scored.log_prob[advantage == -1].mean().item() / (n - 1)
    return {"n": n, "kind": solved.kind, "nats": -likelihood, "norm": norm}


def train(config: TrainAnySize) -> None:
    torch.manual_seed(config.seed)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    config.folder.mkdir(parents=True, exist_ok=True)
    agent, batches = grown(config), SolvedBatches(config)
    began, saved, step, instances = time.perf_counter(), 0.0, 0, 0
    with (config.folder / "log.jsonl").open("w") as log:
        while (spent := time.perf_counter() - began) < config.seconds:
            solved = batches.draw()
            scalars = update(agent, solved, config, spent / config.seconds)
            step, instances = step + 1, instances + len(solved.tour)
            log.write(json.dumps({"step": step, "seconds": round(spent, 2)} | scalars) + "\n")
            if spent - saved > 120:
                saved = spent
                log.flush()
                agent.save(config.folder / "model.safetensors")
    agent.save(config.folder / "model.safetensors")
    print(f"{step:,} updates, {instances:,} instances, {config.seconds:.0f} s")


if __name__ == "__main__":
    train(tyro.cli(TrainAnySize))
