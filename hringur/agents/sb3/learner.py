"""Any of Stable-Baselines3's algorithms, behind the protocols of learners and of agents.

On tours each update starts from fresh episodes, whose seed follows from the run's seed and the
number of the update, so that a resumed run ends in the same weights. Elsewhere episodes go on from
one update to the next; after a resumption they start afresh, from such a seed. DQN's replay memory
is not part of a checkpoint: it is filled anew.
"""

import importlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Float
from torch import Tensor

from hringur.checks import check_observed
from hringur.evaluators.choice import Evaluator, evaluator_for, training_options
from hringur.evaluators.environments import make_single, make_vector
from hringur.evaluators.tours import TourEvaluator, play
from hringur.training.checkpoint import load_moments, load_weights
from hringur.training.fabric import average_gradients, rank
from hringur.types import Metrics, MissingExtra, State, UserError

Features = Literal["places", "flat"]
Kind = Literal["tours", "images", "other"]

LEAST_STEPS = 1024
"""Steps of all environments in an update of the trainer, at least; one of SB3's may be smaller."""

SMALLEST_IMAGE = 36
"""Pixels on the shorter side that SB3's convolutions need; smaller images are taken as numbers."""

OBSERVATIONS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
"""Kinds of observations that SB3 takes, or of the parts of a Dict."""

SCHEDULES = {"learning_rate": "lr_schedule", "clip_range": "clip_range"}
"""Attribute of a model that holds the schedule of an argument."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How an algorithm is set up for one kind of problem."""

    n_envs: int = 8
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """SB3's own, by SB3's names; what is not there is SB3's default"""

    policy_arguments: Mapping[str, Any] = field(default_factory=dict)
    """SB3's ``policy_kwargs``; a class is written ``module:Class``"""

    decay: Mapping[str, float] = field(default_factory=dict)
    """arguments that decay linearly over the budget: share of each that is left at the end"""

    width: int | None = None
    """units of hidden layers; None: SB3's own"""

    rollout: int | None = None
    """steps of all environments in an update of PPO, filled up to whole minibatches"""

    minibatches: int | None = None
    """minibatches of an epoch; None: as many as ``batch_size`` makes"""

    replay_megabytes: int | None = None
    """most memory of the replay memory, of algorithms that have one"""

    log_interval: int | None = None
    """episodes between two entries in SB3's log; None: once an update"""

    tours_per_update: int = 1
    visited_penalty: float = 0.0
    features: Features = "places"


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """One of SB3's algorithms, and how it is set up for each kind of problem."""

    name: str
    module: str = "stable_baselines3"
    on_policy: bool = True
    """learns from its present policy's steps; else action values from a replay memory"""

    masks_itself: bool = False
    """never chooses what the environment's action mask forbids"""

    actions: tuple[type[spaces.Space], ...] = (
        spaces.Discrete,
        spaces.MultiDiscrete,
        spaces.MultiBinary,
    )
    setups: Mapping[Kind, Setup]

    def load(self) -> Any:
        """SB3's class."""
        try:
            return getattr(importlib.import_module(self.module), self.name)
        except ModuleNotFoundError as error:
            if error.name not in ("sb3_contrib", "stable_baselines3"):
                raise
            raise MissingExtra(f"the learner '{self.name}'", "sb3") from None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What an algorithm has to know of an environment."""

    env_id: str
    env_options: dict[str, Any]
    evaluator: Evaluator
    observations: spaces.Space

    @classmethod
    def of(cls, algorithm: Algorithm, env_id: str, env_options: dict[str, Any]) -> "Problem":
        """An environment as the algorithm sees it, if it takes such actions and observations."""
        evaluator = evaluator_for(env_id, env_options)
        env = make_single(env_id, **env_options)
        env.close()
        observations = env.observation_space
        if not isinstance(env.action_space, algorithm.actions):
            raise UserError(
                f"{algorithm.name} takes actions {_names(algorithm.actions)};"
                f" those of {env_id} are {env.action_space}"
            )
        if not all(isinstance(part, OBSERVATIONS) for part in _parts(observations)):
            raise UserError(
                f"{algorithm.name} takes observations {_names(OBSERVATIONS)} or a Dict of them;"
                f" those of {env_id} are {observations}"
            )
        return cls(
            env_id=env_id, env_options=env_options, evaluator=evaluator, observations=observations
        )

    @property
    def kind(self) -> Kind:
        """The column of the table of settings: tours, images that SB3 convolves, or others."""
        if isinstance(self.evaluator, TourEvaluator) and isinstance(self.observations, spaces.Dict):
            return "tours"
        return "images" if policy_for(self.observations) == "CnnPolicy" else "other"

    @property
    def sample_steps(self) -> int:
        """Steps that count as one sample: those of a tour, elsewhere one."""
        return self.evaluator.n_places - 1 if isinstance(self.evaluator, TourEvaluator) else 1

    @property
    def observation_bytes(self) -> int:
        """Memory that one observation takes [bytes]."""
        parts = _parts(self.observations)
        return sum(int(np.prod(part.shape or 1)) * np.dtype(part.dtype).itemsize for part in parts)


class Chunks:
    """Endless source of work: ``range`` over the tours, or steps, that one update will make."""

    def __init__(self, samples: int) -> None:
        self.samples = samples

    def __iter__(self) -> Iterator[range]:
        return self

    def __next__(self) -> range:
        return range(self.samples)

    def state_dict(self) -> State:
        """Every chunk is like the last: there is nothing to keep."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """There is nothing to load."""


class SB3Learner:
    """One of SB3's algorithms on one problem."""

    def __init__(
        self, algorithm: Algorithm, setup: Setup, problem: Problem, seed: int, device: torch.device
    ) -> None:
        from stable_baselines3.common.logger import Logger

        from hringur.agents.sb3.adapter import SB3VecEnv, Scalars, point

        self.algorithm, self.setup, self.problem, self.seed = algorithm, setup, problem, seed
        self.env_id, self.env_options = problem.env_id, dict(problem.env_options)
        self.evaluator, self.headline = problem.evaluator, problem.evaluator.headline
        self.updates, self.scalars = 0, Scalars()
        self.masks_itself, self.has_policy = algorithm.masks_itself, algorithm.on_policy
        self.on_tours = problem.kind == "tours"
        options = self.env_options
        if problem.kind == "images":
            options = training_options(self.env_id, options)
        self.env = SB3VecEnv(
            make_vector(self.env_id, setup.n_envs, autoreset_mode="SameStep", **options)
        )
        self.env.reset()
        if algorithm.masks_itself and not self.env.masks:
            raise UserError(f"{algorithm.name} needs action masks, {self.env_id} has none")
        self.model = algorithm.load()(
            policy_for(problem.observations),
            self.env,
            seed=seed,
            device=device,
            policy_kwargs=_policy_arguments(setup, algorithm, self.on_tours),
            **setup.arguments,
        )
        self.model.set_logger(Logger(None, [self.scalars]))
        average_gradients(self.model.policy)
        if rank():  # the weights are those of rank zero, the episodes must not be
            self._fresh_episodes()
        if self.on_tours and setup.features == "places":
            point(self.model.policy, algorithm.on_policy)
        model = self.model
        each = model.n_steps if algorithm.on_policy else model.train_freq.frequency
        rollout = setup.n_envs * each
        tours = setup.n_envs * setup.tours_per_update
        rollouts = (tours * problem.sample_steps if self.on_tours else LEAST_STEPS) // rollout
        self.steps = rollout * max(1, rollouts)
        self.samples = self.steps // problem.sample_steps
        self.log_interval = setup.log_interval or max(1, rollouts)

    def update(self, batch: range, progress: float) -> Metrics:
        """Train SB3's model on some thousand steps; returns what SB3 logs."""
        self.updates += 1
        for name, end in self.setup.decay.items():
            now = self.setup.arguments[name] * (1 - (1 - end) * progress)
            setattr(self.model, SCHEDULES[name], lambda _, now=now: now)
        if not self.algorithm.on_policy:
            self._explore(progress)
        if self.on_tours:
            self._fresh_episodes()
        try:
            self.model.learn(self.steps, reset_num_timesteps=False, log_interval=self.log_interval)
        except ValueError as error:  # torch's distributions print all their numbers
            if "to satisfy the constraint" not in str(error):
                raise
            raise FloatingPointError("the policy's logits are not finite") from error
        self.model.logger.dump(self.model.num_timesteps)
        return finite_metrics(self.scalars.latest)

    def predict(
        self,
        observation: Any,
        state: None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
        action_masks: np.ndarray | None = None,
    ) -> tuple[Any, Any]:
        """The chosen actions for one observation or a batch, as SB3's own ``predict``.

        On tours ``action_masks`` leaves visited places out of every algorithm's decision, as
        MaskablePPO always does; elsewhere only MaskablePPO takes it.
        """
        check_observed(observation, action_masks)
        if self.on_tours:
            return self._next_places(observation, deterministic, action_masks), None
        masks = {"action_masks": action_masks} if self.masks_itself else {}
        return self.model.predict(observation, state, episode_start, deterministic, **masks)

    @torch.no_grad()
    def probabilities(self, observation: Any) -> Float[np.ndarray, "B A"] | None:
        """Of each action, for each of a batch; None of an algorithm that knows values only."""
        check_observed(observation, None)
        if not self.has_policy:
            return None
        self.model.policy.set_training_mode(False)
        seen, _ = self.model.policy.obs_to_tensor(observation)
        return self.model.policy.get_distribution(seen).distribution.probs.cpu().numpy()

    def decide(self, observation: Any, mask: np.ndarray | None) -> np.ndarray:
        """The likeliest action, or the one of highest value, for each of a batch."""
        return self.predict(observation, action_masks=mask)[0]

    def evaluate(self) -> Metrics:
        """Gap of greedy tours on held-out instances, or mean return of held-out episodes.

        No tour can visit a place twice. For algorithms that must learn that by themselves, also
        the share of tours that are valid without a mask.
        """
        metrics = self.evaluator.measure(self.decide)
        if isinstance(self.evaluator, TourEvaluator) and not self.masks_itself:
            env, instances = self.evaluator.env, self.evaluator.instances
            unmasked = play(env, instances, lambda o: self.decide(o, None))
            metrics["evaluation/valid_percent"] = 100 * float(unmasked.valid.mean())
        return metrics

    def state_dict(self) -> State:
        """Weights, optimiser and counters; neither episodes under way nor a replay memory."""
        model = self.model
        return {
            "algorithm": self.algorithm.name,
            "timesteps": model.num_timesteps,
            "gradient_updates": model._n_updates,
            "target_calls": getattr(model, "_n_calls", 0),
            "episodes": [[e["r"], e["l"]] for e in model.ep_info_buffer or []],
            "policy": dict(model.policy.state_dict()),
            "moments": model.policy.optimizer.state_dict()["state"],
            "seed": self.seed,
            "updates": self.updates,
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``, if it is of this algorithm and network, with fresh episodes."""
        if state.get("algorithm") != self.algorithm.name:
            found = state.get("algorithm", "another learner")
            raise UserError(f"the checkpoint is of {found}, expected {self.algorithm.name}")
        model, optimizer = self.model, self.model.policy.optimizer
        # Checkpoints of before have the visited penalty under the name of "dislike".
        renamed = {k.replace(".dislike", ".visited_penalty"): v for k, v in state["policy"].items()}
        load_weights(model.policy, renamed, "the checkpoint")
        load_moments(optimizer, state["moments"])
        model.num_timesteps, model._n_updates = state["timesteps"], state["gradient_updates"]
        model._n_calls = state["target_calls"]  # of DQN, for its target network
        episodes = [{"r": reward, "l": length} for reward, length in state["episodes"]]
        model.ep_info_buffer = deque(episodes, maxlen=model._stats_window_size)
        model.ep_success_buffer = deque(maxlen=model._stats_window_size)
        self.seed, self.updates = state["seed"], state["updates"]
        self._fresh_episodes()

    def _fresh_episodes(self) -> None:
        """Start episodes from a seed that follows from the run's seed and the update's number."""
        own = [rank()] if rank() else []
        fresh = np.random.SeedSequence([self.seed, self.updates, *own]).generate_state(1)[0]
        self.model.set_random_seed(int(fresh))
        self.model._last_obs = None  # makes ``learn`` reset the environments

    def _explore(self, progress: float) -> None:
        """Make the share of random actions follow the trainer's budget, which SB3 does not know."""
        model = self.model
        first, least = model.exploration_initial_eps, model.exploration_final_eps
        rate = max(least, first - (first - least) * progress / model.exploration_fraction)
        model.exploration_schedule = lambda _: rate

    def _next_places(
        self, observation: dict[str, Any], deterministic: bool, action_masks: np.ndarray | None
    ) -> Any:
        single = np.ndim(observation["current"]) == 0
        if single:
            observation = {key: np.asarray(value)[None] for key, value in observation.items()}
        logits = self._logits(observation)
        if action_masks is None and self.masks_itself:
            action_masks = 1 - observation["visited"]
        if action_masks is not None:
            allowed = torch.as_tensor(action_masks, device=logits.device).view(logits.shape)
            logits = logits.masked_fill(allowed == 0, -torch.inf)
        if deterministic or not self.has_policy:
            action = logits.argmax(dim=-1)
        else:
            action = torch.distributions.Categorical(logits=logits).sample()
        chosen = action.cpu().numpy()
        return chosen[0] if single else chosen

    @torch.no_grad()
    def _logits(self, observation: dict[str, np.ndarray]) -> Float[Tensor, "B N"]:
        """The policy's logits, or action values where there is no policy."""
        self.model.policy.set_training_mode(False)
        tensors, _ = self.model.policy.obs_to_tensor(observation)
        if not self.has_policy:
            return self.model.q_net(tensors)
        return self.model.policy.get_distribution(tensors).distribution.logits


def policy_for(observations: spaces.Space) -> str:
    """SB3's name of the network for these observations."""
    from stable_baselines3.common.preprocessing import is_image_space

    if isinstance(observations, spaces.Dict):
        return "MultiInputPolicy"
    image = isinstance(observations, spaces.Box) and is_image_space(observations)
    large = image and sorted(observations.shape or ())[1] >= SMALLEST_IMAGE
    return "CnnPolicy" if large else "MlpPolicy"


def finite_metrics(scalars: Metrics) -> Metrics:
    """What SB3 logged, without its clocks, for the trainer has clocks of its own."""
    metrics = {k: v for k, v in scalars.items() if not k.startswith("time/")}
    for tag, value in metrics.items():
        if tag.endswith("loss") and not np.isfinite(value):
            raise FloatingPointError(f"{tag} is {value}")
    # The explained variance has no value where all returns are the same.
    return {tag: value for tag, value in metrics.items() if np.isfinite(value)}


def _policy_arguments(setup: Setup, algorithm: Algorithm, on_tours: bool) -> dict[str, Any]:
    """SB3's ``policy_kwargs``, with classes in place of their names."""
    from hringur.agents.sb3.adapter import PlaceFeatures

    if on_tours and setup.features == "places":
        return {
            "features_extractor_class": PlaceFeatures,
            "features_extractor_kwargs": {"visited_penalty": setup.visited_penalty},
            "net_arch": {"pi": [], "vf": [setup.width]} if algorithm.on_policy else [],
        }
    arguments: dict[str, Any] = {
        name: resolve_name(value) if isinstance(value, str) else value
        for name, value in setup.policy_arguments.items()
    }
    return arguments | ({} if setup.width is None else {"net_arch": [setup.width] * 2})


def _parts(observations: spaces.Space) -> list[spaces.Space]:
    return list(observations.values()) if isinstance(observations, spaces.Dict) else [observations]


def _names(kinds: tuple[type[spaces.Space], ...]) -> str:
    return ", ".join(kind.__name__ for kind in kinds)
