"""Binary codes by every estimator: where each one's bound ends, and how much its gradient varies.

python scripts/discrete_codes.py --figure docs/pictures/discrete_codes.png

The same autoencoder of bits is trained with each estimator, from the same seeds, on equally many
images. A run that is done is kept in the folder, so the same command goes on where it was stopped.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import tyro

from hringur.data.files import write_whole
from hringur.data.images.images import ImageSet, load_images
from hringur.evaluation.figures import save
from hringur.evaluation.generative.discrete_codes import ESTIMATORS, CodeRun, chart, markdown
from hringur.generative.models.discrete_autoencoder import (
    DiscreteAutoencoder,
    DiscreteAutoencoderConfig,
)


@dataclass(frozen=True, kw_only=True)
class DiscreteCodes:
    """Train, measure, draw."""

    dataset: str = "mnist"
    """images"""
    estimators: tuple[str, ...] = ESTIMATORS
    """names in hringur.estimators"""
    seeds: int = 3
    """runs of each, from seeds 0, 1, ..."""
    samples: int = 60_000
    """images that each run learns from"""
    draws: int = 4
    """evaluations of the cost for an image and an update; antithetic pairs count for two"""
    latent: int = 32
    """bits of a code"""
    threads: int = 1
    """processor threads"""
    folder: Path = Path("runs/discrete-codes")
    """where figures are kept"""
    figure: Path | None = None
    """draw to this PNG too"""


PAIRS = ("arm", "disarm")
"""Estimators whose draws are pairs."""


def train(options: DiscreteCodes, images: ImageSet, estimator: str, seed: int) -> CodeRun:
    """One run: its bound on held-out images, and its gradient's variance, at the end."""
    draws = options.draws // 2 if estimator in PAIRS else options.draws
    config = DiscreteAutoencoderConfig(estimator=estimator, draws=draws, latent=options.latent)
    model = DiscreteAutoencoder(images, config, seed=seed, device="cpu")
    model.fit(samples=options.samples)
    torch.manual_seed(0)
    measured = model.own_measures()
    return CodeRun(
        estimator=estimator,
        seed=seed,
        elbo_nats=measured["evaluation/elbo_nats"],
        gradient_variance_nats2=measured["evaluation/gradient_variance_nats2"],
    )


def main(options: DiscreteCodes) -> None:
    torch.set_num_threads(options.threads)
    images, runs = load_images(options.dataset), []
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seeds):
        for estimator in options.estimators:
            recipe = f"{options.dataset}-{options.samples}-{options.latent}-{options.draws}"
            file = options.folder / f"{estimator}-{seed}-{recipe}.json"
            if not file.exists():
                done = train(options, images, estimator, seed)
                write_whole(file, json.dumps(asdict(done)) + "\n")
                print(f"{estimator}-{seed}: {done.elbo_nats:.1f} nats", flush=True)
            runs.append(CodeRun(**json.loads(file.read_text())))
    table = markdown(runs)
    write_whole(options.folder / "results.md", table)
    title = f"{options.dataset}, {options.latent} bits, {options.samples:,} images"
    figure = chart(runs, f"{title}, {options.seeds} runs each")
    for path in filter(None, (options.folder / "results.png", options.figure)):
        save(figure, path)
    print(table)


if __name__ == "__main__":
    main(tyro.cli(DiscreteCodes))
