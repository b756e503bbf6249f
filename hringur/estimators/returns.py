"""Returns and advantages of rollouts: what an action was worth.

``terminated`` and ``truncated`` travel separately to here, because they mean different things: an
episode that terminated is worth nothing more, one that was cut off would have gone on, and the
value of the state where it was cut, ``next_value``, stands for the rest (Pardo et al. 2018). A
rollout's last row is cut in the same way. Where an episode did both, it terminated.

No gradient passes through either function: a return is a target, not a path.
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
    """Reward-to-go: G_t = r_t + gamma * G_{t+1}.

    There, G_{t+1} is

    * 0 after a step that terminated,
    * ``next_value[t]`` after a step that was cut off, and after the last row.

    Elsewhere ``next_value`` is not looked at.
    """
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
    delta_t = r_t + gamma * V(s_{t+1}) - V(s_t). The successor's value is 0 after a step that
    terminated, ``next_value[t]`` after one that was cut off and after the last row, and
    ``value[t + 1]`` otherwise. With lambda = 1 it is ``discounted_returns - value``, with
    lambda = 0 the residual alone.
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
