"""Train the classifier in whose features generative models are measured, and write its file.

python scripts/train_classifier.py --threads 1
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import tyro

from hringur.data.images.images import load_images
from hringur.evaluation.generative.classifier_learning import ClassifierLearning
from hringur.training.log import NoLog
from hringur.training.random_state import seed_everything
from hringur.training.trainer import TrainerConfig, make_fabric, train
from hringur.weights.shipped import DIGIT_CLASSIFIER


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """Train on the training images, count the errors on the held-out ones once, at the end."""

    dataset: str = "mnist"
    """a data set with classes, as for hringur train"""

    epochs: float = 6
    """passes over the training images"""

    batch: int = 128
    """images of an update"""

    lr: float = 3e-3
    """Adam's largest step size"""

    seed: int = 0
    """of weights, order and deformations"""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """where to train"""

    threads: int | None = None
    """processor threads for torch"""

    path: Path = DIGIT_CLASSIFIER
    """the file to write"""


def main(config: ClassifierConfig) -> None:
    seed_everything(config.seed)
    images = load_images(config.dataset)
    samples = round(config.epochs * len(images.train))
    trainer = TrainerConfig(
        samples=samples,
        device=config.device,
        threads=config.threads,
        evaluate_every_seconds=None,
        checkpoint_every_seconds=None,
    )
    learner = ClassifierLearning(images, make_fabric(trainer), config.seed, config.batch, config.lr)
    began = time.perf_counter()
    outcome = train(learner, learner.batches(), trainer, NoLog())
    seconds = time.perf_counter() - began
    accuracy = outcome.metrics[learner.headline]
    settings = asdict(config) | {"path": None, "device": None, "threads": None}
    about = settings | {"dataset": images.name, "test_accuracy_percent": accuracy}
    learner.classifier().cpu().save(config.path, about)
    wrong = round((1 - accuracy / 100) * len(images.test))
    print(
        f"{config.path}: {accuracy:.2f} % of {len(images.test)} held-out images named rightly "
        f"({wrong} wrong), {config.epochs:g} epochs in {seconds:.0f} s"
    )


if __name__ == "__main__":
    main(tyro.cli(ClassifierConfig))
