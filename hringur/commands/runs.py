"""Runs as the commands see them: the settings in config.json, and the learner they stand for."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lightning_fabric import Fabric

from hringur.registry import learner_config
from hringur.training import checkpoint
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import TrainerConfig, make_fabric
from hringur.types import Batches, Learner, State, UserError

Record = TypeVar("Record")


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Everything that a run was started with, as kept in its config.json."""

    learner: str
    """name in the registry"""

    config: Any
    """the learner's own settings"""

    env: str
    env_options: dict[str, Any]
    trainer: TrainerConfig
    seed: int

    def build(self, fabric: Fabric) -> tuple[Learner, Batches]:
        """A fresh learner with its batches."""
        return self.config.build(self.env, self.env_options, self.seed, fabric)


def read_settings(folder: RunFolder) -> RunSettings:
    """The settings in a run's config.json.

    Raises:
        UserError: they are not those of a run that this version can build.
    """
    where = folder.path / "config.json"
    values = record_of(RunSettings, folder.settings(), where)
    return dataclasses.replace(
        values,
        config=record_of(learner_config(values.learner), values.config, where),
        trainer=record_of(TrainerConfig, values.trainer, where),
    )


def record_of(record: type[Record], values: Any, where: Path) -> Record:
    """The dataclass that ``values`` once were; a missing field takes its default."""
    fields = {field.name: field for field in dataclasses.fields(record)}  # type: ignore[arg-type]
    if not isinstance(values, Mapping):
        raise UserError(f"{where}: an object was expected for {record.__name__}, got {values!r}")
    unknown = sorted(values.keys() - fields.keys())
    needed = [
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    missing = [name for name in needed if name not in values]
    if unknown or missing:
        what = f"unknown {', '.join(unknown)}" if unknown else f"missing {', '.join(missing)}"
        raise UserError(f"{where} is not of this version of Hringur: {what}")
    hints = typing.get_type_hints(record)
    return record(**{name: as_type(hints[name], value) for name, value in values.items()})


def as_type(hint: Any, value: Any) -> Any:
    """``value`` as JSON gave it, where the field wants a tuple or a path instead."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if isinstance(value, list) and any(typing.get_origin(option) is tuple for option in options):
        return tuple(value)
    if isinstance(value, str) and Path in options:
        return Path(value)
    return value


def latest_state(folder: RunFolder) -> State:
    """The state in a run's newest checkpoint."""
    path = folder.latest_checkpoint()
    if path is None:
        raise UserError(f"the run {folder.path} has no checkpoint yet")
    return checkpoint.load(path)


def load_run(path: Path, device: typing.Literal["auto", "cpu", "cuda"]) -> tuple[RunSettings, Any]:
    """A run's settings, and its learner with the weights of the newest checkpoint."""
    folder = RunFolder.open(path)
    settings = read_settings(folder)
    state = latest_state(folder)
    learner, _ = settings.build(make_fabric(TrainerConfig(device=device)))
    learner.load_state_dict(state["learner"])
    return settings, learner
