"""One update of REINFORCE: from a rollout to gradient steps.

Usually a rollout makes one gradient step, over all its decisions at once. Where samples are
expensive it may be used for several epochs, each in several minibatches. After the first gradient
step the policy is no longer the one that made the decisions. The ratio
r = pi(a|s) / pi_before(a|s) of their probabilities corrects for that, and

    mean( max(r C, clip(r, 1 - c, 1 + c) C) ),    C minus the advantage,

does not reward going further than the share c away (Schulman et al. 2017, eq. 7). At r = 1 its
gradient is that of REINFORCE.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Optimizer

from hringur.agents.reinforce.action_distributions import ActionDistribution
from hringur.agents.reinforce.buffer import Rollout
from hringur.agents.reinforce.networks import ActorCritic
from hringur.agents.reinforce.observations import Leaf, Observation
from hringur.agents.reinforce.rollouts import Outputs
from hringur.agents.reinforce.settings import ReinforceSettings, Sizes
from hringur.estimators.baselines import Baseline
from hringur.estimators.returns import discounted_returns, generalised_advantages
from hringur.estimators.score_functions import score_function
from hringur.training.config import Averages
from hringur.training.fabric import everyones, world_size
from hringur.training.trainer import gradient_step
from hringur.types import Metrics

MANY = 32  # images above which a step of a processor's network costs no more than its share


@dataclass(frozen=True, eq=False)
class Decisions:
    """Decisions to learn from, in a row, with what they turned out to be worth."""

    observation: Observation
    """may have more rows, behind those of the decisions"""

    decision: Int[Tensor, "D *shape"]
    mask: Bool[Tensor, "D M"] | None
    returns: Float[Tensor, " D"]
    """what the critic learns"""

    cost: Float[Tensor, " D"]
    """minus the advantage, times the weight"""

    weight: Float[Tensor, " D"]
    """zero for what was no decision; one on average"""

    log_prob: Float[Tensor, " D"] | None = None
    """of the decision when it was made [nats]; None if the policy is still the same"""

    def minibatches(self, count: int, epochs: int) -> Iterator["Decisions"]:
        """Each epoch in ``count`` minibatches, in a new order."""
        for _ in range(epochs):
            for rows in torch.randperm(len(self.decision)).tensor_split(count):
                yield self.take(rows.to(self.decision.device))

    def take(self, rows: Int[Tensor, " D"]) -> "Decisions":
        """Some of the decisions."""

        def taken(x: Tensor) -> Tensor:
            return x.index_select(0, rows)  # x[rows], which takes ten times as long over images

        return replace(
            self,
            observation={name: taken(x) for name, x in self.observation.items()},
            decision=taken(self.decision),
            mask=None if self.mask is None else taken(self.mask),
            returns=taken(self.returns),
            cost=taken(self.cost),
            weight=taken(self.weight),
            log_prob=None if self.log_prob is None else taken(self.log_prob),
        )


class PolicyGradient:
    """Moves the weights of a policy and its critic."""

    def __init__(
        self,
        fabric: Fabric,
        policy: torch.nn.Module,
        optimizer: Optimizer,
        actions: ActionDistribution,
        config: ReinforceSettings,
        sizes: Sizes,
    ) -> None:
        """``policy`` is an ActorCritic as ``fabric`` has set it up."""
        self.fabric, self.policy, self.optimizer = fabric, policy, optimizer
        self.network: ActorCritic = policy.module  # type: ignore[assignment]
        self.actions, self.config, self.sizes = actions, config, sizes
        self.entropy_weight = config.entropy_weight
        self.several_steps = sizes.epochs * sizes.minibatches > 1
        self.plain = world_size() == 1 and fabric.strategy.precision.precision == "32-true"
        """fabric has nothing to see to in a forward pass, and is not asked"""

    def outputs_to_keep(self, leaves: tuple[Leaf, ...]) -> Outputs:
        """What of the network that acts is worth keeping for learning.

        Several gradient steps need the first probabilities and values. A single step over many
        images can go back along the very graph that acting made: 1.21 times as many steps a second
        of Breakout (64 games of 5 steps, one thread). Not in several processes, whose gradients are
        joined by the module around the network, nor at another precision than acting's.
        """
        if self.several_steps:
            return "kept"
        images = all(leaf.kind == "image" for leaf in leaves) and self.sizes.n_envs >= MANY
        return "kept with graph" if images and self.plain else "forgotten"

    def learn(self, rollout: Rollout, baseline: Baseline) -> Metrics:
        """Learn from a rollout on the network's device; losses and gradient norms come back."""
        config, network = self.config, self.network
        forward = network if self.plain else self.policy
        if config.normalise_reward:
            network.reward_scale.learn(rollout.chosen(rollout.discounted))
        seen = {name: leaf.flatten(0, 1) for name, leaf in rollout.observation.items()}
        count = rollout.reward.numel()
        if rollout.logits is None or rollout.value is None:
            logits, value = forward(seen, count)
            value = value.view(-1, rollout.reward.shape[1])  # T+1 B
        else:
            logits, value = rollout.logits.flatten(0, 1), rollout.value
        decisions = self._decisions(rollout, seen, logits, value.detach(), baseline)
        if self.several_steps:
            averages = Averages()
            for part in decisions.minibatches(self.sizes.minibatches, self.sizes.epochs):
                averages.add(self._step(part, *forward(part.observation, len(part.decision))))
            metrics = averages.take()
        else:
            metrics = self._step(decisions, logits, value[:-1].flatten())

        returns = decisions.returns.view_as(rollout.reward)
        baseline.update(returns, network, rollout)
        if config.normalise_observation:
            network.learn_statistics(seen, count)
        predicted = rollout.chosen(value[:-1].detach())
        explained = explained_variance(predicted, rollout.chosen(returns))
        return metrics | {"train/explained_variance": explained}

    def _decisions(
        self,
        rollout: Rollout,
        observation: Observation,
        logits: Float[Tensor, "D A"],
        value: Float[Tensor, "T1 B"],
        baseline: Baseline,
    ) -> Decisions:
        """What each decision turned out to be worth."""
        returns, advantage = self.advantages(rollout, value, baseline)  # T B
        weight = rollout.valid / everyones(rollout.valid.flatten()).float().mean()
        mask = None if rollout.mask is None else rollout.mask.flatten(0, 1)
        decision, log_prob = rollout.decision.flatten(0, 1), None
        if self.several_steps:
            decided = logits.detach(), mask, decision
            log_prob, _ = self.actions.log_prob_and_entropy(*decided)
        return Decisions(
            observation=observation,
            decision=decision,
            mask=mask,
            returns=returns.flatten(),
            cost=-(advantage * weight).flatten(),
            weight=weight.flatten(),
            log_prob=log_prob,
        )

    def _step(
        self, batch: Decisions, logits: Float[Tensor, "D A"], value: Float[Tensor, " D"]
    ) -> Metrics:
        """One gradient step."""
        config, weight = self.config, batch.weight
        log_prob, entropy = self.actions.log_prob_and_entropy(logits, batch.mask, batch.decision)
        if batch.log_prob is None:
            policy_loss = score_function(log_prob, batch.cost)
        else:
            policy_loss = clipped_ratio(log_prob, batch.log_prob, batch.cost, self.sizes.clip)
        entropy_loss = -(entropy * weight).mean()
        value_loss = (weight * (value - batch.returns).square()).mean()
        loss = policy_loss + self.entropy_weight * entropy_loss + config.value_weight * value_loss
        norm = gradient_step(self.fabric, loss, self.optimizer, config.clip_norm)
        return {
            "train/loss": loss.item(),
            "train/policy_gradient_loss": policy_loss.item(),
            "train/value_loss": value_loss.item(),
            "train/entropy_loss": entropy_loss.item(),
            "policy/grad_norm": norm,
        }

    def advantages(
        self, rollout: Rollout, value: Float[Tensor, "T1 B"], baseline: Baseline
    ) -> tuple[Float[Tensor, "T B"], Float[Tensor, "T B"]]:
        """Returns, which the critic learns, and what the policy's decisions are weighed with."""
        config = self.config
        reward = self.network.reward_scale(rollout.reward)
        next_value = value[1:].clone()
        if rollout.cut_observation is not None:
            with torch.no_grad():
                next_value[rollout.cut] = self.network.value(rollout.cut_observation)
        ends = rollout.terminated, rollout.truncated
        if config.baseline == "value":
            factors = (config.gamma, config.gae_lambda)
            advantage = generalised_advantages(reward, value[:-1], next_value, *ends, *factors)
            returns = advantage + value[:-1]
        else:
            returns = discounted_returns(reward, *ends, next_value, config.gamma)
            advantage = returns - baseline.value(returns, rollout)
        if config.normalise_advantage:
            chosen = everyones(rollout.chosen(advantage))
            if config.baseline == "value":
                advantage = advantage - chosen.mean()
                chosen = chosen - chosen.mean()
            advantage = advantage / (chosen.square().mean().sqrt() + 1e-8)
        return returns, advantage


def clipped_ratio(
    log_prob: Float[Tensor, " D"],
    before: Float[Tensor, " D"],
    cost: Float[Tensor, " D"],
    clip: float,
) -> Float[Tensor, ""]:
    """A scalar to be minimised (Schulman et al. 2017, eq. 7, with A = -cost)."""
    ratio = (log_prob - before).exp()
    return torch.maximum(ratio * cost, ratio.clamp(1 - clip, 1 + clip) * cost).mean()


def explained_variance(value: Float[Tensor, " B"], returns: Float[Tensor, " B"]) -> float:
    """1 - Var(returns - value) / Var(returns): 1 is a perfect critic, 0 a constant one."""
    of_errors, of_returns = torch.stack([(returns - value).var(), returns.var()]).tolist()
    return 1 - of_errors / of_returns if of_returns > 0 else math.nan
