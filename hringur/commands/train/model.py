"""``hringur train MODEL --dataset SET``: a generative model, trained like any learner.

``scripts/run_models.py --xp_id exp0 --dataset mnist`` is the same by the lecture's numbers.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from hringur.commands.console import note, parse
from hringur.commands.train.running import run
from hringur.generative.pictures import write_pictures
from hringur.registry import model_config
from hringur.trained import RunSettings, load_run
from hringur.training.fabric import rank
from hringur.training.trainer import TrainerConfig
from hringur.types import UserError

Config = TypeVar("Config")

USUAL = {"evaluate-every-seconds": "60"}
"""Options of the trainer that are given where the user gives none."""

BUDGETS = ("seconds", "samples", "steps")


@dataclass(frozen=True, kw_only=True)
class TrainModel(Generic[Config]):
    """Train one generative model; the first budget used up ends it, Ctrl-C saves."""

    dataset: str = "mnist"
    """images: mnist, digits, fashion-mnist, a folder, a .zip or an .npz"""

    size: int | None = None
    """bring the images to so many pixels, high and wide; as they are when not given"""

    seed: int = 0
    """of everything that is random [0 .. 2**32 - 1]"""

    folder: Path | None = None
    """run folder, which must be new; runs/NAME-DATASET-SEED when not given"""

    json: bool = False
    """print how the run ended as JSON, and no progress"""

    learner: Config
    trainer: TrainerConfig

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise UserError(f"--seed must be in 0..{2**32 - 1}, got {self.seed}")


def main(
    model: str, arguments: Sequence[str], name: str | None = None, given: Mapping[str, Any] = {}
) -> None:
    """Read the options, train, and write the pictures.

    Args:
        model: of the registry.
        arguments: what the user typed after the name.
        name: of the run; the model's when not given.
        given: settings that the user's options go before.
    """
    name = name or model
    typed = {argument.split("=")[0] for argument in arguments}
    usual = dict(USUAL)
    if not any(f"--{budget}" in typed for budget in BUDGETS):
        usual["samples"] = str(model_config(model).usual_samples)
    first = [f"--{key.replace('_', '-')}={value}" for key, value in {**usual, **given}.items()]
    options_class: Any = TrainModel[model_config(model)]  # type: ignore[misc]
    options = parse(options_class, [*first, *arguments], f"train {model}")
    start(model, name, options)


def start(model: str, name: str, options: TrainModel[Any]) -> Path:
    """A new run; returns its folder, where pictures lie when it is done."""
    settings = RunSettings(
        learner=model,
        config=options.learner,
        env=options.dataset,
        env_options={} if options.size is None else {"size": options.size},
        trainer=options.trainer,
        seed=options.seed,
    )
    what = Path(options.dataset).stem
    folder = options.folder or Path("runs") / f"{name}-{what}-{options.seed}"
    command = shlex.join(["hringur", "train", "--resume", str(folder)])
    run(settings, folder, None, command, options.json)
    if rank() == 0:
        _, learner = load_run(folder, options.trainer.device)
        write_pictures(learner, folder / "pictures")
        if not options.json:
            note(f"pictures: {folder / 'pictures'}")
    return folder
