"""REINFORCE for any Gymnasium environment with a finite choice of actions.

The gradient of the expected return is that of

    mean over steps of  (G_t - b_t) * log pi(a_t | s_t),

where G_t is the discounted reward-to-go and b_t a baseline (Williams 1992). With the critic's value
as baseline, gae_lambda below 1 replaces G_t - b_t by generalised advantages (Schulman et al. 2016),
and gae_lambda = 1 is the formula above. Where a rollout or a time limit cuts an episode off, the
critic's value of the state reached replaces the rewards that are missing; after a terminal state
nothing is missing.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float
from lightning_fabric import Fabric

from hringur.agents.reinforce.action_distributions import OneOf, distribution_for
from hringur.agents.reinforce.baselines import GreedyEpisodes, make_step_baseline
from hringur.agents.reinforce.buffer import Rollout
from hringur.agents.reinforce.environments import AnyEnvironment, environment_of
from hringur.agents.reinforce.networks import ActorCritic
from hringur.agents.reinforce.observations import examples, is_single, leaves_of, tensors
from hringur.agents.reinforce.policy_gradient import PolicyGradient
from hringur.agents.reinforce.rollouts import Rollouts
from hringur.agents.reinforce.settings import ReinforceSettings, Schedule
from hringur.checks import check_observed
from hringur.data.files import reading
from hringur.estimators.baselines import Baseline
from hringur.evaluators.choice import Evaluator, evaluator_for, training_options
from hringur.evaluators.environments import check_known
from hringur.settings import read
from hringur.training import checkpoint
from hringur.training.agent import Agent, in_order, path_of_agent
from hringur.training.config import TrainerConfig
from hringur.training.exports.onnx_graphs import Graph, write_graphs
from hringur.training.fabric import make_fabric, rank
from hringur.training.run_folder import learner_state
from hringur.types import Metrics, State, UserError

POLICIES = ("auto", "MlpPolicy", "CnnPolicy", "MultiInputPolicy")
"""Names of policies; SB3's three are accepted in place of "auto"."""


@dataclass(frozen=True, kw_only=True)
class ReinforceConfig(ReinforceSettings):
    """REINFORCE (Williams 1992) for any environment with discrete actions."""

    name: ClassVar[str] = "reinforce"

    def build(
        self, env_id: str, env_options: Mapping[str, Any], seed: int, fabric: Fabric
    ) -> "tuple[Reinforce, Rollouts]":
        """The agent and its endless rollouts, different ones on each process."""
        options = training_options(env_id, env_options)
        agent = Reinforce(env_id, self, seed=seed, fabric=fabric, env_options=options)
        return agent, agent.batches


class Reinforce(Agent):
    """Learns, predicts, saves and loads, in the manner of Stable-Baselines3."""

    masks_itself = True  # trained with the environment's masks, where there are any
    keywords = Agent.keywords | {
        "ent_coef": "entropy_weight",
        "vf_coef": "value_weight",
        "clip_range": "clip",
        "n_epochs": "epochs",
        "normalize_advantage": "normalise_advantage",
    }

    def __init__(
        self,
        env: AnyEnvironment,
        policy: Any = "auto",
        learning_rate: float | None = None,
        n_steps: int | None = None,
        *,
        seed: int | None = 0,
        device: str = "auto",
        fabric: Fabric | None = None,
        env_options: Mapping[str, Any] | None = None,
        tensorboard_log: str | Path | None = None,
        verbose: int = 0,
        **settings: Any,
    ) -> None:
        """An agent for ``env``, or ``Reinforce("MlpPolicy", env)`` in the order of SB3.

        Args:
            env: a name, an environment made by Gymnasium, a vector of them, or SB3's ``VecEnv``.
            policy: "auto", the default settings, or settings of one's own. SB3's names mean
                "auto": the network follows from what is observed.
            learning_rate: in SB3's place and by its name; that of the settings when None.
            n_steps: likewise.
            seed: of everything random; None: by chance.
            device: "auto", "cpu" or "cuda".
            fabric: instead of ``device``.
            env_options: of an environment by name.
            tensorboard_log: folder for TensorBoard.
            verbose: 1 prints scalars while learning.
            settings: fields of ``ReinforceConfig``, also by the names that SB3 has for them.
        """
        env, policy = in_order(env, policy, POLICIES)
        if isinstance(policy, str) and policy not in POLICIES:
            raise UserError(f"policy must be 'auto' or a ReinforceConfig, got {policy!r}")
        config = ReinforceConfig() if isinstance(policy, str) else policy
        config = self.with_keywords(config, settings, learning_rate=learning_rate, n_steps=n_steps)
        self.tensorboard_log, self.verbose = tensorboard_log, verbose
        self.environment = environment_of(env, env_options or {})
        if self.environment.vector is not None:
            config = replace(config, n_envs=self.environment.vector.num_envs)
        seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        name = self.environment.name
        self.actions = distribution_for(self.environment.action_space, name)
        self.leaves = leaves_of(self.environment.observation_space, name)
        self.sizes = config.sizes(images=any(leaf.kind == "image" for leaf in self.leaves))
        self.config = config = replace(config, **vars(self.sizes))
        self.seed = seed
        self.fabric = fabric or make_fabric(TrainerConfig(device=device))  # type: ignore[arg-type]
        if config.smooth_choices and not self.actions.sizes:
            raise UserError(f"smooth_choices: {name} takes bits, which have no neighbours")
        torch.manual_seed(seed)
        network = ActorCritic(self.leaves, self.actions.n_logits, config, self.actions.sizes)
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        optimizer = torch.optim.Adam(weights, lr=self.sizes.lr, eps=1e-5, fused=True)
        self.policy, self.optimizer = self.fabric.setup(network, optimizer)
        self.network: ActorCritic = self.policy.module
        self.learning = PolicyGradient(
            self.fabric, self.policy, self.optimizer, self.actions, config, self.sizes
        )
        self.updates = 0
        self.generator = torch.Generator().manual_seed(seed)  # of predict

    def update(self, batch: Rollout, progress: float) -> Metrics:
        """One policy-gradient step, or a few epochs of them; rollout in, scalars out."""
        self.num_timesteps += len(batch)
        lr = self.sizes.lr * share_left(self.config.schedule, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        entropy_share = share_left(self.config.entropy_schedule, progress)
        self.learning.entropy_weight = self.config.entropy_weight * entropy_share
        rollout = batch.to(self.fabric.device)
        metrics = self.learning.learn(rollout, self.baseline)
        self.updates += 1
        metrics |= {
            "rollout/ep_rew_mean": rollout.ep_rew_mean,
            "rollout/ep_len_mean": rollout.ep_len_mean,
            "train/learning_rate": lr,
        }
        # Before the first episode ends, and where all returns are the same, some have no value.
        return {tag: value for tag, value in metrics.items() if math.isfinite(value)}

    @cached_property
    def batches(self) -> Rollouts:
        """Endless rollouts of the present policy."""
        config, sizes = self.config, self.sizes
        return Rollouts(
            self.environment.make(sizes.n_envs, config.vectorization, config.autoreset),
            self.environment.name,
            self.leaves,
            self.actions,
            self.network,
            n_steps=sizes.n_steps,
            gamma=config.gamma,
            whole_episodes=config.whole_episodes,
            seed=[self.seed, rank(), *[self.updates] * (self.updates > 0)],  # loaded: new ones
            outputs=self.learning.outputs_to_keep(self.leaves),
            group=config.group,
        )

    @cached_property
    def baseline(self) -> Baseline:
        """What returns are compared with; the critic's value needs no object of its own."""
        config, environment = self.config, self.environment
        if config.baseline != "greedy-rollout":
            return make_step_baseline(config.baseline, config.group)
        if environment.vector is not None:
            raise UserError("baseline greedy-rollout needs an environment by name, got a vector")
        env = environment.make(self.sizes.n_envs, config.vectorization, config.autoreset)
        plays = env, environment.name, self.leaves, self.actions, config.gamma
        return GreedyEpisodes(self.network, *plays)

    def evaluate(self) -> Metrics:
        """Mean return, or gap, of likeliest decisions; nothing where no second one can be made."""
        if self.evaluator is None or self._learning:
            return {}
        return self.evaluator.measure(self._decide)

    @cached_property
    def evaluator(self) -> Evaluator | None:
        """Held-out episodes of the environment."""
        return evaluator_for(self.env_id, self.env_options) if self.environment.by_name else None

    @property
    def headline(self) -> str:
        """The tag that the evaluator takes for the most telling."""
        return "" if self.evaluator is None else self.evaluator.headline

    def _source(self) -> Rollouts:
        return self.batches

    def _parts(self) -> dict[str, Any]:
        return {"policy": self.network, "policy.optimizer": self.optimizer}

    @property
    def env_id(self) -> str:
        """Name of the environment."""
        return self.environment.name

    @property
    def env_options(self) -> dict[str, Any]:
        """Options with which the environment is made."""
        return self.environment.options

    @property
    def observation_space(self) -> gym.Space:  # type: ignore[override]
        """Of one environment."""
        return self.environment.observation_space

    @property
    def action_space(self) -> gym.Space:  # type: ignore[override]
        """Of one environment."""
        return self.environment.action_space

    def get_env(self) -> gym.vector.VectorEnv:
        """The environments that the agent acts in."""
        return self.batches.env

    def set_env(self, env: AnyEnvironment) -> None:
        """Go on in another environment, with new episodes.

        Raises:
            UserError: its observations or actions are others, or a vector has another size.
        """
        new = environment_of(env, {})
        for what in ("observation_space", "action_space"):
            if getattr(new, what) != getattr(self, what):
                raise UserError(f"set_env: the {what} must be {getattr(self, what)}")
        if new.vector is not None and new.vector.num_envs != self.sizes.n_envs:
            raise UserError(f"set_env: {self.sizes.n_envs} environments needed")
        self.environment = new
        for cached in ("batches", "baseline", "evaluator"):
            self.__dict__.pop(cached, None)

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
        action_masks: np.ndarray | None = None,
    ) -> tuple[Any, Any]:
        """An action for one observation, or an array of them for a batch, as SB3's ``predict``.

        ``action_masks`` says which actions are allowed (``info["action_mask"]``); the policy has
        no memory, so ``state`` is handed back as it came.
        """
        actions = self._decide(observation, action_masks, deterministic)
        return (actions[0] if is_single(self.leaves, observation) else actions), state

    @torch.no_grad()
    def probabilities(self, observation: Any) -> Float[np.ndarray, "B A"]:
        """Of each action, for each of a batch of observations; of one choice among actions only.

        Raises:
            UserError: several choices are made at once.
        """
        if not isinstance(self.actions, OneOf):
            raise UserError(f"{self.env_id} takes several choices at once: none is of all actions")
        check_observed(observation, None)
        logits = self.network.logits(tensors(self.leaves, observation, self.fabric.device))
        return logits.to("cpu", torch.float32).softmax(dim=1).numpy()

    @torch.no_grad()
    def _decide(
        self, observation: Any, mask: np.ndarray | None, deterministic: bool = True
    ) -> np.ndarray:
        """One action for each observation of a batch, or for a single one."""
        check_observed(observation, mask)
        seen = tensors(self.leaves, observation, self.fabric.device)
        logits = self.network.logits(seen).to("cpu", torch.float32)
        may = None
        if mask is not None:
            may = torch.from_numpy(np.asarray(mask).reshape(len(logits), -1) != 0)
        if deterministic:
            return self.actions.actions(self.actions.likeliest(logits, may))
        return self.actions.actions(self.actions.sample(logits, may, self.generator))

    def save(self, path: str | Path) -> None:
        """Everything, in one file: also what ``learn`` goes on with.

        A ``path`` without a suffix gets ``.safetensors``.
        """
        checkpoint.save(path_of_agent(path), self.state_dict())

    def export_onnx(self, path: str | Path) -> list[Path]:
        """Write the policy as an ONNX graph, from observations to ``logits`` (extra ``onnx``).

        An input for each part of the observation, by its path; any number of them at once.
        """
        graph = Graph(
            self.network,
            lambda **seen: self.network.logits(seen),
            lambda size: examples(self.leaves, 2 * size, self.fabric.device),
            ["logits"],
        )
        return write_graphs(path, {"": graph})

    @classmethod
    def load(
        cls,
        path: str | Path,
        env: AnyEnvironment | None = None,
        device: str = "auto",
    ) -> "Reinforce":
        """The agent in a saved file, or in a run folder's newest checkpoint.

        It goes on with ``env`` instead of its own environment, if one is given.
        """
        path = path_of_agent(path, there=True)
        state = learner_state(path)
        if "reinforce" not in state:
            raise UserError(f"{path} is a checkpoint, but not one that Reinforce.save wrote")
        with reading(path, "a REINFORCE agent"):
            about = state["reinforce"]
            if env is None and not about["by_name"]:
                raise UserError(f"{path} is of wrapped environments: use Reinforce.load(..., env=)")
            if env is None:
                check_known(about["env"], path)
            options = about["env_options"] if env is None else {}
            config = read(ReinforceConfig, about["config"], path)
            agent = cls(env or about["env"], config, device=device, env_options=options)
            if "optimizer" in state:
                agent.load_state_dict(state)
            else:  # saved by version 0.1
                checkpoint.load_weights(agent.network, state["weights"], str(path))
        return agent

    def state_dict(self) -> State:
        """Weights, running statistics, optimiser and baseline."""
        return {
            "reinforce": self._description(),
            "weights": dict(self.network.state_dict()),
            "optimizer": checkpoint.moments_of(self.optimizer),
            "baseline": self.baseline.state_dict(),
            "generator": self.generator.get_state(),
            "updates": self.updates,
            "timesteps": self.num_timesteps,
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``, if it is of such a learner and architecture."""
        if "reinforce" not in state:
            raise UserError("the checkpoint is of another learner, not of reinforce")
        checkpoint.load_weights(self.network, state["weights"], "the checkpoint")
        checkpoint.load_moments(self.optimizer, state["optimizer"]["state"])
        self.baseline.load_state_dict(state["baseline"])
        self.generator.set_state(state["generator"])
        self.updates, self.num_timesteps = state["updates"], state.get("timesteps", 0)

    def _description(self) -> State:
        return {
            "config": asdict(self.config),
            "env": self.env_id,
            "env_options": self.env_options if self.environment.by_name else {},
            "by_name": self.environment.by_name,
        }


def share_left(schedule: Schedule, progress: float) -> float:
    """Of a weight that falls to zero, at this share of the budget."""
    shapes = {"linear": 1 - progress, "cosine": 0.5 * (1 + math.cos(math.pi * progress))}
    return shapes.get(schedule, 1.0)
