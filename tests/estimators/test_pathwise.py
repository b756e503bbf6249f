import math

import pytest
import torch
from torch import distributions as D

from hringur.estimators.distributions import LocationScale
from hringur.estimators.pathwise import Pathwise
from hringur.estimators.score_function import ScoreFunction
from tests.estimators.estimator_problems import NORMALS, assert_mean, estimates, gaussians

COUNT = 40_000
LOCATION, SCALE, TARGET = 0.7, 1.3, -0.4
ZERO, ONE = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
EULER = 0.5772156649015329
# Family, and the mean and variance of its noise at location 0 and scale 1.
FAMILIES = {
    "normal": (lambda a, b: D.Normal(a, b), 0.0, 1.0),
    "laplace": (lambda a, b: D.Laplace(a, b), 0.0, 2.0),
    "gumbel": (lambda a, b: D.Gumbel(a, b), EULER, math.pi**2 / 6),
    "student-t": (lambda a, b: D.StudentT(12.0, a, b), 0.0, 12 / 10),
    "uniform": (lambda a, b: D.Uniform(a, a + b), 0.5, 1 / 12),
    "own exponential": (
        lambda a, b: LocationScale(a, b, D.Exponential(ONE), event_dims=0),
        1.0,
        1.0,
    ),
}


def found(make, f, samples: int = 2) -> torch.Tensor:
    """Estimates of the gradient in location and scale; COUNT 2."""
    parameters = torch.tensor([[LOCATION, SCALE]], dtype=torch.float64)
    parameters = parameters.repeat(COUNT, 1).requires_grad_()
    distribution = make(parameters[:, 0], parameters[:, 1])
    surrogate = Pathwise().surrogate(f, distribution, samples)
    return COUNT * torch.autograd.grad(surrogate, parameters)[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_squared_distance_in_closed_form(family):
    """E[(z - c)^2] = (l + s m - c)^2 + s^2 v, with m and v the noise's mean and variance."""
    make, mean, variance = FAMILIES[family]
    away = LOCATION + SCALE * mean - TARGET
    exact = torch.tensor([2 * away, 2 * away * mean + 2 * SCALE * variance], dtype=torch.float64)
    assert_mean(found(make, lambda z: (z - TARGET).square()), exact)


def test_the_cosine_of_a_cauchy_number_in_closed_form():
    """Its characteristic function: E[cos z] = exp(-s) cos l; it has no mean of its own."""
    exact = -math.exp(-SCALE) * torch.tensor(
        [math.sin(LOCATION), math.cos(LOCATION)], dtype=torch.float64
    )
    # the derivative in the scale is epsilon * sin, without a variance: its tails are cut off
    location = found(lambda a, b: D.Cauchy(a, b), torch.cos)[:, 0]
    assert_mean(location, exact[0])


def test_a_third_moment_in_closed_form():
    """E[z^3] = m^3 + 3 m s^2 for a normal number."""
    exact = torch.tensor(
        [3 * LOCATION**2 + 3 * SCALE**2, 6 * LOCATION * SCALE], dtype=torch.float64
    )
    assert_mean(found(lambda a, b: D.Normal(a, b), lambda z: z**3), exact)


def test_a_linear_cost_has_no_variance_in_the_mean():
    gradient = found(lambda a, b: D.Normal(a, b), lambda z: 3 * z)
    torch.testing.assert_close(gradient[:, 0], torch.full((COUNT,), 3.0, dtype=torch.float64))


def test_the_score_function_agrees_and_varies_more():
    pathwise, score = (estimates(kind, NORMALS) for kind in (Pathwise(), ScoreFunction()))
    assert_mean(pathwise - score, torch.zeros(2, 2, dtype=torch.float64))
    assert 5 * pathwise.var(dim=0).sum() < score.var(dim=0).sum()


def test_an_own_family_has_the_log_probability_of_torchs():
    location, scale = torch.randn(4, 3, dtype=torch.float64), torch.rand(4, 3).double() + 0.5
    own = LocationScale(location, scale, D.Normal(ZERO, ONE))
    z = own.sample(torch.Size([5]))
    torch.testing.assert_close(own.log_prob(z), gaussians(location, scale).log_prob(z))
    torch.testing.assert_close(own.mode, location)
    assert own.batch_shape == (4,) and z.shape == (5, 4, 3)
