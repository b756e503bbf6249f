"""What the return of each step is compared with, where that is not the critic's value.

All but the batch mean leave REINFORCE unbiased, for their value does not depend on the action that
it is taken off from: it comes from earlier rollouts, from other environments, or from another
policy's episode. Returns are G_t, the discounted reward-to-go of each step.
"""

from collections.abc import Callable
from typing import Any, Literal, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hringur.agents.reinforce.action_distributions import ActionDistribution
from hringur.agents.reinforce.environments import allowed
from hringur.agents.reinforce.networks import ActorCritic
from hringur.agents.reinforce.observations import Part, tensors
from hringur.agents.reinforce.rollouts import Rollout
from hringur.estimators.baselines import GreedyRollout, MovingAverage
from hringur.types import State, UserError

StepBaselineName = Literal[
    "value", "none", "moving-average", "batch-mean", "leave-one-out", "greedy-rollout"
]
Play = Callable[[Any, Rollout], Float[Tensor, "T B"]]
"""Greedy returns of a policy from the beginnings of a rollout."""


@runtime_checkable
class StepBaseline(Protocol):
    """Something to subtract from the return of each step."""

    def value(self, returns: Float[Tensor, "T B"], rollout: Rollout) -> Float[Tensor, "#T #B"]:
        """The baseline of every step."""
        ...

    def update(self, returns: Float[Tensor, "T B"], rollout: Rollout, network: ActorCritic) -> None:
        """Learn from these returns, after they have been used."""
        ...

    def state_dict(self) -> State:
        """What has been learned."""
        ...

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        ...


class Nothing:
    """No baseline, or one that is taken from the rollout alone: nothing to learn or to keep."""

    def value(self, returns: Float[Tensor, "T B"], rollout: Rollout) -> Float[Tensor, "1 1"]:
        """Zero."""
        return returns.new_zeros(1, 1)

    def update(self, returns: Float[Tensor, "T B"], rollout: Rollout, network: ActorCritic) -> None:
        """Nothing to learn."""

    def state_dict(self) -> State:
        """Nothing to keep."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Nothing to load."""


class BatchMean:
    """The mean return of the rollout; it holds the own return too, a bias of one part in T B."""

    def value(self, returns: Float[Tensor, "T B"], rollout: Rollout) -> Float[Tensor, "1 1"]:
        """The same for every step."""
        return returns[rollout.valid].mean().reshape(1, 1)

    update, state_dict, load_state_dict = (
        Nothing.update,
        Nothing.state_dict,
        Nothing.load_state_dict,
    )


class OtherEnvironments:
    """Leave-one-out: the mean return, at the same time, of the other environments."""

    def value(self, returns: Float[Tensor, "T B"], rollout: Rollout) -> Float[Tensor, "T B"]:
        """(sum over the row - the own one) / (their number - 1); 0 if there are no others."""
        counted = torch.where(rollout.valid, returns, 0.0)
        others = rollout.valid.sum(dim=1, keepdim=True) - rollout.valid.long()
        return (counted.sum(dim=1, keepdim=True) - counted) / others.clamp(min=1)

    update, state_dict, load_state_dict = (
        Nothing.update,
        Nothing.state_dict,
        Nothing.load_state_dict,
    )


class PastMean:
    """An exponential moving average of the mean return of past rollouts."""

    def __init__(self) -> None:
        self.average = MovingAverage()

    def value(self, returns: Float[Tensor, "T B"], rollout: Rollout) -> Float[Tensor, "T 1"]:
        """The same for every step."""
        return self.average.value(returns, rollout)

    def update(self, returns: Float[Tensor, "T B"], rollout: Rollout, network: ActorCritic) -> None:
        """Average in the mean return of this rollout."""
        self.average.update(returns[rollout.valid][None], network, rollout)

    def state_dict(self) -> State:
        """The average."""
        return self.average.state_dict()

    def load_state_dict(self, state: State) -> None:
        """Go on from that average."""
        self.average.load_state_dict(state)


class GreedyPolicy:
    """What an earlier policy gets greedily from the same beginning (Kool et al. 2019).

    Both episodes come from the same seed, so they share the environment's chance as far as that
    does not depend on the actions. The baseline of step t is the greedy reward-to-go at time t.
    """

    def __init__(self, network: ActorCritic, play: Play) -> None:
        self.play = play
        self.last: tuple[Rollout, Tensor] | None = None
        self.challenge = GreedyRollout(network, self._cost)

    def value(self, returns: Float[Tensor, "T B"], rollout: Rollout) -> Float[Tensor, "T B"]:
        """Of the frozen policy."""
        return self._frozen(rollout)

    def update(self, returns: Float[Tensor, "T B"], rollout: Rollout, network: ActorCritic) -> None:
        """Compare both policies; once in a while let the better one be the baseline."""
        self.challenge.update(-returns.T, network, rollout)
        self.last = None

    def state_dict(self) -> State:
        """The frozen policy and the comparison under way."""
        return self.challenge.state_dict()

    def load_state_dict(self, state: State) -> None:
        """Go on with that comparison."""
        self.challenge.load_state_dict(state)

    def _cost(self, policy: Any, rollout: Rollout) -> Float[Tensor, " B"]:
        frozen = policy is self.challenge.frozen
        return -(self._frozen(rollout) if frozen else self.play(policy, rollout))[0]

    def _frozen(self, rollout: Rollout) -> Float[Tensor, "T B"]:
        """Played once for each rollout."""
        if self.last is None or self.last[0] is not rollout:
            self.last = rollout, self.play(self.challenge.frozen, rollout)
        return self.last[1]


def make_step_baseline(name: StepBaselineName) -> StepBaseline:
    """The baseline called ``name``; the critic's value, which comes with the rollout, is none."""
    if name == "moving-average":
        return PastMean()
    if name == "leave-one-out":
        return OtherEnvironments()
    return BatchMean() if name == "batch-mean" else Nothing()


class Twin:
    """The same vector environment once more, to play a rollout's episodes again, greedily."""

    def __init__(
        self,
        env: gym.vector.VectorEnv,
        name: str,
        parts: tuple[Part, ...],
        actions: ActionDistribution,
        gamma: float,
    ) -> None:
        if not replays(env):
            raise UserError(
                f"baseline greedy-rollout: {name} does not repeat itself from the same seed"
            )
        self.env, self.parts, self.actions, self.gamma = env, parts, actions, gamma

    @torch.no_grad()
    def __call__(self, network: ActorCritic, rollout: Rollout) -> Float[Tensor, "T B"]:
        """Greedy reward-to-go at each time of the rollout, 0 where that episode is over."""
        length, batch = rollout.reward.shape
        device = rollout.reward.device
        rewards = np.zeros((length, batch), dtype=np.float32)
        observation, info = self.env.reset(seed=rollout.seed)
        playing = np.ones(batch, dtype=bool)
        for t in range(length):
            mask = torch.from_numpy(allowed(info, batch)) if "action_mask" in info else None
            logits = network.logits(tensors(self.parts, observation, device)).cpu()
            chosen = self.actions.actions(self.actions.likeliest(logits, mask))
            observation, reward, terminated, truncated, info = self.env.step(chosen)
            rewards[t] = np.where(playing, reward, 0.0)
            playing &= ~(terminated | truncated)
            if not playing.any():
                break
        after = np.zeros(batch, dtype=np.float32)
        for t in reversed(range(length)):
            rewards[t] = after = rewards[t] + np.float32(self.gamma) * after
        return torch.from_numpy(rewards).to(device)


def replays(env: gym.vector.VectorEnv, steps: int = 8) -> bool:
    """Whether the same seed and the same actions give the same rewards and observations twice."""
    seen = []
    for _ in range(2):
        observation, info = env.reset(seed=0)
        env.action_space.seed(0)
        story = [gym.spaces.flatten(env.observation_space, observation)]
        for _ in range(steps):
            actions = env.action_space.sample()
            if "action_mask" in info and isinstance(env.single_action_space, gym.spaces.Discrete):
                actions = allowed(info, env.num_envs).argmax(axis=1)
                actions = actions + env.single_action_space.start
            observation, reward, _, _, info = env.step(actions)
            story += [gym.spaces.flatten(env.observation_space, observation), reward]
        seen.append(story)
    return all(np.array_equal(one, other) for one, other in zip(*seen, strict=True))
