"""REBAR and RELAX: unbiased like REINFORCE, with a relaxation as its control variate.

A discrete sample b = H(z) comes from a continuous z = z(u, theta). Let z' be drawn from p(z|b), and
c(z) = eta * f(soft(z / temperature)) (REBAR, Tucker et al. 2017). Then

    g = (f(b) - c(z')) grad log p(b) + grad c(z) - grad c(z')

has the exact gradient as its expectation for every c: what the first term loses, the other two
give back. The nearer c is to f, the less is left to REINFORCE. eta and the temperature are learned
by following the gradient of g's variance, which is that of E[g^2], from the same samples.

As in the paper, z' is drawn with common random numbers, so that z' = z: only the derivatives
differ. That takes one evaluation of f for b and one for both z and z'. Bits as in section 3 there,
choices as in its appendix and in Grathwohl et al. 2018, appendix B.

RELAX (Grathwohl et al. 2018) has any network as c, trained alike. f is evaluated at the samples
only, and never differentiated, so it may be a black box.
"""

from collections.abc import Callable
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

Control = Callable[[Cost, Discrete, Tensor], Tensor]
"""c: from f, the distribution and z ``S *batch *event`` to ``S *batch``."""
FAMILIES: tuple[Family, ...] = ("bernoulli", "categorical")


class RelaxedCost(nn.Module):
    """c(z) = eta * f(soft(z / temperature)), both numbers learned.

    With ``offset`` a learned constant is added, the same as a baseline: worth having wherever
    the mean of f is large beside its differences.
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
        of = discrete(distribution, FAMILIES, "REBAR")
        return controlled(f, of, samples, self.learned, list(self.learned.parameters()))


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


def controlled(
    f: Cost, of: Discrete, samples: int, control: Control, learned: list[nn.Parameter]
) -> Float[Tensor, ""]:
    """The surrogate of REBAR and RELAX for a control variate c."""
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

    Differentiable in ``slope``, as the variance's gradient needs it.
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

    With v uniform: z' = softplus(logit v + softplus(l)) given b = 1, and the mirror image
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
