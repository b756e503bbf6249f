"""A learner of a few weights, and a run of it that a test can start, kill and resume.

As a script: ``python toy.py FOLDER STEPS``; goes on where FOLDER's run stopped. With
``python toy.py serve`` it starts such runs for the lines that it reads, each a JSON object
(see ``serve``), and prints how they ended: the imports, which take longer than a run, are paid
for once.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hringur.training import checkpoint
from hringur.training.console import display
from hringur.training.fabric import rank
from hringur.training.log import NoLog, RunLog
from hringur.training.random_state import seed_everything
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import TrainerConfig, gradient_step, make_fabric, train
from hringur.types import Metrics, State


class Points:
    """Endless batches of random points, drawn from a NumPy generator of its own."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __iter__(self):
        return self

    def __next__(self) -> np.ndarray:
        return self.rng.random((8, 4), dtype=np.float32)

    def state_dict(self) -> State:
        return {"generator": self.rng.bit_generator.state}

    def load_state_dict(self, state: State) -> None:
        self.rng.bit_generator.state = state["generator"]


class Toy:
    """Fits the sum of the coordinates; dropout draws from torch's own stream."""

    headline = "toy/error"

    def __init__(self, fabric) -> None:
        self.fabric = fabric
        net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
        self.net, self.optimizer = fabric.setup(net, torch.optim.Adam(net.parameters(), lr=1e-2))
        self.rates: list[float] = []

    def update(self, batch: np.ndarray, progress: float) -> Metrics:
        self.rates.append(progress)
        for group in self.optimizer.param_groups:
            group["lr"] = 1e-2 * (1 - progress)
        points = torch.from_numpy(batch).to(self.fabric.device)
        loss = (self.net(points).squeeze(1) - points.sum(1)).square().mean()
        norm = gradient_step(self.fabric, loss, self.optimizer, clip_norm=1.0)
        return {"toy/loss": loss.item(), "toy/grad_norm": norm}

    def evaluate(self) -> Metrics:
        points = torch.rand(16, 4)  # from the shared stream, to see whether that disturbs it
        self.net.eval()
        with torch.no_grad():
            error = (self.net(points).squeeze(1) - points.sum(1)).abs().mean().item()
        self.net.train()
        return {"toy/error": error}

    def state_dict(self) -> State:
        return {"net": self.net.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: State) -> None:
        checkpoint.load_weights(self.net, state["net"], "the checkpoint")
        self.optimizer.load_state_dict(state["optimizer"])


def toy(seed: int = 0) -> tuple[Toy, Points]:
    seed_everything(seed)
    fabric = make_fabric(TrainerConfig(device="cpu", steps=1))
    learner = Toy(fabric)
    seed_everything(seed + rank())  # each process: the same weights, other draws
    return learner, Points(seed + rank())


def main(path: Path, steps: int) -> None:
    config = TrainerConfig(
        device="cpu",
        steps=steps,
        log_every=7,
        evaluate_every_steps=10,
        evaluate_every_seconds=None,
        checkpoint_every_steps=3,
        threads=1,
    )
    learner, batches = toy()
    log, resume_state = NoLog(), None
    if (path / "config.json").exists():
        folder = RunFolder.open(path, write=rank() == 0)
        latest = folder.latest_checkpoint()
        resume_state = checkpoint.load(latest) if latest else None
    elif rank() == 0:
        folder = RunFolder.create(path, {"steps": steps})
    if rank() == 0:
        log = RunLog(folder, display())
    outcome = train(learner, batches, config, log, resume_state)
    weights = {name: weight.tolist() for name, weight in learner.net.state_dict().items()}
    ending = {"interrupted": outcome.interrupted, "weights": weights}
    (path / f"rank-{rank()}.json").write_text(json.dumps(ending))


def serve() -> None:
    toy()  # what torch imports only when it is used
    for line in sys.stdin:
        job = json.loads(line)
        children = [start(Path(job["path"]), job["steps"], own) for own in job["environments"]]
        if job["kill"] is not None:
            step, delay_seconds = job["kill"]
            while newest_step(Path(job["path"])) < step:
                time.sleep(0.0005)
            time.sleep(delay_seconds)
            for child in children:  # not yet waited for: the number is still its own
                os.kill(child, signal.SIGKILL)
        statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(statuses), flush=True)


def newest_step(path: Path) -> int:
    names = [file.stem for file in (path / "checkpoints").glob("step-*.safetensors")]
    return max((int(name.split("-")[1]) for name in names), default=0)


def start(path: Path, steps: int, environment: dict[str, str]) -> int:
    child = os.fork()
    if child == 0:
        os.environ.update(environment)
        status = 1
        try:
            main(path, steps)
            status = 0
        finally:
            os._exit(status)
    return child


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]))
