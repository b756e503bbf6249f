"""What all agents do alike, with the names and habits of Stable-Baselines3.

An agent states how it updates itself (``update``, ``evaluate``) and what its parts are; this class
trains it, calls callbacks, writes logs, and hands its parameters out and takes them back.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import gymnasium as gym
import torch
from lightning_fabric import Fabric
from torch import nn

from hringur.training.callbacks import Callback, callbacks_of
from hringur.training.checkpoint import load_weights
from hringur.training.config import Counters, TrainerConfig
from hringur.training.console import Display, display
from hringur.training.exports.sharing import Shared
from hringur.training.log import Log
from hringur.training.loggers import ConsoleLogger, Logger, Loggers, TensorBoardLogger
from hringur.training.random_state import seed_everything
from hringur.training.trainer import train
from hringur.types import Batches, Metrics, State, UserError

Settings = TypeVar("Settings")
SUFFIX = ".safetensors"

LOG_INTERVAL = 20
"""Updates between two lines of the log."""


class Agent(Shared, ABC):
    """A learner of decisions that trains itself."""

    keywords: ClassVar[dict[str, str]] = {"learning_rate": "lr", "max_grad_norm": "clip_norm"}
    """field of the settings by the name that Stable-Baselines3 has for it"""

    fabric: Fabric
    seed: int
    observation_space: gym.Space
    action_space: gym.Space

    num_timesteps: int = 0
    """steps of the environments that the agent has learned from"""

    budget: Mapping[str, Any] = {}
    """of the training under way: ``total_timesteps``, for callbacks"""

    tensorboard_log: str | Path | None = None
    verbose: int = 0
    logger: Loggers = Loggers()
    _learning: bool = False
    """``learn`` is under way: the trainer's evaluation at its end would go nowhere"""

    _chosen_loggers: Sequence[Logger] = ()

    @abstractmethod
    def update(self, batch: Any, progress: float) -> Metrics:
        """One update from a batch."""

    @abstractmethod
    def evaluate(self) -> Metrics:
        """Scalars on held-out data."""

    @property
    @abstractmethod
    def headline(self) -> str:
        """Tag of the metric that says most."""

    @abstractmethod
    def state_dict(self) -> State:
        """Everything needed to go on."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""

    @abstractmethod
    def _source(self) -> Batches:
        """What it learns from."""

    @abstractmethod
    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Networks and optimisers by the names of ``get_parameters``."""

    @property
    def _steps_per_sample(self) -> int:
        """Steps of an environment that one sample of a batch stands for."""
        return 1

    def learn(
        self,
        total_timesteps: int | None = None,
        callback: Any = None,
        log_interval: int = LOG_INTERVAL,
        tb_log_name: str | None = None,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
        *,
        seconds: int | float | None = None,
    ) -> Any:
        """Train for so many steps of the environments, or seconds (180 if neither); returns itself.

        Args:
            total_timesteps: steps from now on.
            callback: see ``hringur.training.callbacks``; it may end the training.
            log_interval: updates between two lines of the log.
            tb_log_name: folder in ``tensorboard_log``; a number is added to it.
            reset_num_timesteps: count steps from zero; otherwise the count and the log go on.
            progress_bar: show how far it is.
            seconds: of training.
        """
        if reset_num_timesteps:
            self.num_timesteps = 0
        samples = None
        if total_timesteps is not None:
            samples = math.ceil(total_timesteps / self._steps_per_sample)
        config = TrainerConfig(
            samples=samples,
            seconds=None if seconds is None else float(seconds),
            evaluate_every_seconds=None,
            log_every=log_interval,
        )
        calls, own = callbacks_of(callback), self._own_loggers(tb_log_name, reset_num_timesteps)
        self.budget = {"total_timesteps": total_timesteps or 0}
        self.logger = Loggers([*own, *self._chosen_loggers])
        seed_everything(self.seed)
        self._learning = True
        try:
            shown = display(quiet=not progress_bar)
            train(self, self._source(), config, AgentLog(self, calls, shown))
        finally:
            self._learning = False
            for output in own:
                output.close()
        return self

    def set_logger(self, logger: Logger | Sequence[Logger]) -> None:
        """Write scalars there as well, from now on; whoever made a logger closes it."""
        self._chosen_loggers = [logger] if isinstance(logger, Logger) else list(logger)

    def _own_loggers(self, name: str | None, begin: bool) -> list[Logger]:
        """Those that ``tensorboard_log`` and ``verbose`` ask for."""
        own: list[Logger] = [ConsoleLogger()] if self.verbose else []
        if self.tensorboard_log is not None:
            folder, name = Path(self.tensorboard_log), name or type(self).__name__
            ends = [path.name.removeprefix(f"{name}_") for path in folder.glob(f"{name}_*")]
            taken = [int(end) for end in ends if end.isdecimal()]
            number = max(taken, default=0) + (begin or not taken)
            own.append(TensorBoardLogger(folder / f"{name}_{number}"))
        return own

    def get_vec_normalize_env(self) -> None:
        """None, which callbacks of SB3 ask for: observations are standardised by the network."""
        return None

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.fabric.device

    def get_parameters(self) -> dict[str, State]:
        """``state_dict`` of networks and optimisers, as SB3's method of that name."""
        return {name: dict(part.state_dict()) for name, part in self._parts().items()}

    def set_parameters(self, parameters: Mapping[str, State], exact_match: bool = True) -> None:
        """Take what ``get_parameters`` gave; without ``exact_match`` parts may be missing.

        Raises:
            UserError: a part is unknown or missing, or of another architecture.
        """
        parts = self._parts()
        unknown, missing = parameters.keys() - parts.keys(), parts.keys() - parameters.keys()
        if unknown or (exact_match and missing):
            raise UserError(
                f"parameters must be of {', '.join(parts)}, got {', '.join(parameters)}"
            )
        for name, state in parameters.items():
            part = parts[name]
            if isinstance(part, nn.Module):
                load_weights(part, state, f"set_parameters: {name}")
            else:
                part.load_state_dict(dict(state))

    @classmethod
    def with_keywords(cls, config: Settings, given: Mapping[str, Any], **in_place: Any) -> Settings:
        """Settings with the fields that were given by name or, if not None, in SB3's place.

        Raises:
            UserError: there is no such field; the message lists those there are.
        """
        given = {name: value for name, value in in_place.items() if value is not None} | {**given}
        renamed = {cls.keywords.get(name, name): value for name, value in given.items()}
        known = [field.name for field in fields(config)]  # type: ignore[arg-type]
        for name in given:
            if cls.keywords.get(name, name) not in known:
                raise UserError(f"unknown setting {name}; there are {', '.join(known)}")
        return replace(config, **renamed)  # type: ignore[type-var]


class AgentLog(Log):
    """Hands scalars to an agent's loggers, and updates to callbacks."""

    def __init__(self, agent: Agent, callbacks: Sequence[Callback], shown: Display) -> None:
        super().__init__(shown)
        self.agent, self.callbacks = agent, callbacks

    def begin(self, now: Counters) -> None:
        """Training starts."""
        for callback in self.callbacks:
            callback.on_start(self.agent)

    def updated(self, now: Counters) -> bool:
        """Every callback is asked, also after one that wants to end."""
        return all([one.on_update(self.agent) is not False for one in self.callbacks])

    def scalars(self, metrics: Metrics, now: Counters) -> None:
        """Write them."""
        self.agent.logger.write(metrics, self.agent.num_timesteps)

    def evaluation(self, metrics: Metrics, now: Counters) -> None:
        """Write them."""
        if metrics:
            self.scalars(metrics, now)

    def end(self, metrics: Metrics, now: Counters, interrupted: bool) -> None:
        """Training ends."""
        for callback in self.callbacks:
            callback.on_end(self.agent)


def path_of_agent(path: str | Path, there: bool = False) -> Path:
    """``path`` with the suffix of saved agents if it has none; ``there``: unless it exists."""
    path = Path(path)
    return path if path.suffix or (there and path.exists()) else path.with_name(path.name + SUFFIX)


def in_order(env: Any, policy: Any, policies: Sequence[str]) -> tuple[Any, Any]:
    """Environment and policy, whichever was given first: SB3 has the policy first."""
    if isinstance(env, str) and env in policies:
        return policy, env
    return env, policy
