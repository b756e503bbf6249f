"""WAE-MMD beside Pythae's: images a second, time to a reconstruction, distance of the samples.

python scripts/benchmark_generative.py rate --threads 1          # images a second, several times
python scripts/benchmark_generative.py reach --error 12.5        # seconds to that reconstruction
python scripts/benchmark_generative.py distance samples.npz      # of images of anybody's

``rate`` and ``reach`` train our default network. The peer is timed by itself, in turn with these;
``distance`` takes its samples, an array ``gen`` of bytes B C H W.
"""

import json
import statistics
import time
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro

from hringur.data.images.images import load_images
from hringur.divergences.features import reconstruction_error
from hringur.evaluators.images import COUNT, ImageEvaluator
from hringur.generative.models.wae_mmd import WAEMMD, WAEMMDConfig
from hringur.generative.networks import NetworkName
from hringur.types import UserError


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Time whole updates, after those that warm the encoder up."""

    network: NetworkName = "convolutional"
    """ours, or the plain dense one"""
    hidden: int = WAEMMDConfig.hidden
    """units of the dense layers"""
    depth: int = WAEMMDConfig.depth
    """dense layers of the decoder; Pythae's has one"""
    batch: int = 100
    """images of an update"""
    threads: int = 1
    """processor threads"""
    updates: int = 200
    """of a round"""
    rounds: int = 5
    """timed"""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Train until held-out images are rebuilt as well as asked for; only training is timed."""

    error: float
    """squared error summed over pixels, a mean over the held-out images"""
    every: int = 50
    """updates between two looks"""
    lr: float = 2e-3
    """Adam's learning rate"""
    threads: int = 1
    """processor threads"""
    seconds: float = 300.0
    """after which it is given up"""


@dataclass(frozen=True, kw_only=True)
class Distance:
    """Measure images from a file beside held-out digits."""

    samples: tyro.conf.Positional[Path]
    """an .npz with an array gen"""
    count: int = COUNT
    """images on each side"""
    threads: int = 1
    """processor threads"""


def rate(options: Rate) -> dict[str, float]:
    """Images a second of several rounds."""
    config = WAEMMDConfig(
        network=options.network, hidden=options.hidden, depth=options.depth, batch=options.batch
    )
    model = WAEMMD("mnist", config, device="cpu")
    batches, rates, by_processor = model.batches(), [], []
    for batch in islice(batches, config.encoder_pretraining + 20):
        model.update(batch, 0.0)
    for _ in range(options.rounds):
        began, processor = time.perf_counter(), time.process_time()
        for batch in islice(batches, options.updates):
            model.update(batch, 0.0)
        images = options.updates * options.batch
        rates.append(images / (time.perf_counter() - began))
        by_processor.append(images / (time.process_time() - processor))
    return {
        "images_per_s_median": round(statistics.median(rates), 1),
        "images_per_s_best": round(max(rates), 1),
        "images_per_s_worst": round(min(rates), 1),
        # of all threads together: what a machine shared with others can still tell
        "images_per_processor_s_median": round(statistics.median(by_processor), 1),
    }


def reach(options: Reach) -> dict[str, float]:
    """Seconds of training, warm-up included, to the error asked for."""
    model = WAEMMD("mnist", WAEMMDConfig(lr=options.lr), device="cpu")
    held_out = load_images("mnist").test
    image = torch.tensor(held_out).float() / 255
    batches, spent, updates = model.batches(), 0.0, 0
    while spent < options.seconds:
        began = time.perf_counter()
        for batch in islice(batches, options.every):
            model.update(batch, 0.0)
        spent, updates = spent + time.perf_counter() - began, updates + options.every
        found = reconstruction_error(image, model.reconstruct(held_out))
        if found <= options.error:
            images = updates * model.config.batch
            return {"seconds": round(spent, 2), "reached": round(found, 2), "images": images}
    raise UserError(f"no reconstruction of {options.error} in {options.seconds:g} s: {found:.2f}")


def distance(options: Distance) -> dict[str, float]:
    """Every measure of the images."""
    with np.load(options.samples, allow_pickle=False) as found:
        made = torch.tensor(found["gen"][: options.count])
    return ImageEvaluator(load_images("mnist"), options.count).measure(made)


Options = (
    Annotated[Rate, tyro.conf.subcommand("rate")]
    | Annotated[Reach, tyro.conf.subcommand("reach")]
    | Annotated[Distance, tyro.conf.subcommand("distance")]
)


def main(options: Rate | Reach | Distance) -> None:
    torch.set_num_threads(options.threads)
    if isinstance(options, Rate):
        figures = rate(options)
    else:
        figures = reach(options) if isinstance(options, Reach) else distance(options)
    print(json.dumps(asdict(options) | {"torch": torch.__version__} | figures, default=str))


if __name__ == "__main__":
    main(tyro.cli(Options))
