"""The estimator bench's problems: expectations E_{z ~ p(z|theta)}[f(z)] with a known gradient.

Where z is discrete, all of its values are enumerated; where it is normal, the expectation is
known in closed form.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import permutations, product
from typing import Any

import gymnasium as gym
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hringur.data.tours.length import tour_length
from hringur.estimators.catalogue import ESTIMATORS, make_estimator
from hringur.estimators.distributions import bernoullis, categoricals, gaussians
from hringur.estimators.interface import Sampled

TOUR_PLACES = 8
TOUR_SEED = 1
GREED = 2.0
"""The tour policy's preference falls by this with each mean distance [nats]."""
KM_A_UNIT = 100.0
LOGIT = math.log(0.3 / 0.7)


@dataclass(frozen=True, eq=False)
class BenchProblem:
    """An expectation whose gradient is known."""

    name: str
    title: str
    family: str
    """bernoulli, categorical, location-scale or tours"""

    parameters: Tensor
    """theta"""

    distribution: Callable[[Tensor], Sampled]
    """from parameters ``*batch *theta``"""

    f: Callable[[Tensor], Tensor]
    outcomes: Tensor | None = None
    """all values of z, where they can be enumerated"""

    closed_form: Callable[[Tensor], Tensor] | None = None
    """E[f] at theta, where they cannot"""

    def expectation(self, theta: Tensor) -> Tensor:
        """E[f] at theta, exact and differentiable."""
        if self.closed_form is not None:
            return self.closed_form(theta)
        assert self.outcomes is not None
        return (
            self.distribution(theta).log_prob(self.outcomes).exp() * self.f(self.outcomes)
        ).sum()

    @property
    def exact(self) -> Tensor:
        """The exact gradient."""
        theta = self.parameters.clone().requires_grad_()
        return torch.autograd.grad(self.expectation(theta), theta)[0]

    def estimators(self) -> list[str]:
        """Names of those that estimate E[f] under such a distribution."""
        promises = {name: make_estimator(name, (1,)).promises for name in ESTIMATORS}
        return [
            name
            for name, promise in promises.items()
            if promise.objective == "mean" and {"any", self.family} & set(promise.families)
        ]


def lecture() -> BenchProblem:
    """The lecture's X ~ Ber(p), and a squared loss."""
    return _bits("lecture", "one bit, (x - 0.1)²", [LOGIT], lambda z: (z[..., 0] - 0.1) ** 2)


def tucker() -> BenchProblem:
    """One bit whose two costs hardly differ (Tucker et al. 2017; Grathwohl et al. 2018)."""
    return _bits("tucker", "one bit, (b - 0.499)²", [LOGIT], lambda z: (z[..., 0] - 0.499) ** 2)


def code() -> BenchProblem:
    """Eight bits that code for a point together, as in an autoencoder."""
    draw = torch.Generator().manual_seed(3)
    decoder = torch.randn(8, 4, generator=draw, dtype=torch.float64)
    logits = torch.randn(8, generator=draw, dtype=torch.float64)
    target = torch.randn(4, generator=draw, dtype=torch.float64)
    return _bits(
        "code", "a code of eight bits", logits.tolist(), lambda z: _squares(z @ decoder - target)
    )


def categorical() -> BenchProblem:
    """Three choices of five whose embeddings add up."""
    draw = torch.Generator().manual_seed(4)
    embedding = torch.randn(3, 5, 4, generator=draw, dtype=torch.float64)
    logits = torch.randn(3, 5, generator=draw, dtype=torch.float64)
    one_hot = torch.eye(5, dtype=torch.float64)
    outcomes = torch.stack([one_hot[list(chosen)] for chosen in product(range(5), repeat=3)])

    def f(z: Tensor) -> Tensor:
        return _squares(torch.einsum("...kc,kcd->...d", z, embedding) - 1.0)

    return BenchProblem(
        name="categorical",
        title="three choices of five",
        family="categorical",
        parameters=logits,
        distribution=categoricals,
        f=f,
        outcomes=outcomes,
    )


def gaussian() -> BenchProblem:
    """The lecture's z = mu + epsilon * sigma and a squared distance; theta is mu and sigma."""
    target = torch.tensor([1.0, -0.5, 2.0, 0.0], dtype=torch.float64)
    mean = torch.tensor([0.0, 0.5, 1.0, -1.0], dtype=torch.float64)
    return BenchProblem(
        name="gaussian",
        title="four normal numbers, |z - c|²",
        family="location-scale",
        parameters=torch.stack([mean, torch.full_like(mean, 0.7)]),
        distribution=lambda theta: gaussians(theta[..., 0, :], theta[..., 1, :]),
        f=lambda z: _squares(z - target),
        closed_form=lambda theta: _squares(theta[0] - target) + _squares(theta[1]),
    )


def tour() -> BenchProblem:
    """A round trip of eight places of Iceland: the length of all 5,040 tours [100 km]."""
    env: Any = gym.make("IcelandTSP-v0", places=TOUR_PLACES).unwrapped
    env.reset(seed=TOUR_SEED)
    distance = torch.from_numpy(env.instance.distance[0].copy()) / KM_A_UNIT
    rest = torch.tensor(list(permutations(range(1, TOUR_PLACES))))
    outcomes = torch.cat([torch.zeros(len(rest), 1, dtype=torch.long), rest], dim=1)

    def f(tours: Tensor) -> Tensor:
        flat = tours.reshape(1, -1, TOUR_PLACES)
        return tour_length(distance[None], flat, True).reshape(tours.shape[:-1])

    return BenchProblem(
        name="tour",
        title=f"a tour policy of IcelandTSP, n = {TOUR_PLACES}",
        family="tours",
        parameters=-GREED * distance / distance.mean(),
        distribution=TourDistribution,
        f=f,
        outcomes=outcomes,
    )


@dataclass(frozen=True, eq=False)
class TourDistribution:
    """Tours from place 0 by a table of preferences: a softmax over the places that are open."""

    logits: Float[Tensor, "*batch N N"]
    """for going from the row's place to the column's [nats]"""

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of the batch of instances."""
        return self.logits.shape[:-2]

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size) -> Int[Tensor, "*shape N"]:
        """Tours ``*sample_shape *batch N``."""
        return self._built(
            sample_shape, lambda logits: logits - (-torch.rand_like(logits).log()).log()
        )

    @property
    @torch.no_grad()
    def mode(self) -> Int[Tensor, "*batch N"]:
        """The greedy tour, which is not always the likeliest."""
        return self._built(torch.Size(), lambda logits: logits)

    def log_prob(self, value: Int[Tensor, "*shape N"]) -> Float[Tensor, "*shape"]:
        """Log probability of whole tours [nats]."""
        n = self.logits.shape[-1]
        table = self.logits.expand(*value.shape[:-1], n, n)
        rows = table.gather(-2, value[..., :-1, None].expand(*value.shape[:-1], n - 1, n))
        visited = torch.nn.functional.one_hot(value[..., :-1], n).cumsum(dim=-2).bool()
        chance = rows.masked_fill(visited, -torch.inf).log_softmax(dim=-1)
        return chance.gather(-1, value[..., 1:, None])[..., 0].sum(dim=-1)

    def _built(self, sample_shape: torch.Size, perturb: Callable[[Tensor], Tensor]) -> Tensor:
        n = self.logits.shape[-1]
        shape = (*sample_shape, *self.batch_shape)
        table = self.logits.expand(*shape, n, n)
        last = torch.zeros(*shape, 1, dtype=torch.long)
        tour, visited = [last], torch.zeros(*shape, n, dtype=torch.bool)
        for _ in range(n - 1):
            visited = visited.scatter(-1, last, True)
            row = table.gather(-2, last[..., None].expand(*shape, 1, n))[..., 0, :]
            last = perturb(row).masked_fill(visited, -torch.inf).argmax(dim=-1, keepdim=True)
            tour.append(last)
        return torch.cat(tour, dim=-1)


PROBLEMS: dict[str, Callable[[], BenchProblem]] = {
    problem.__name__: cache(problem)
    for problem in (lecture, tucker, code, categorical, gaussian, tour)
}
"""Every problem by name."""


def _bits(
    name: str, title: str, logits: list[float], f: Callable[[Tensor], Tensor]
) -> BenchProblem:
    outcomes = torch.tensor(list(product([0.0, 1.0], repeat=len(logits))), dtype=torch.float64)
    return BenchProblem(
        name=name,
        title=title,
        family="bernoulli",
        parameters=torch.tensor(logits, dtype=torch.float64),
        distribution=bernoullis,
        f=f,
        outcomes=outcomes,
    )


def _squares(difference: Tensor) -> Tensor:
    return difference.square().sum(dim=-1)
