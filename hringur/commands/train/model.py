"""``hringur train MODEL --dataset SET``: a generative model, trained like any learner.

``scripts/run_models.py --xp_id exp0 --dataset mnist`` is the same by the lecture's numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hringur.commands.console import parse
from hringur.commands.options import DataSet, Size
from hringur.commands.train.running import Config, NewRun
from hringur.registry import model_config
from hringur.types import UserError

USUAL = {"evaluate-every-seconds": "60"}
"""Options of the trainer that are given where the user gives none."""

BUDGETS = ("seconds", "samples", "steps")


@dataclass(frozen=True, kw_only=True)
class TrainModel(NewRun[Config]):
    """Train one generative model; the first budget used up ends it, Ctrl-C saves."""

    dataset: DataSet = "mnist"
    size: Size = None


def main(
    model: str,
    arguments: Sequence[str],
    name: str | None = None,
    given: Mapping[str, Any] = {},
    again: bool = False,
) -> Path:
    """Read the options, train the registry's ``model``, write the pictures; returns the run folder.

    ``name`` is that of the run, the model's when not given. The settings ``given`` are overridden
    by the user's ``arguments``. ``again``: a run of the same name gets a number.
    """
    name = name or model
    typed = {argument.split("=")[0] for argument in arguments}
    usual = USUAL | {"dataset": model_config(model).usual_dataset}
    if not any(f"--{budget}" in typed for budget in BUDGETS):
        usual["samples"] = str(model_config(model).usual_samples)
    first = [f"--{key.replace('_', '-')}={value}" for key, value in {**usual, **given}.items()]
    options_class: Any = TrainModel[model_config(model)]  # type: ignore[misc]
    options = parse(options_class, [*first, *arguments], f"train {model}")
    size = {} if options.size is None else {"size": options.size}
    kind = options.learner.model()
    kind.check_extras()
    if size and kind.of != "images":
        raise UserError(f"size is of images, and {model} is a model of {kind.of}")
    return options.start(model, options.dataset, size, Path(options.dataset).stem, name, again)
