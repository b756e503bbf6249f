"""Any of Stable-Baselines3's algorithms on tours, behind the protocols of learners and of agents.

Each update starts from fresh episodes whose seed follows from the run's seed and the number of
the update, so a run that is resumed ends in the same weights. DQN is the exception: its replay
buffer is not part of a checkpoint, and is filled anew.
"""

import importlib
from collections import deque
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hringur.evaluators.environments import make_vector
from hringur.evaluators.tours import TourEvaluator, play
from hringur.training.checkpoint import load_weights
from hringur.types import Metrics, MissingExtra, State, UserError

Features = Literal["places", "flat"]
DISCOUNT = 1.0  # the length of a tour is not discounted


@runtime_checkable
class SB3Config(Protocol):
    """What the settings of all algorithms share; sb3.py tells what each field means."""

    algorithm: ClassVar[str]
    masks_itself: ClassVar[bool]

    @property
    def n_envs(self) -> int | None:
        """Tours driven side by side."""
        ...

    @property
    def tours_per_update(self) -> int:
        """Full tours of each environment in an update."""
        ...

    @property
    def lr(self) -> float | None:
        """Step size at the start."""
        ...

    @property
    def width(self) -> int | None:
        """Units of hidden layers."""
        ...

    @property
    def dislike(self) -> float:
        """How far visited places start out below the others."""
        ...

    @property
    def features(self) -> Features:
        """What the network sees."""
        ...

    def settings(self, steps: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments."""
        ...

    def on_tours(self) -> "SB3Config":
        """With what is not given as it was tuned on tours."""
        ...


@runtime_checkable
class Exploring(Protocol):
    """The settings of an off-policy algorithm: some of its moves are random."""

    def exploration_rate(self, progress: float) -> float:
        """Share of random moves at this share of the budget."""
        ...


class Chunks:
    """Endless source of work: ``range`` over the tours, or steps, that one update will make."""

    def __init__(self, samples: int) -> None:
        self.samples = samples

    def __iter__(self) -> Iterator[range]:
        return self

    def __next__(self) -> range:
        return range(self.samples)

    def state_dict(self) -> State:
        """Nothing to keep: every chunk is like the last."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Nothing to go on from."""


class SB3Learner:
    """One of SB3's algorithms behind the protocols of learners and of agents."""

    def __init__(
        self,
        config: SB3Config,
        env_id: str,
        env_options: dict[str, Any],
        seed: int,
        device: torch.device,
    ) -> None:
        algorithm_class = sb3_class(config.algorithm)  # first: it needs the extra
        from stable_baselines3.common.logger import Logger

        from hringur.agents.sb3.adapter import PlaceFeatures, SB3VecEnv, Scalars, point

        config = config.on_tours()
        assert config.n_envs is not None and config.lr is not None
        self.lr, self.n_envs = config.lr, config.n_envs
        self.config, self.seed = config, seed
        self.env_id, self.env_options = env_id, dict(env_options)
        self.updates = 0
        self.evaluator = TourEvaluator(env_id, self.env_options)
        native = make_vector(env_id, config.n_envs, autoreset_mode="SameStep", **env_options)
        self.env, self.scalars = SB3VecEnv(native), Scalars()
        self.n_places = native.unwrapped.n_places  # type: ignore[attr-defined]
        self.steps = config.tours_per_update * (self.n_places - 1)
        spaces = native.single_observation_space.values()  # type: ignore[attr-defined]
        observation_bytes = sum(int(np.prod(s.shape)) * s.dtype.itemsize for s in spaces)
        policy_settings: dict[str, Any] = {"net_arch": [config.width, config.width]}
        if config.features == "places":
            policy_settings["features_extractor_class"] = PlaceFeatures
            policy_settings["features_extractor_kwargs"] = {"dislike": config.dislike}
            on_policy = {"pi": [], "vf": [config.width]}
            policy_settings["net_arch"] = [] if isinstance(config, Exploring) else on_policy
        self.model = algorithm_class(
            "MultiInputPolicy",
            self.env,
            learning_rate=config.lr,
            gamma=DISCOUNT,
            policy_kwargs=policy_settings,
            seed=seed,
            device=device,
            **config.settings(self.steps, observation_bytes),
        )
        if config.features == "places":
            point(self.model.policy)
        self.model.set_logger(Logger(None, [self.scalars]))

    def update(self, batch: range, progress: float) -> Metrics:
        """Let SB3 learn from a few tours of every environment; returns what SB3 logs."""
        self.updates += 1
        self.model.lr_schedule = lambda _: self.lr * (1 - 0.9 * progress)
        if isinstance(self.config, Exploring):
            rate = self.config.exploration_rate(progress)
            self.model.exploration_schedule = lambda _: rate
        self._fresh_episodes()
        steps = self.steps * self.n_envs
        self.model.learn(steps, reset_num_timesteps=False, log_interval=1)
        self.model.logger.dump(self.model.num_timesteps)
        return finite_metrics(self.scalars.latest)

    def predict(
        self,
        observation: dict[str, Any],
        state: None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
        action_masks: np.ndarray | None = None,
    ) -> tuple[Any, None]:
        """The chosen places for one observation or a batch, as SB3's own ``predict``.

        ``action_masks`` leaves visited places out of the decision, as MaskablePPO always does.
        """
        single = np.ndim(observation["current"]) == 0
        if single:
            observation = {key: np.asarray(value)[None] for key, value in observation.items()}
        logits = self._logits(observation)
        if action_masks is None and self.masks_itself:
            action_masks = 1 - observation["visited"]
        if action_masks is not None:
            allowed = torch.as_tensor(action_masks, device=logits.device).view(logits.shape)
            logits = logits.masked_fill(allowed == 0, -torch.inf)
        if deterministic or isinstance(self.config, Exploring):
            action = logits.argmax(dim=-1)
        else:
            action = torch.distributions.Categorical(logits=logits).sample()
        chosen = action.cpu().numpy()
        return (chosen[0] if single else chosen), None

    def evaluate(self) -> Metrics:
        """Gap of greedy tours on held-out instances, none of which can visit a place twice.

        For those that must learn that by themselves, also how many tours are valid unaided.
        """
        problem = self.evaluator
        metrics = problem.measure(lambda o, mask: self.predict(o, action_masks=mask)[0])
        if not self.masks_itself:
            unaided = play(problem.env, problem.instances, lambda o: self.predict(o)[0])
            metrics["evaluation/valid_percent"] = 100 * float(unaided.valid.mean())
        return metrics

    @property
    def masks_itself(self) -> bool:
        """Whether visited places are always left out of a decision."""
        return self.config.masks_itself

    @property
    def headline(self) -> str:
        """The gap of the greedy tours."""
        return "evaluation/gap_percent"

    def state_dict(self) -> State:
        """Weights, optimiser and counters; neither episodes under way nor a replay buffer."""
        state = model_state(self.model, self.config.algorithm)
        return state | {"seed": self.seed, "updates": self.updates}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``; refuses another algorithm's or another network's."""
        restore_model(self.model, self.config.algorithm, state)
        self.seed, self.updates = state["seed"], state["updates"]

    @torch.no_grad()
    def _logits(self, observation: dict[str, np.ndarray]) -> Float[Tensor, "B N"]:
        """Unnormalised preferences of PPO and A2C, or DQN's action values."""
        self.model.policy.set_training_mode(False)
        tensors, _ = self.model.policy.obs_to_tensor(observation)
        if isinstance(self.config, Exploring):
            return self.model.q_net(tensors)
        return self.model.policy.get_distribution(tensors).distribution.logits

    def _fresh_episodes(self) -> None:
        """Start anew from a seed that follows from the run's seed and the update's number."""
        from stable_baselines3.common.utils import set_random_seed

        seed = int(np.random.SeedSequence([self.seed, self.updates]).generate_state(1)[0])
        set_random_seed(seed)
        self.env.seed(seed)
        self.env.action_space.seed(seed)
        self.model._last_obs = None  # makes ``learn`` reset the environments


def model_state(model: Any, algorithm: str) -> State:
    """What of an SB3 model a checkpoint keeps."""
    return {
        "algorithm": algorithm,
        "timesteps": model.num_timesteps,
        "gradient_updates": model._n_updates,
        "target_calls": getattr(model, "_n_calls", 0),
        "episodes": [[e["r"], e["l"]] for e in model.ep_info_buffer or []],
        "policy": dict(model.policy.state_dict()),
        "moments": model.policy.optimizer.state_dict()["state"],
    }


def restore_model(model: Any, algorithm: str, state: State) -> None:
    """Put it back.

    Raises:
        UserError: the state is of another algorithm or of another network.
    """
    if state.get("algorithm") != algorithm:
        found = state.get("algorithm", "another learner")
        raise UserError(f"the checkpoint is of {found}, expected {algorithm}")
    load_weights(model.policy, state["policy"], "the checkpoint")
    groups = model.policy.optimizer.state_dict()["param_groups"]
    model.policy.optimizer.load_state_dict({"state": state["moments"], "param_groups": groups})
    model.num_timesteps, model._n_updates = state["timesteps"], state["gradient_updates"]
    model._n_calls = state["target_calls"]  # of DQN, for its target network
    episodes = [{"r": reward, "l": length} for reward, length in state["episodes"]]
    model.ep_info_buffer = deque(episodes, maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)


def finite_metrics(scalars: Metrics) -> Metrics:
    """What SB3 logged, without its clocks, for the trainer has clocks of its own.

    Raises:
        FloatingPointError: a loss is not finite.
    """
    metrics = {k: v for k, v in scalars.items() if not k.startswith("time/")}
    for tag, value in metrics.items():
        if tag.endswith("loss") and not np.isfinite(value):
            raise FloatingPointError(f"{tag} is {value}")
    # The explained variance has no value where all returns are the same.
    return {tag: value for tag, value in metrics.items() if np.isfinite(value)}


def sb3_class(name: str) -> Any:
    """SB3's class, or one line that says which extra is missing."""
    module = "sb3_contrib" if name == "MaskablePPO" else "stable_baselines3"
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name not in ("sb3_contrib", "stable_baselines3"):
            raise
        raise MissingExtra(f"the learner '{name}'", "sb3") from None
