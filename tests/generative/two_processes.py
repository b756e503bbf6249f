"""One of two processes that train together: ``two_processes.py FOLDER``, as torchrun starts it.

Every model makes a few updates; the GAN does so with noise of which each process takes its share,
so that one process with the doubled batch can do the very same.
"""

import atexit
import sys
from pathlib import Path
from unittest.mock import patch

import torch

from hringur.generative.models.gan import GAN, GANConfig
from hringur.registry import model_config
from hringur.training import checkpoint
from hringur.training.fabric import gather, rank, world_size
from hringur.training.trainer import TrainerConfig, make_fabric
from tests.generative.small_images import IMAGE_MODELS, bars

SMALL = {"channels": 4, "hidden": 16, "latent": 3}
UPDATES = 20


def game(fabric) -> GAN:
    """A GAN after a few updates; both optimisers, and the R1 penalty, take part."""
    torch.set_num_threads(1)
    config = GANConfig(batch=16 // world_size(), **SMALL)
    model = GAN(bars(), config, seed=0, fabric=fabric)
    batches, draw = model.batches(), torch.randn

    def share(count: int, *rest: int, **options) -> torch.Tensor:
        whole = draw(count * world_size(), *rest, **options)
        return whole[rank() * count : (rank() + 1) * count]

    with patch("torch.randn", share):
        for step in range(UPDATES):
            model.update(next(batches), step / UPDATES)
    return model


def weights(model) -> dict[str, torch.Tensor]:
    """Weights of all networks, by name."""
    return {
        f"{role} {key}": value
        for role, network in model.networks.items()
        for key, value in network.module.state_dict().items()
    }


def note_threads(folder: Path) -> None:
    """Leave the names of the threads that are still there."""
    tasks = Path("/proc/self/task").glob("*/comm")
    (folder / f"threads-{rank()}").write_text("".join(task.read_text() for task in tasks))


def main(folder: Path) -> None:
    """Train, compare with the other process, and leave what came out."""
    atexit.register(note_threads, folder)  # first registered, last called
    fabric = make_fabric(TrainerConfig(device="cpu", threads=1))
    found = {"gan": weights(game(fabric))}
    for name in IMAGE_MODELS:
        known = model_config(name).__dataclass_fields__
        extra = {"encoder_pretraining": 1} if "encoder_pretraining" in known else {}
        config = model_config(name)(batch=8, **SMALL, **extra)
        model = config.model()(bars(), config, seed=0, fabric=fabric)
        batches = model.batches()
        torch.manual_seed(rank())  # noise of its own, as build sees to
        for step in range(4):
            model.update(next(batches), step / 4)
        mine, other = gather(weights(model))
        assert all(torch.equal(value, other[key]) for key, value in mine.items()), name
    if rank() == 0:
        checkpoint.save(folder / "found.safetensors", found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
