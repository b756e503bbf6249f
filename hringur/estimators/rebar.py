"""REBAR and RELAX: unbiased like REINFORCE, with a relaxation as its control variate.

With b = H(z), z' drawn from p(z|b), and c(z) = eta * f(soft(z / temperature)) (Tucker et al. 2017),

    g = (f(b) - c(z')) grad log p(b) + grad c(z) - grad c(z')

is unbiased for every c. eta and the temperature follow the gradient of E[g^2]. As in the paper, z'
is drawn with common random numbers, so that z' = z: only the derivatives differ. RELAX (Grathwohl
et al. 2018) has a network as c, and never differentiates f.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.estimators.distributions import Discrete, discrete
from hringur.estimators.interface import (
    Cost,
    Family,
    Promises,
    Sampled,
    check_samples,
    costs,
    gradient_only,
    with_gradient,
)
from hringur.estimators.pathwise import harden, noise, soften
from hringur.types import UserError

FAMILIES: tuple[Family, ...] = ("bernoulli", "categorical")


class RelaxedCost(nn.Module):
    """c(z) = eta * f(soft(z / temperature)), both numbers learned.

    ``offset`` adds a learned constant, like a baseline, for f with a large mean.
    """

    def __init__(self, temperature: float = 0.5, eta: float = 1.0, offset: bool = False) -> None:
        super().__init__()
        if not temperature > 0:
            raise UserError(f"temperature must be positive, got {temperature}")
        self.log_temperature = nn.Parameter(torch.tensor(float(temperature)).log())
        self.eta = nn.Parameter(torch.tensor(float(eta)))
        self.offset = nn.Parameter(torch.zeros(())) if offset else None

    def forward(self, f: Cost, of: Discrete, z: Tensor) -> Tensor:
        """Differentiable in z and in what is learned."""
        soft = soften(of, z / self.log_temperature.exp().to(z))
        c = self.eta.to(z) * costs(f, soft, of.batch_shape)
        return c if self.offset is None else c + self.offset.to(z)


@dataclass(frozen=True, eq=False)
class Rebar:
    """REINFORCE with the relaxed cost as a control variate."""

    learned: nn.Module = field(default_factory=RelaxedCost)

    promises: ClassVar[Promises] = Promises(
        unbiased=True, differentiable=True, families=FAMILIES, each=2
    )

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost of the samples; learns from its own variance."""
        check_samples(self, samples)
        return controlled(f, discrete(distribution, FAMILIES, "REBAR"), samples, self.learned)


class ControlNetwork(nn.Module):
    """c(z): a network of the soft sample at a learned temperature, and of the detached logits.

    The last layer begins at zero, so that the first estimate is REINFORCE's.
    """

    def __init__(self, event_size: int, width: int = 32, temperature: float = 0.5) -> None:
        super().__init__()
        self.log_temperature = nn.Parameter(torch.tensor(float(temperature)).log())
        self.hidden = nn.Linear(2 * event_size, width)
        self.output = nn.Linear(width, 1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, f: Cost, of: Discrete, z: Tensor) -> Tensor:
        """``S *batch``, smooth in z, because its second derivative trains the network."""
        soft = soften(of, z / self.log_temperature.exp().to(z))
        seen = torch.stack([soft, of.logits.detach().expand_as(z)], dim=-1)
        axes = 1 + len(of.batch_shape)
        hidden = self.hidden(seen.flatten(axes).to(self.hidden.weight.dtype)).tanh()
        return self.output(hidden)[..., 0].to(z.dtype)


@dataclass(frozen=True, eq=False)
class Relax:
    """REINFORCE with a learned control variate."""

    learned: nn.Module
    """a ``ControlNetwork``"""

    promises: ClassVar[Promises] = Promises(unbiased=True, differentiable=False, families=FAMILIES)

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost of the samples; learns from its own variance."""
        check_samples(self, samples)
        return controlled(f, discrete(distribution, FAMILIES, "RELAX"), samples, self.learned)


def controlled(f: Cost, of: Discrete, samples: int, control: nn.Module) -> Float[Tensor, ""]:
    """The surrogate of REBAR and RELAX for c, from f, the distribution and z to ``S *batch``."""
    learned = list(control.parameters())
    with torch.no_grad():
        z = of.logits + noise(of, samples)
        b = harden(of, z)
    cost = costs(f, b, of.batch_shape)
    with torch.enable_grad():  # the estimate needs derivatives of c, wherever it is called
        z.requires_grad_()
        c = control(f, of, z)
        (slope,) = torch.autograd.grad(c.sum(), z, create_graph=True)
        reinforce = of.spread(cost.detach() - c) * of.score(b).detach()
        gradient = reinforce + paths_apart(of, z.detach(), b, slope)
        second_moment = gradient.square().sum() / c.numel()
        own = torch.autograd.grad(second_moment, learned, allow_unused=True) if learned else ()
    surrogate = with_gradient(cost, of.logits, gradient)
    for weight, slope_of_it in zip(learned, own, strict=True):
        if slope_of_it is not None:
            surrogate = surrogate + gradient_only((slope_of_it * weight).sum())
    return surrogate


def paths_apart(of: Discrete, z: Tensor, b: Tensor, slope: Tensor) -> Tensor:
    """``slope`` times the derivative of z - z' in the logits, ``S *batch *event``.

    It is differentiable in ``slope``, as the variance's gradient needs it.
    """
    logits = of.logits.detach().expand_as(z).clone().requires_grad_()
    conditional = conditional_bits if of.family == "bernoulli" else conditional_choices
    again = conditional(logits, z, b)
    (through_again,) = torch.autograd.grad(again, logits, slope, create_graph=True)
    through_z = slope
    if of.family == "categorical":  # z = log_softmax(logits) + noise
        through_z = slope - logits.detach().softmax(dim=-1) * slope.sum(dim=-1, keepdim=True)
    return through_z - through_again


def conditional_bits(logits: Tensor, z: Tensor, b: Tensor) -> Tensor:
    """The z' of p(z|b) for bits, as a function of the logits, with the noise that makes it z.

    With v uniform, z' = softplus(logit v + softplus(l)) given b = 1, and
    -softplus(logit v + softplus(-l)) given b = 0.
    """
    sign = 2 * b - 1
    with torch.no_grad():  # the logit of v at which z' = z; |z| is never exactly 0 but by rounding
        size = z.abs().clamp(min=torch.finfo(z.dtype).tiny)
        logit_v = size + torch.log(-torch.expm1(-size)) - F.softplus(sign * logits)
    return sign * F.softplus(logit_v + F.softplus(sign * logits))


def conditional_choices(logits: Tensor, z: Tensor, b: Tensor) -> Tensor:
    """The z' of p(z|b) for choices, as a function of the logits, with the noise that makes it z.

    With e exponential: z'_b = -log e_b, and z'_i = -log(e_i / p_i + e_b) elsewhere.
    """
    log_p = logits.log_softmax(dim=-1)
    chosen = b.bool()
    with torch.no_grad():
        top = (z * b).sum(dim=-1, keepdim=True)
        below = (z - top).masked_fill(chosen, -1.0)  # any number: it is not used there
        below = below.clamp(max=-torch.finfo(z.dtype).tiny)
        log_e = log_p - z + torch.log(-torch.expm1(below))
    others = -torch.logaddexp(log_e - log_p, -top)
    return torch.where(chosen, top, others)
