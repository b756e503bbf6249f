"""Run folders, checkpoints, saved agents and models, opened again.

    agent = hringur.load("runs/first")
    model = hringur.load("vae.safetensors")
    other = hringur.load("hub:user/name")  # of the Hugging Face Hub

Opening a file imports no module that the file names: an environment of another package must have
been imported before (``hringur.evaluators.environments.check_known``).
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from lightning_fabric import Fabric

from hringur.data.hub import PREFIX, fetch
from hringur.evaluators.choice import domain_for
from hringur.evaluators.environments import check_known, check_options
from hringur.registry import SAVED, Domain, config_of, models
from hringur.settings import check_fields, read
from hringur.training import checkpoint
from hringur.training.agent import path_of_agent
from hringur.training.config import Device
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import TrainerConfig, make_fabric
from hringur.types import Batches, Learner, State, UserError
from hringur.weights.shipped import MODELS as SHIPPED


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

    def without_initial(self) -> "RunSettings":
        """The settings to load a checkpoint with: a file of initial weights may be gone by now."""
        if getattr(self.config, "initial", None) is None:
            return self
        return dataclasses.replace(self, config=dataclasses.replace(self.config, initial=None))


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained learner, from a run folder or from a saved agent."""

    path: Path
    """run folder, file or model of the Hub, as the user typed it"""

    name: str
    """name of the learner in the registry"""

    learner: Any
    """an agent, or a generative model"""

    settings: RunSettings | None = None
    """settings of the run; None for an agent or model saved to a file, which has not all of them"""

    folder: Path | None = None
    """the run folder; only a run on this machine has one"""

    @property
    def evaluation(self) -> str:
        """The function behind ``hringur evaluate``, as ``module:function``."""
        return self.learner.evaluation if self.domain is None else self.domain.evaluation

    @property
    def domain(self) -> Domain | None:
        """What the agent's environment has in common with others; None of a generative model."""
        if self.name in models():
            return None
        return domain_for(self.learner.env_id, self.learner.env_options)


def load(path: str | Path, device: Device = "auto") -> Any:
    """The agent or model at ``path``, with its trained weights.

    ``path`` is a run folder, one of its checkpoints, what ``save`` of an agent or of a model wrote,
    "hub:user/name" for a model of the Hugging Face Hub, or "attention-model" or "faces": those that
    ship with the package.
    """
    return load_trained(Path(path), device).learner


def from_pretrained(repo_id: str, revision: str | None = None, device: Device = "auto") -> Any:
    """The agent or model ``user/name`` of the Hugging Face Hub (extra ``hub``).

    ``revision`` is a branch, tag or commit. Two files are fetched, and nothing in them is executed.
    """
    return load(f"{PREFIX}{repo_id}@{revision}" if revision else f"{PREFIX}{repo_id}", device)


def read_settings(folder: RunFolder) -> RunSettings:
    """The settings in a run's config.json; refused if this version cannot build such a run."""
    where = folder.path / "config.json"
    values = check_fields(RunSettings, folder.settings(), where)
    config_class = config_of(str(values["learner"]))
    values["config"] = read(config_class, values["config"], where)
    values["trainer"] = read(TrainerConfig, values["trainer"], where)
    for name, kind in (("env", str), ("env_options", dict), ("seed", int)):
        if type(values[name]) is not kind:
            raise UserError(
                f"{where}: {name} must be of type {kind.__name__}, got {values[name]!r}"
            )
    if not 0 <= values["seed"] < 2**32:
        raise UserError(f"{where}: seed must be in 0..{2**32 - 1}, got {values['seed']}")
    if values["learner"] not in models():
        check_known(values["env"], where)
        check_options(values["env_options"])
    return RunSettings(**values)


def latest_state(folder: RunFolder) -> State | None:
    """The state in a run's newest checkpoint; None when it was stopped before the first."""
    path = folder.latest_checkpoint()
    return None if path is None else checkpoint.load(path)


def load_run(path: Path, device: Device) -> tuple[RunSettings, Any]:
    """A run's settings, and its learner with the weights of the newest checkpoint."""
    folder = RunFolder.open(path)
    newest = folder.latest_checkpoint()
    if newest is None:
        raise UserError(f"the run {path} has no checkpoint yet")
    return _load_checkpoint(folder, newest, device)


def load_trained(path: Path, device: Device) -> Trained:
    """What was trained or saved at ``path`` (see ``load``), with what is known about it."""
    if str(path).startswith(PREFIX):
        return _load_fetched(path, fetch(str(path).removeprefix(PREFIX)), device)
    if path.is_dir():
        settings, learner = load_run(path, device)
        return Trained(
            path=path, name=settings.learner, learner=learner, settings=settings, folder=path
        )
    if not path.exists():
        path = SHIPPED.get(str(path), path_of_agent(path))
    if not path.exists():
        raise UserError(f"{path} is no run folder, saved agent or model: nothing is there")
    run = path.resolve().parents[1]
    if (run / "config.json").is_file() and path.resolve().parent == RunFolder(run).checkpoints:
        settings, learner = _load_checkpoint(RunFolder.open(run), path, device)
        return Trained(
            path=path, name=settings.learner, learner=learner, settings=settings, folder=run
        )
    return _load_saved(path, path, checkpoint.load(path), device)


def _load_fetched(path: Path, file: Path, device: Device) -> Trained:
    """What came from the Hub: a run's checkpoint beside its config.json, or what was saved."""
    state = checkpoint.load(file)
    if "learner" not in state:
        return _load_saved(path, file, state, device)
    settings, learner = _load_checkpoint(RunFolder.open(file.parent), file, device)
    return Trained(path=path, name=settings.learner, learner=learner, settings=settings)


def _load_saved(path: Path, file: Path, state: State, device: Device) -> Trained:
    """What ``save`` of an agent or of a model wrote to ``file``."""
    keys = [key for key in SAVED if key in state]
    if not keys:
        raise UserError(
            f"{path} is a checkpoint, but neither a saved agent nor a saved model"
            + (": it needs the config.json of its run" if "learner" in state else "")
        )
    with checkpoint.weights_of(file):
        learner = resolve_name(SAVED[keys[0]]).load(file, device=device)
    return Trained(path=path, name=learner.config.name, learner=learner)


def _load_checkpoint(folder: RunFolder, path: Path, device: Device) -> tuple[RunSettings, Any]:
    settings = read_settings(folder).without_initial()
    state = checkpoint.load(path)
    if "learner" not in state:
        raise UserError(f"{path} is no run's checkpoint: it has no learner")
    with checkpoint.weights_of(path):
        learner, _ = settings.build(make_fabric(TrainerConfig(device=device)))
    checkpoint.restore(learner, state["learner"], path)
    return settings, learner
