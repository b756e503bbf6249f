"""Returns and advantages of rollouts, without gradient.

After a step that terminated nothing more is earned. After one that was truncated, and after the
last row, ``next_value`` stands for the rest (Pardo et al. 2018). An episode that did both
terminated.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@torch.no_grad()
def discounted_returns(
    reward: Float[Tensor, "T B"],
    terminated: Bool[Tensor, "T B"],
    truncated: Bool[Tensor, "T B"],
    next_value: Float[Tensor, "T B"],
    gamma: float,
) -> Float[Tensor, "T B"]:
    """Reward-to-go: G_t = r_t + gamma * G_{t+1}."""
    cut = truncated.clone()
    cut[-1] = True
    step = reward + gamma * torch.where(cut & ~terminated, next_value, 0.0)
    return _accumulate(step, gamma * (~(terminated | cut)).to(reward.dtype))


@torch.no_grad()
def generalised_advantages(
    reward: Float[Tensor, "T B"],
    value: Float[Tensor, "T B"],
    next_value: Float[Tensor, "T B"],
    terminated: Bool[Tensor, "T B"],
    truncated: Bool[Tensor, "T B"],
    gamma: float,
    gae_lambda: float,
) -> Float[Tensor, "T B"]:
    """Generalised advantage estimates (Schulman et al. 2016, eq. 16).

    A_t = delta_t + gamma * lambda * A_{t+1} within an episode, with the residual
    delta_t = r_t + gamma * V(s_{t+1}) - V(s_t).
    """
    successor = torch.cat([value[1:], next_value[-1:]])
    successor = torch.where(truncated, next_value, successor)
    successor = torch.where(terminated, 0.0, successor)
    residual = reward + gamma * successor - value
    within = (~(terminated | truncated)).to(reward.dtype)
    return _accumulate(residual, gamma * gae_lambda * within)


def _accumulate(step: Float[Tensor, "T B"], keep: Float[Tensor, "T B"]) -> Float[Tensor, "T B"]:
    """Backwards in time, total_t = step_t + keep_t * total_{t+1}: one fused operation a step."""
    total = torch.zeros_like(step[0])
    totals = []
    for now, share in zip(reversed(step.unbind()), reversed(keep.unbind()), strict=True):
        total = torch.addcmul(now, share, total)
        totals.append(total)
    return torch.stack(totals[::-1])
