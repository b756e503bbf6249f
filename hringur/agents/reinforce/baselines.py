"""What the return of each step is compared with, where that is not the critic's value.

All but the batch mean leave REINFORCE unbiased, for their value does not depend on the action whose
return they are subtracted from: it comes from earlier rollouts, from other environments, or from
another policy's episode. Returns are G_t, the discounted reward-to-go of each step.
"""

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.agents.reinforce.action_distributions import ActionDistribution
from hringur.agents.reinforce.buffer import Rollout
from hringur.agents.reinforce.environments import allowed
from hringur.agents.reinforce.networks import ActorCritic
from hringur.agents.reinforce.observations import Leaf, tensors
from hringur.agents.reinforce.settings import StepBaselineName
from hringur.estimators.baselines import (
    Baseline,
    GreedyRollout,
    MovingAverage,
    NoBaseline,
)
from hringur.estimators.returns import discounted_returns
from hringur.types import UserError


class BatchMean(Baseline):
    """The mean return of the rollout; it holds the own return too, a bias of one part in T B."""

    def value(self, returns: Float[Tensor, "T B"], rollout: Rollout) -> Float[Tensor, "1 1"]:
        """The same for every step."""
        return returns[rollout.valid].mean().reshape(1, 1)


class OtherEnvironments(Baseline):
    """Leave-one-out: the mean return, at the same time, of the other environments of a group.

    Where groups begin alike this is the baseline of Kool et al. 2019 ("Buy 4 REINFORCE samples").
    """

    def __init__(self, group: int = 1) -> None:
        self.group = group  # 1: all are one group

    def value(self, returns: Float[Tensor, "T B"], rollout: Rollout) -> Float[Tensor, "T B"]:
        """(sum over the group - the own one) / (their number - 1); 0 if there are no others."""
        length, batch = returns.shape
        shape = (length, -1, self.group if self.group > 1 else batch)
        valid = rollout.valid.reshape(shape)
        counted = torch.where(valid, returns.reshape(shape), 0.0)
        others = valid.sum(dim=2, keepdim=True) - valid.long()
        mean = (counted.sum(dim=2, keepdim=True) - counted) / others.clamp(min=1)
        return mean.view(length, batch)


class PastMean:
    """An exponential moving average of the mean return of past rollouts."""

    def __init__(self) -> None:
        self.average = MovingAverage()
        self.value, self.state_dict = self.average.value, self.average.state_dict
        self.load_state_dict = self.average.load_state_dict

    def update(self, returns: Float[Tensor, "T B"], policy: nn.Module, rollout: Rollout) -> None:
        """Average in the mean return of this rollout."""
        self.average.update(returns[rollout.valid][None], policy, rollout)


class GreedyEpisodes:
    """What an earlier policy gets greedily from the same first states (Kool et al. 2019).

    Both episodes come from the same seed, so they share the environment's chance as far as that
    does not depend on the actions. The baseline of step t is the greedy reward-to-go at time t,
    from the same vector environment once more.
    """

    def __init__(
        self,
        network: ActorCritic,
        env: gym.vector.VectorEnv,
        name: str,
        leaves: tuple[Leaf, ...],
        actions: ActionDistribution,
        gamma: float,
    ) -> None:
        if not replays(env):
            raise UserError(
                f"baseline greedy-rollout: {name} does not repeat itself from the same seed"
            )
        self.network, self.env, self.leaves = network, env, leaves
        self.actions, self.gamma = actions, gamma
        self.last: tuple[Rollout, Tensor] | None = None
        self.challenge = GreedyRollout(network, self._cost)
        self.state_dict = self.challenge.state_dict
        self.load_state_dict = self.challenge.load_state_dict

    def value(self, returns: Float[Tensor, "T B"], rollout: Rollout) -> Float[Tensor, "T B"]:
        """The greedy reward-to-go of the frozen policy, played once for each rollout."""
        if self.last is None or self.last[0] is not rollout:
            self.last = rollout, self.play(self.challenge.frozen, rollout)
        return self.last[1]

    def update(self, returns: Float[Tensor, "T B"], policy: nn.Module, rollout: Rollout) -> None:
        """Compare both policies; once in a while the better one becomes the baseline."""
        self.challenge.update(-returns.T, policy, rollout)
        self.last = None

    @torch.no_grad()
    def play(self, policy: Any, rollout: Rollout) -> Float[Tensor, "T B"]:
        """Greedy reward-to-go at each time of the rollout, scaled; 0 where an episode is over."""
        length, batch = rollout.reward.shape
        device = rollout.reward.device
        reward = np.zeros((length, batch), dtype=np.float32)
        observation, info = self.env.reset(seed=rollout.seed)  # type: ignore[arg-type]
        playing = np.ones(batch, dtype=bool)
        for t in range(length):
            mask = torch.from_numpy(allowed(info, batch)) if "action_mask" in info else None
            logits = policy.logits(tensors(self.leaves, observation, device)).cpu()
            chosen = self.actions.actions(self.actions.likeliest(logits, mask))
            observation, gained, terminated, truncated, info = self.env.step(chosen)
            reward[t] = np.where(playing, gained, 0.0)
            playing &= ~(terminated | truncated)
            if not playing.any():
                break
        gained = torch.from_numpy(reward).to(device)
        never = torch.zeros_like(gained, dtype=torch.bool)
        to_go = discounted_returns(gained, never, never, torch.zeros_like(gained), self.gamma)
        return self.network.reward_scale(to_go)

    def _cost(self, policy: Any, rollout: Rollout) -> Float[Tensor, " B"]:
        if policy is self.challenge.frozen:
            return -self.value(rollout.reward, rollout)[0]
        return -self.play(policy, rollout)[0]


def make_step_baseline(name: StepBaselineName, group: int = 1) -> Baseline:
    """The baseline called ``name``; the critic's value, which comes with the rollout, is none."""
    if name == "moving-average":
        return PastMean()
    if name == "leave-one-out":
        return OtherEnvironments(group)
    return BatchMean() if name == "batch-mean" else NoBaseline()


def replays(env: gym.vector.VectorEnv, steps: int = 8) -> bool:
    """Whether the same seed and the same actions give the same rewards and observations twice."""
    episodes = []
    for _ in range(2):
        observation, info = env.reset(seed=0)
        env.action_space.seed(0)
        seen = [gym.spaces.flatten(env.observation_space, observation)]
        for _ in range(steps):
            actions = env.action_space.sample()
            if "action_mask" in info and isinstance(env.single_action_space, gym.spaces.Discrete):
                actions = allowed(info, env.num_envs).argmax(axis=1)
                actions = actions + env.single_action_space.start
            observation, reward, _, _, info = env.step(actions)
            seen += [gym.spaces.flatten(env.observation_space, observation), reward]
        episodes.append(seen)
    return all(np.array_equal(one, other) for one, other in zip(*episodes, strict=True))
