"""Any of Stable-Baselines3's algorithms on environments without tours.

SB3 is used as it comes: its own networks and settings, on 8 environments side by side; on pictures,
with the settings of RL Baselines3 Zoo for Atari. Episodes go
on from one update of the trainer to the next; after a resumption they begin afresh, from a seed
that follows from the run's and the number of the update, and DQN's replay buffer is filled anew.
"""

from typing import Any, ClassVar, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces

from hringur.agents.sb3 import tuned as sb3_pictures
from hringur.agents.sb3.on_tours import finite_metrics, model_state, restore_model, sb3_class
from hringur.evaluators.choice import training_options
from hringur.evaluators.environments import make_vector
from hringur.evaluators.episodes import EpisodeEvaluator
from hringur.types import Metrics, State, UserError

N_ENVS = 8
STEPS = 1024
"""Least steps of all environments in one update of the trainer: SB3's own updates are many more."""

ACTIONS: dict[str, tuple[type[spaces.Space], ...]] = {
    "DQN": (spaces.Discrete,),
    "PPO": (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary),
}
"""Kinds of actions; those of A2C and MaskablePPO are PPO's."""

OBSERVATIONS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
"""Kinds of observations, or of the parts of a Dict."""

SMALLEST_IMAGE = 36
"""Pixels on the shorter side that SB3's convolutions need; smaller images are taken as numbers."""


@runtime_checkable
class ElsewhereConfig(Protocol):
    """What is needed of an algorithm's settings; sb3.py tells what each field means."""

    algorithm: ClassVar[str]
    masks_itself: ClassVar[bool]

    @property
    def n_envs(self) -> int | None:
        """Environments side by side."""
        ...

    @property
    def width(self) -> int | None:
        """Units of hidden layers."""
        ...

    def elsewhere(self, n_envs: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments."""
        ...


class SB3Elsewhere:
    """One of SB3's algorithms behind the protocols of learners and of agents."""

    def __init__(
        self,
        config: ElsewhereConfig,
        evaluator: EpisodeEvaluator,
        seed: int,
        device: torch.device,
    ) -> None:
        algorithm_class = sb3_class(config.algorithm)  # first: it needs the extra
        from stable_baselines3.common.logger import Logger

        from hringur.agents.sb3.adapter import SB3VecEnv, Scalars

        self.config, self.evaluator, self.seed = config, evaluator, seed
        self.env_id, self.env_options = evaluator.env_id, dict(evaluator.env_options)
        self.updates, self.scalars = 0, Scalars()
        n_envs, options = config.n_envs or N_ENVS, self.env_options
        seen = observed(self.env_id, options)
        self.pictures = policy_for(seen) == "CnnPolicy"
        if self.pictures:
            n_envs = config.n_envs or sb3_pictures.ZOO[config.algorithm]["n_envs"]
            options = training_options(self.env_id, options)
        vector = make_vector(self.env_id, n_envs, autoreset_mode="SameStep", **options)
        check_spaces(config.algorithm, self.env_id, seen, vector.single_action_space)
        self.env = SB3VecEnv(vector)
        self.env.reset()
        if config.masks_itself and not self.env.masks:
            raise UserError(f"{config.algorithm} needs action masks, {self.env_id} has none")
        network: dict[str, Any] = {}
        if config.width is not None:
            network["net_arch"] = [config.width, config.width]
        if self.pictures:
            network |= sb3_pictures.policy_arguments(config.algorithm)
            settings = sb3_pictures.arguments(config, n_envs, observation_bytes(seen))
        else:
            settings = config.elsewhere(n_envs, observation_bytes(seen))
        self.model = algorithm_class(
            policy_for(seen),
            self.env,
            seed=seed,
            device=device,
            policy_kwargs=network,
            **settings,
        )
        self.model.set_logger(Logger(None, [self.scalars]))
        self.env.seed(seed)
        on_policy = hasattr(self.model, "rollout_buffer")
        rollout = n_envs * (self.model.n_steps if on_policy else self.model.train_freq.frequency)
        rollouts = max(1, STEPS // rollout)
        self.steps = rollout * rollouts
        # Counted in rollouts by those that have them, in episodes by DQN.
        self.log_interval = rollouts if on_policy else 4

    def update(self, batch: range, progress: float) -> Metrics:
        """Let SB3 learn from some thousand steps; returns what SB3 logs."""
        self.updates += 1
        if hasattr(self.model, "exploration_schedule"):
            self._explore(progress)
        if self.pictures and hasattr(self.model, "clip_range"):
            sb3_pictures.fall(self.model, progress)
        self.model.learn(self.steps, reset_num_timesteps=False, log_interval=self.log_interval)
        self.model.logger.dump(self.model.num_timesteps)
        return finite_metrics(self.scalars.latest)

    def _explore(self, progress: float) -> None:
        """DQN's share of random moves follows the trainer's budget, which SB3 does not know."""
        least, share = self.model.exploration_final_eps, self.model.exploration_fraction
        first = self.model.exploration_initial_eps
        rate = max(least, first - (first - least) * progress / share)
        self.model.exploration_schedule = lambda _: rate

    def predict(
        self,
        observation: Any,
        state: None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
        action_masks: np.ndarray | None = None,
    ) -> tuple[Any, Any]:
        """SB3's own ``predict``."""
        masks = {"action_masks": action_masks} if self.masks_itself else {}
        return self.model.predict(observation, state, episode_start, deterministic, **masks)

    def decide(self, observation: Any, mask: np.ndarray | None) -> np.ndarray:
        """The likeliest action, or the one of highest value, for each of a batch."""
        return self.predict(observation, action_masks=mask)[0]

    def evaluate(self) -> Metrics:
        """Mean return of held-out episodes and, where the optimum is known, the gap to it."""
        return self.evaluator.measure(self.decide)

    @property
    def masks_itself(self) -> bool:
        """Whether actions that are not allowed are always left out of a decision."""
        return self.config.masks_itself

    @property
    def has_policy(self) -> bool:
        """Whether there are probabilities to draw actions from: DQN only has values."""
        return not hasattr(self.model, "exploration_schedule")

    @property
    def headline(self) -> str:
        """The mean return."""
        return self.evaluator.headline

    def state_dict(self) -> State:
        """Weights, optimiser and counters; neither episodes under way nor a replay buffer."""
        state = model_state(self.model, self.config.algorithm)
        return state | {"seed": self.seed, "updates": self.updates}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``, with fresh episodes."""
        restore_model(self.model, self.config.algorithm, state)
        self.seed, self.updates = state["seed"], state["updates"]
        fresh = np.random.SeedSequence([self.seed, self.updates]).generate_state(1)[0]
        self.model.set_random_seed(int(fresh))
        self.model._last_obs = None  # makes ``learn`` reset the environments


def check_spaces(
    algorithm: str, env_id: str, observations: spaces.Space, actions: spaces.Space
) -> None:
    """Refuse an environment that the algorithm does not understand.

    Raises:
        UserError: actions are continuous, or of a kind that DQN does not know; or observations
            are tuples, texts or graphs.
    """
    kinds = ACTIONS.get(algorithm, ACTIONS["PPO"])
    if not isinstance(actions, kinds):
        known = ", ".join(kind.__name__ for kind in kinds)
        raise UserError(f"{algorithm} takes actions {known}; those of {env_id} are {actions}")
    parts = observations.values() if isinstance(observations, spaces.Dict) else [observations]
    if not all(isinstance(part, OBSERVATIONS) for part in parts):
        known = ", ".join(kind.__name__ for kind in OBSERVATIONS)
        raise UserError(
            f"{algorithm} takes observations {known} or a Dict of them;"
            f" those of {env_id} are {observations}"
        )


def observed(env_id: str, env_options: dict[str, Any]) -> spaces.Space:
    """What one environment shows."""
    env = gym.make(env_id, **env_options)
    env.close()
    return env.observation_space


def policy_for(observations: spaces.Space) -> str:
    """SB3's name of the network for these observations."""
    from stable_baselines3.common.preprocessing import is_image_space

    if isinstance(observations, spaces.Dict):
        return "MultiInputPolicy"
    image = isinstance(observations, spaces.Box) and is_image_space(observations)
    large = image and sorted(observations.shape or ())[1] >= SMALLEST_IMAGE
    return "CnnPolicy" if large else "MlpPolicy"


def observation_bytes(observations: spaces.Space) -> int:
    """Memory of one observation."""
    parts = observations.values() if isinstance(observations, spaces.Dict) else [observations]
    return sum(int(np.prod(part.shape or 1)) * np.dtype(part.dtype).itemsize for part in parts)
