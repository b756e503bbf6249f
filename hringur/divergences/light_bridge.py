"""The light Schroedinger bridge (Korotin et al. 2024): entropic transport in closed form.

The adjusted potential of y is a mixture of Gaussians, v(y) = sum_k a_k N(y | r_k, epsilon S_k),
with diagonal S_k. Then the plan and its normaliser c(x) are closed forms, and the plan is fitted by
minimising

    E_x log c(x) - E_y log v(y)                                               (equation 13)

from samples alone. The cost is |x - y|^2 / 2.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.divergences.known_plans import MixtureOfPlans


class LightBridge(MixtureOfPlans, nn.Module):
    """The adjusted potential v, and the plan that it stands for."""

    forward_methods = ("loss",)

    def __init__(self, centre: Float[Tensor, "K D"], epsilon: float, scale: float = 0.1) -> None:
        """Parts around ``centre``, with all weights equal and S_k = ``scale``."""
        super().__init__()
        self.epsilon = epsilon
        self.log_weight = nn.Parameter(centre.new_zeros(len(centre)))
        self.centre = nn.Parameter(centre.clone())
        self.log_scale = nn.Parameter(torch.full_like(centre, math.log(scale)))

    @property
    def spread(self) -> Float[Tensor, "K D"]:
        """Variances epsilon S_k."""
        return self.epsilon * self.log_scale.exp()

    def loss(self, x: Float[Tensor, "B D"], y: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
        """The mean of log c(x) less that of log v(y), up to a constant (equation 13)."""
        with torch.autocast(y.device.type, enabled=False):  # whole exponents matter, over epsilon
            return self._loss(x, y)

    def _loss(self, x: Float[Tensor, "B D"], y: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
        away = (y[:, None] - self.centre).square() / self.spread
        potential = self.log_weight - 0.5 * (away + self.log_scale).sum(dim=2)
        return self._tilted(x).logsumexp(dim=1).mean() - potential.logsumexp(dim=1).mean()

    def _tilted(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B K"]:
        """Logarithms of a_k exp((x S_k x + 2 r_k x) / (2 epsilon)), which add up to c(x)."""
        tilt = x.square() @ self.log_scale.exp().T + 2 * x @ self.centre.T
        return self.log_weight + tilt / (2 * self.epsilon)

    def parts(self, x: Float[Tensor, "B D"]) -> tuple[Float[Tensor, "B K"], Float[Tensor, "B K D"]]:
        """Weights, and means r_k + S_k x (proposition 3.3)."""
        return self._tilted(x), self.centre + self.log_scale.exp() * x[:, None]
