"""A network that learns to build tours by REINFORCE, and everything a user does with it.

Each update draws instances, builds P tours of each (one from every place, as in
POMO, Kwon et al. 2020), and follows two score-function estimates:

* REINFORCE on the length of the sampled tours, against a baseline (Williams 1992);
* self-imitation: the shortest of the P tours, read from every place and in both directions, is
  what the policy should have built (self-labelling, Corsini et al. 2024). A round trip has 2 N
  readings, so one lucky sample teaches all of them.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float, Int
from lightning_fabric import Fabric
from matplotlib.figure import Figure
from torch import Tensor

from hringur.agents.tours.decoding import (
    Decoding,
    best_tour,
    build_tours,
    decode,
    readings,
    sample,
)
from hringur.agents.tours.graphs import tour_graphs
from hringur.agents.tours.pictures import learning_pictures
from hringur.agents.tours.planner import OnDevice, on_device, plan
from hringur.agents.tours.predicting import Predicting
from hringur.agents.tours.settings import InstanceBatches
from hringur.data.files import reading
from hringur.data.tours.length import tour_length
from hringur.estimators.baselines import make_baseline
from hringur.estimators.score_functions import score_function
from hringur.evaluators.environments import check_known, gym_spec, make_single
from hringur.evaluators.tours import TourEvaluator, check_dictionary
from hringur.registry import TOURS, domain_of, learner_config, learners
from hringur.settings import read
from hringur.training import checkpoint
from hringur.training.agent import Agent, in_order, path_of_agent
from hringur.training.averaged import AveragedNetwork
from hringur.training.config import TrainerConfig
from hringur.training.exports.onnx_graphs import write_graphs
from hringur.training.fabric import make_fabric, rank
from hringur.training.inline import png
from hringur.training.run_folder import learner_state
from hringur.types import Instances, Metrics, State, UserError


class TourAgent(Agent):
    """Learns, predicts, plans, saves and loads, in the manner of Stable-Baselines3."""

    def __init__(
        self,
        env: str | gym.Env = "IcelandTSP-v0",
        policy: Any = "attention-model",
        learning_rate: float | None = None,
        *,
        seed: int = 0,
        device: str = "auto",
        fabric: Fabric | None = None,
        env_options: Mapping[str, Any] | None = None,
        tensorboard_log: str | Path | None = None,
        verbose: int = 0,
        **settings: Any,
    ) -> None:
        """An agent for ``env``; policy and environment may also come in the order of SB3.

        Args:
            env: a name, or an environment made by ``gymnasium.make``.
            policy: a name of the registry, or the settings of a network.
            learning_rate: in SB3's place and by its name; that of the settings when None.
            seed: of everything random.
            device: "auto", "cpu" or "cuda".
            fabric: instead of ``device``.
            env_options: of an environment by name.
            tensorboard_log: folder for TensorBoard.
            verbose: 1 prints scalars while learning.
            settings: fields of the settings, also by the names that SB3 has for them.
        """
        env, policy = in_order(env, policy, list(learners()))
        config = learner_config(policy)() if isinstance(policy, str) else policy
        self.config = self.with_keywords(config, settings, learning_rate=learning_rate)
        self.tensorboard_log, self.verbose = tensorboard_log, verbose
        self.env_id, own_options = (env, {}) if isinstance(env, str) else _made_by(env)
        self.env_options = own_options | dict(env_options or {})
        single: Any = make_single(self.env_id, **self.env_options).unwrapped
        if domain_of(gym_spec(self.env_id).id, type(single)) is not TOURS:
            raise UserError(f"{self.env_id} has no tours to build, which is all a TourAgent learns")
        check_dictionary(single)
        self.problem, self.sampler = single.problem, single.sampler
        self.round_trip, self.n_places = bool(single.round_trip), single.n_places
        any_instance = self.sampler.sample(np.random.default_rng(0), 1, self.n_places).distance[0]
        self.directed = not np.array_equal(any_instance, any_instance.T)
        self.observation_space, self.action_space = single.observation_space, single.action_space
        self.seed = seed
        self.fabric = fabric or make_fabric(TrainerConfig(device=device))  # type: ignore[arg-type]
        torch.manual_seed(seed)
        network: Any = self.config.network()
        if self.config.initial is not None:
            where = self.config.initial
            weights = learner_state(where).get("weights")
            if weights is None:
                raise UserError(f"{where} is not of an agent that builds tours")
            checkpoint.load_weights(network, weights, str(where))
        network.forward_methods = ("encode", "score", "begin", "logits")
        decay, betas = self.config.average_decay, (0.9, 0.999)
        self.trained = AveragedNetwork(self.fabric, network, self.config.lr, betas, decay)
        self.policy, self.average = self.trained.network, self.trained.average
        self.baseline = make_baseline(self.config.baseline, network, self._greedy_cost)
        self.evaluator = TourEvaluator(self.env_id, self.env_options)
        self.predicting = Predicting(self.average)

    def update(self, batch: Instances, progress: float) -> Metrics:
        """Sample tours, weigh them, follow the gradient; costs are in mean distances."""
        self.num_timesteps += len(batch) * self._steps_per_sample
        self.trained.lr = lr = self._learning_rate(progress)
        problem = self._on_device(batch)
        start = self._starts(batch)
        encoding = self.policy.encode(*problem)
        with torch.no_grad():
            tour = build_tours(self.policy, encoding, start, batch.n_places, sample)  # B P N
        length = tour_length(problem.distance, tour, self.round_trip)  # B P
        cost = length / problem.distance.mean(dim=(1, 2))[:, None]
        advantage = self.config.reinforcement * (cost - self.baseline.value(cost, problem))

        imitate = torch.rand_like(cost) < self.config.imitation
        tour = torch.where(imitate[..., None], self._best_of(tour, cost, start), tour)
        advantage = torch.where(imitate, -1.0, advantage)

        scored = self.policy.score(encoding, tour)
        loss = score_function(scored.log_prob, advantage)
        loss = loss - self.config.entropy_bonus * scored.entropy.mean()
        norm = self.trained.step(loss, clip_norm=self.config.clip_norm)
        self.baseline.update(cost, self.trained.module, problem)
        return {
            "rollout/tour_length": length.mean().item(),
            "rollout/best_tour_length": length.amin(dim=1).mean().item(),
            "policy/entropy_nats": scored.entropy.mean().item(),
            "policy/grad_norm": norm,
            "train/loss": loss.item(),
            "train/learning_rate": lr,
        }

    def evaluate(self) -> Metrics:
        """Gaps on held-out instances: one greedy tour, and the best of greedy ones."""
        if self._learning:
            return {}
        metrics = {}
        methods = {"": Decoding()}
        if self.round_trip:
            methods["_all_starts"] = Decoding(method="all-starts")
        for suffix, decoding in methods.items():
            gap = self.evaluator.gap(self.plan(self.evaluator.instances, decoding))
            metrics[f"evaluation/gap{suffix}_percent"] = 100 * float(gap.mean())
            metrics[f"evaluation/optimal{suffix}_percent"] = 100 * float((gap < 1e-6).mean())
        return metrics

    def figures(self) -> dict[str, Figure]:
        """The first held-out instance on the map: a greedy tour, and the decision in its middle."""
        instance = self.evaluator.instances[slice(1)]
        tour = self.plan(instance, Decoding())[0]
        return learning_pictures(self.average, self.problem, instance, tour)

    @property
    def headline(self) -> str:
        """The gap of one greedy tour: the best of all starts would hide a collapsed policy."""
        return "evaluation/gap_percent"

    @property
    def _steps_per_sample(self) -> int:
        return (self.config.tours or self.n_places) * (self.n_places - 1)

    def _source(self) -> InstanceBatches:
        return self.batches()

    def _parts(self) -> dict[str, Any]:
        trained = self.trained
        networks = {"policy": trained.module, "policy.average": trained.average}
        return networks | {"policy.optimizer": trained.optimizer}

    def get_env(self) -> gym.Env:
        """An environment of the kind that the agent learns from; learning needs none."""
        return make_single(self.env_id, **self.env_options)

    def set_env(self, env: str | gym.Env) -> None:
        """Go on with the instances of another environment.

        Raises:
            UserError: it asks for other observations or another number of places.
        """
        other = type(self)(env, self.config, fabric=self.fabric)
        if other.action_space != self.action_space or other.round_trip != self.round_trip:
            raise UserError(f"set_env: tours must be of {self.n_places} places, and end alike")
        for name in ("env_id", "env_options", "problem", "sampler", "evaluator"):
            setattr(self, name, getattr(other, name))

    def batches(self) -> InstanceBatches:
        """Endless instances like the environment's own."""
        again = [self.trained.updates] * (self.trained.updates > 0)  # loaded: new ones
        seed = [self.seed, rank(), *again]
        return InstanceBatches(self.sampler, self.n_places, self.config, seed)

    def _repr_png_(self) -> bytes:
        """A tour on the map, which a notebook shows for the agent."""
        return png(self.figures()["evaluation/tour"])

    def predict(
        self,
        observation: Mapping[str, Any],
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[Any, Any]:
        """The next place for one observation or a batch of them, as SB3's ``predict``.

        The agent remembers the episodes under way by itself; ``state`` is not needed. A recurrent
        policy must see each episode from its start.
        """
        return self.predicting.next_place(observation, deterministic), state

    def plan(
        self,
        instances: Instances,
        decoding: Decoding | None = None,
        start: Int[np.ndarray, " B"] | None = None,
        round_trip: bool | None = None,
    ) -> Int[np.ndarray, "B N"]:
        """A tour of each instance, begun at ``start`` (the first place if None)."""
        decoding = decoding or Decoding(method="all-starts" if self.round_trip else "sampling")
        round_trip = self.round_trip if round_trip is None else round_trip
        return plan(self.average, instances, decoding, start, round_trip)

    def save(self, path: str | Path) -> None:
        """Everything, in one file: also what ``learn`` goes on with.

        A ``path`` without a suffix gets ``.safetensors``.
        """
        checkpoint.save(path_of_agent(path), self.state_dict())

    def export_onnx(self, path: str | Path) -> list[Path]:
        """Write the averaged network as ONNX graphs (extra ``onnx``; see ``tour_graphs``).

        ``agent.onnx`` becomes ``agent-encode.onnx``, ``agent-begin.onnx`` and ``agent-step.onnx``.
        """
        with torch.no_grad():
            return write_graphs(path, tour_graphs(self.average, self.fabric.device))

    @classmethod
    def load(cls, path: str | Path, device: str = "auto") -> "TourAgent":
        """The agent in a file that ``save`` wrote, or in a run folder's newest checkpoint."""
        path = path_of_agent(path, there=True)
        state = learner_state(path)
        if "tour_agent" not in state:
            raise UserError(f"{path} is a checkpoint, but not one that TourAgent.save wrote")
        with reading(path, "a tour agent"):
            about = state["tour_agent"]
            check_known(about["env"], path)
            config = read(learner_config(about["policy"]), about["config"], path)
            agent = cls(about["env"], config, device=device, env_options=about["env_options"])
            if "optimizer" in state:
                agent.load_state_dict(state)
            else:  # the shipped weights, and what version 0.1 saved
                agent.trained.load_weights(state["weights"], str(path))
        return agent

    def state_dict(self) -> State:
        """Weights, their average ("weights"), optimiser and baseline."""
        state = self.trained.state_dict()
        state = {"policy": state.pop("network"), "weights": state.pop("average")} | state
        own = {"tour_agent": self._description(), "timesteps": self.num_timesteps}
        return own | {"baseline": self.baseline.state_dict()} | state

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``, unless it is of another learner or architecture."""
        about = state.get("tour_agent")
        if about is None or about["policy"] != self._description()["policy"]:
            found = about["policy"] if about else "no tour agent"
            raise UserError(f"the checkpoint is of {found}, not of {self._description()['policy']}")
        self.trained.load_state_dict(
            state | {"network": state["policy"], "average": state["weights"]}
        )
        self.baseline.load_state_dict(state["baseline"])
        self.num_timesteps = state.get("timesteps", 0)

    def compile(self) -> None:
        """Compile the encoder, which is where a GPU's time goes."""
        self.policy.module.encode = torch.compile(self.policy.module.encode)

    def _learning_rate(self, progress: float) -> float:
        """Warm-up over 2 % of the budget, then cosine decay."""
        warm = min(1.0, progress / 0.02 + 0.01)
        return self.config.lr * warm * 0.5 * (1 + math.cos(math.pi * progress))

    def _starts(self, batch: Instances) -> Int[Tensor, "B P"]:
        """Every place once; some of them at random; or P times the first of an open path."""
        n, tours = batch.n_places, self.config.tours or batch.n_places
        if not self.round_trip:
            return torch.zeros(len(batch), tours, dtype=torch.long, device=self.fabric.device)
        if tours >= n:
            return (torch.arange(tours, device=self.fabric.device) % n).expand(len(batch), tours)
        return torch.rand(len(batch), n, device=self.fabric.device).argsort(dim=1)[:, :tours]

    def _best_of(
        self, tour: Int[Tensor, "B P N"], cost: Float[Tensor, "B P"], start: Int[Tensor, "B P"]
    ) -> Int[Tensor, "B P N"]:
        """The shortest tour of each instance, as P tours from their own starts."""
        best = best_tour(tour, cost)
        return (
            readings(best, start, self.directed)
            if self.round_trip
            else best[:, None].expand_as(tour)
        )

    def _greedy_cost(self, policy: Any, problem: OnDevice) -> Float[Tensor, " B"]:
        """Cost of one greedy tour from the first place, for the greedy-rollout baseline."""
        start = torch.zeros(len(problem.distance), dtype=torch.long, device=self.fabric.device)
        tour = decode(policy, *problem, start, Decoding(), self.round_trip)
        length = tour_length(problem.distance, tour, self.round_trip)
        return length / problem.distance.mean(dim=(1, 2))

    def _on_device(self, instances: Instances) -> OnDevice:
        return on_device(instances, self.fabric.device)

    def _description(self) -> State:
        return {
            "policy": self.config.name,
            "config": asdict(self.config) | {"initial": None},  # these weights now
            "env": self.env_id,
            "env_options": self.env_options,
        }


def _made_by(env: gym.Env) -> tuple[str, dict[str, Any]]:
    """Name and options with which ``gymnasium.make`` made this environment."""
    if env.spec is None:
        raise UserError(f"env must be made by gymnasium.make, or be its name, got {env!r}")
    return env.spec.id, dict(env.spec.kwargs)
