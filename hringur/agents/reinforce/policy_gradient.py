"""One update of REINFORCE: from a rollout to gradient steps.

One rollout makes one gradient step, over all its decisions at once, or several passes in parts
(passes.py). Outputs of the network that were kept while it acted are not computed again.
"""

import math
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Optimizer

from hringur.agents.reinforce.action_distributions import ActionDistribution
from hringur.agents.reinforce.baselines import StepBaseline
from hringur.agents.reinforce.networks import ActorCritic
from hringur.agents.reinforce.observations import Part, Parts
from hringur.agents.reinforce.passes import Lesson, clipped_ratio
from hringur.agents.reinforce.rollouts import Outputs, Rollout
from hringur.estimators.returns import discounted_returns, generalised_advantages
from hringur.estimators.score_function import score_function
from hringur.training.counters import Averages
from hringur.training.processes import world_size
from hringur.training.trainer import gradient_step
from hringur.types import Metrics

if TYPE_CHECKING:
    from hringur.agents.reinforce.settings import CompleteConfig

MANY = 32  # pictures from which on a step of a processor's network costs no more than its share


class PolicyGradient:
    """Moves the weights of a policy and its critic."""

    def __init__(
        self,
        fabric: Fabric,
        policy: torch.nn.Module,
        optimizer: Optimizer,
        actions: ActionDistribution,
        config: "CompleteConfig",
    ) -> None:
        """``policy`` is an ActorCritic as ``fabric`` has set it up."""
        self.fabric, self.policy, self.optimizer = fabric, policy, optimizer
        self.network: ActorCritic = policy.module  # type: ignore[assignment]
        self.actions, self.config = actions, config

    def outputs_to_keep(self, parts: tuple[Part, ...]) -> Outputs:
        """What of the network that acts is worth keeping for learning.

        Several passes need what the policy said at first. A single step of many pictures can go
        back along the very graph that acting made; not in several processes, whose gradients are
        joined by the module around the network, nor at another precision than acting's.
        """
        config = self.config
        if config.passes * config.parts > 1:
            return "kept"
        pictures = all(part.kind == "image" for part in parts) and config.n_envs >= MANY
        same = world_size() == 1 and self.fabric.strategy.precision.precision == "32-true"
        return "kept with graph" if pictures and same else "forgotten"

    def learn(self, rollout: Rollout, baseline: StepBaseline) -> Metrics:
        """Learn from a rollout on the network's device; losses and gradients come back."""
        config, network = self.config, self.network
        if config.normalise_reward:
            network.reward_scale.learn(rollout.discounted[rollout.valid])
        seen = {name: part.flatten(0, 1) for name, part in rollout.observation.items()}
        decisions = rollout.reward.numel()
        if config.passes * config.parts == 1:
            if rollout.logits is None or rollout.value is None:
                logits, values = self.policy(network.lay_out(seen), decisions)
                values = values.view(-1, rollout.reward.shape[1])  # T+1 B
            else:
                logits, values = rollout.logits.flatten(0, 1), rollout.value
            lesson = self._lesson(rollout, seen, values.detach(), None, baseline)
            metrics = self._step(lesson, logits, values[:-1].flatten())
        else:
            assert rollout.logits is not None and rollout.value is not None
            values = rollout.value
            laid_out = network.lay_out(seen)
            lesson = self._lesson(rollout, laid_out, values, self._log_prob(rollout), baseline)
            averages = Averages()
            for part in lesson.in_parts(config.parts, config.passes):
                found = self.policy(part.observation, len(part.decision))
                averages.add(self._step(part, *found))
            metrics = averages.take()

        returns = lesson.returns.view_as(rollout.reward)
        baseline.update(returns, rollout, network)
        if config.normalise_observation:
            network.learn_statistics(seen, decisions)
        valid = rollout.valid
        explained = explained_variance(values[:-1].detach()[valid], returns[valid])
        return metrics | {"train/explained_variance": explained}

    def _log_prob(self, rollout: Rollout) -> Float[Tensor, " D"]:
        """Of the decisions, by the policy that made them."""
        assert rollout.logits is not None
        mask = None if rollout.mask is None else rollout.mask.flatten(0, 1)
        decided = rollout.logits.flatten(0, 1), mask, rollout.decision.flatten(0, 1)
        return self.actions.log_prob_and_entropy(*decided)[0]

    def _lesson(
        self,
        rollout: Rollout,
        observation: Parts,
        value: Float[Tensor, "T1 B"],
        log_prob: Float[Tensor, " D"] | None,
        baseline: StepBaseline,
    ) -> Lesson:
        """What each decision turned out to be worth, in a row."""
        returns, advantage = self.advantages(rollout, value, baseline)  # T B
        weight = rollout.valid / rollout.valid.float().mean()
        return Lesson(
            observation=observation,
            decision=rollout.decision.flatten(0, 1),
            mask=None if rollout.mask is None else rollout.mask.flatten(0, 1),
            returns=returns.flatten(),
            cost=-(advantage * weight).flatten(),
            weight=weight.flatten(),
            log_prob=log_prob,
        )

    def _step(
        self, lesson: Lesson, logits: Float[Tensor, "D A"], value: Float[Tensor, " D"]
    ) -> Metrics:
        """One gradient step."""
        config, weight = self.config, lesson.weight
        log_prob, entropy = self.actions.log_prob_and_entropy(logits, lesson.mask, lesson.decision)
        if lesson.log_prob is None:
            policy_loss = score_function(log_prob, lesson.cost)
        else:
            policy_loss = clipped_ratio(log_prob, lesson.log_prob, lesson.cost, config.clip)
        entropy_loss = -(entropy * weight).mean()
        value_loss = (weight * (value - lesson.returns).square()).mean()
        loss = policy_loss + config.entropy_weight * entropy_loss + config.value_weight * value_loss
        norm = gradient_step(self.fabric, loss, self.policy, self.optimizer, config.clip_norm)
        return {
            "train/loss": loss.item(),
            "train/policy_gradient_loss": policy_loss.item(),
            "train/value_loss": value_loss.item(),
            "train/entropy_loss": entropy_loss.item(),
            "policy/grad_norm": norm,
        }

    def advantages(
        self, rollout: Rollout, value: Float[Tensor, "T1 B"], baseline: StepBaseline
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
            lengths = (config.gamma, config.gae_lambda)
            advantage = generalised_advantages(reward, value[:-1], next_value, *ends, *lengths)
            returns = advantage + value[:-1]
        else:
            returns = discounted_returns(reward, *ends, next_value, config.gamma)
            advantage = returns - baseline.value(returns, rollout)
        if config.normalise_advantage:
            chosen = advantage[rollout.valid]
            if config.baseline == "value":
                advantage = advantage - chosen.mean()
                chosen = chosen - chosen.mean()
            advantage = advantage / (chosen.square().mean().sqrt() + 1e-8)
        return returns, advantage


def explained_variance(value: Float[Tensor, " B"], returns: Float[Tensor, " B"]) -> float:
    """1 - Var(returns - value) / Var(returns): 1 is a perfect critic, 0 a constant one."""
    of_errors, of_returns = torch.stack([(returns - value).var(), returns.var()]).tolist()
    return 1 - of_errors / of_returns if of_returns > 0 else math.nan
