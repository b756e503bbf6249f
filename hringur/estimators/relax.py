"""RELAX: REBAR's estimate with a learned network as its control variate (Grathwohl et al. 2018).

    g = (f(b) - c(z')) grad log p(b) + grad c(z) - grad c(z'),

where c is any network, trained to make g's variance small. f is evaluated at the samples only, and
never differentiated, so it may be a black box.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.estimators.distributions import Discrete, discrete
from hringur.estimators.interface import Cost, Promises, Sampled, check_samples
from hringur.estimators.rebar import FAMILIES, controlled
from hringur.estimators.relaxed import soften


class ControlNetwork(nn.Module):
    """c(z): a network of the soft sample at a learned temperature, and of the logits.

    The logits tell instances of a batch apart; no gradient reaches them from here. The last layer
    begins at zero, so that the first estimate is REINFORCE's.
    """

    def __init__(self, event_size: int, width: int = 32, temperature: float = 0.5) -> None:
        """For samples of so many numbers."""
        super().__init__()
        self.log_temperature = nn.Parameter(torch.tensor(float(temperature)).log())
        self.hidden = nn.Linear(2 * event_size, width)
        self.output = nn.Linear(width, 1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, f: Cost, of: Discrete, z: Tensor) -> Tensor:
        """``S *batch``, smooth in z: its second derivative is what is learned from."""
        soft = soften(of, z / self.log_temperature.exp().to(z))
        seen = torch.stack([soft, of.logits.detach().expand_as(z)], dim=-1)
        axes = 1 + len(of.batch_shape)
        hidden = self.hidden(seen.flatten(axes).to(self.hidden.weight.dtype)).tanh()
        return self.output(hidden)[..., 0].to(z.dtype)


@dataclass(frozen=True, eq=False)
class Relax:
    """REINFORCE with a learned control variate; ``learned`` is a ``ControlNetwork``."""

    learned: nn.Module

    promises: ClassVar[Promises] = Promises(unbiased=True, differentiable=False, families=FAMILIES)

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost of the samples; learns from its own variance."""
        check_samples(self, samples)
        of = discrete(distribution, FAMILIES, "RELAX")
        return controlled(f, of, samples, self.learned, list(self.learned.parameters()))
