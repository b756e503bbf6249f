"""Solvers of transport that give a map: one y for each x, and no entropy.

================= ================================================================================
solver            what
================= ================================================================================
sliced            quantiles matched along random directions, again and again (Pitie et al. 2007):
                  all mass arrives, though not at the least cost
neural-transport  the dual of transport with a network for the map (Korotin et al. 2023):
                  sup_f inf_T E [|x - T(x)|^2 / 2 - f(T(x))] + E f(y)
wgan              the same game without a cost, and with the critic's gradient held near 1
                  (Gulrajani et al. 2017): a Wasserstein GAN whose noise is x
================= ================================================================================
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.divergences.known_plans import Moments
from hringur.divergences.transport import random_directions
from hringur.generative.models.wgan_gp import gradient_penalty
from hringur.training.averaged import average_weights_

Samples = Float[Tensor, "N D"]

QUANTILES, ROUNDS = 200, 60
"""Of each direction, and rounds of as many directions as there are dimensions."""

WIDTH, BATCH, LR = 128, 256, 1e-3
MAP_STEPS = 2
"""Updates of the map for one of the critic."""

PENALTY = 1.0
"""Weight of the critic's gradient penalty."""


@dataclass(frozen=True, eq=False)
class MapPlan:
    """y is a function of x."""

    function: Callable[[Samples], Samples]

    @torch.no_grad()
    def moments(self, x: Float[Tensor, "B D"]) -> Moments:
        """Where x goes, and no covariance."""
        made = self.function(x)
        return made, made.new_zeros(*made.shape, made.shape[1])

    @torch.no_grad()
    def draw(self, x: Float[Tensor, "B D"], generator: torch.Generator) -> Float[Tensor, "B D"]:
        """Where x goes."""
        return self.function(x)


def sliced(x: Samples, y: Samples, epsilon: float, seed: int = 0) -> MapPlan:
    """In each round the samples move along D orthogonal directions, each by its quantiles."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.linspace(0, 1, QUANTILES)
    rounds, moved = [], x
    for _ in range(ROUNDS):
        directions = random_directions(x.shape[1], x.shape[1], x.device, generator)
        start, end = (_quantiles(side @ directions, place) for side in (moved, y))
        rounds.append((directions, start, end))
        moved = _moved(moved, directions, start, end)

    def function(x: Samples) -> Samples:
        for one in rounds:
            x = _moved(x, *one)
        return x

    return MapPlan(function)


def _quantiles(along: Samples, place: Float[Tensor, " Q"]) -> Float[Tensor, "D Q"]:
    rows = (place * (len(along) - 1)).round().long()
    return along.sort(dim=0).values[rows].T.contiguous()


def _moved(
    x: Samples,
    directions: Float[Tensor, "D D"],
    start: Float[Tensor, "D Q"],
    end: Float[Tensor, "D Q"],
) -> Samples:
    """Each x after the piecewise linear maps from quantiles to quantiles; beyond them a shift."""
    along = (x @ directions).T.contiguous()  # D N
    right = torch.searchsorted(start, along).clamp(1, QUANTILES - 1)
    low, high = start.gather(1, right - 1), start.gather(1, right)
    share = ((along - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
    beyond = along - along.clamp(start[:, :1], start[:, -1:])
    target = torch.lerp(end.gather(1, right - 1), end.gather(1, right), share) + beyond
    return target.T @ directions.T


def neural_transport(
    x: Samples, y: Samples, epsilon: float, seed: int = 0, steps: int = 10_000
) -> MapPlan:
    """The map of least cost |x - y|^2 / 2, without entropy."""
    return _game(x, y, seed, steps, cost=1.0, lipschitz=False)


def wgan(x: Samples, y: Samples, epsilon: float, seed: int = 0, steps: int = 10_000) -> MapPlan:
    """Some map that arrives at y; nothing but its start as the identity keeps it short."""
    return _game(x, y, seed, steps, cost=0.0, lipschitz=True)


def _game(x: Samples, y: Samples, seed: int, steps: int, cost: float, lipschitz: bool) -> MapPlan:
    """Map and critic by Adam, the learning rates falling to zero along a line."""
    generator, dimensions = torch.Generator().manual_seed(seed), x.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        change, critic = _dense(dimensions, dimensions), _dense(dimensions, 1)
    nn.init.zeros_(change[-1].weight)  # type: ignore[arg-type]
    average = deepcopy(change)
    optimizers = [torch.optim.Adam(one.parameters(), LR, (0.5, 0.9)) for one in (change, critic)]
    for step in range(steps):
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = LR * (1 - step / steps)
        rows, others = (torch.randint(len(side), (BATCH,), generator=generator) for side in (x, y))
        start, real = x[rows], y[others]
        for _ in range(MAP_STEPS):
            move = change(start)
            loss = cost * 0.5 * move.square().sum(dim=1).mean() - critic(start + move).mean()
            _descend(optimizers[0], loss)
        made = (start + change(start)).detach()
        loss = critic(made).mean() - critic(real).mean()
        if lipschitz:
            share = torch.rand(BATCH, 1, generator=generator)
            between = torch.lerp(real, made, share).requires_grad_()
            loss = loss + PENALTY * gradient_penalty(critic(between)[:, 0], between)
        _descend(optimizers[1], loss)
        average_weights_(average, change, 0.999, step + 1)
    return MapPlan(lambda x: x + average(x))


def _descend(optimizer: torch.optim.Optimizer, loss: Float[Tensor, ""]) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _dense(inputs: int, outputs: int) -> nn.Sequential:
    """Two hidden layers."""
    sizes = [inputs, WIDTH, WIDTH]
    hidden = [part for one, other in pairwise(sizes) for part in (nn.Linear(one, other), nn.SiLU())]
    return nn.Sequential(*hidden, nn.Linear(WIDTH, outputs))
