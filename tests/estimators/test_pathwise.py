import math

import pytest
import torch
from torch import distributions as D

from hringur.estimators.distributions import LocationScale
from hringur.estimators.pathwise import GumbelSoftmax, Pathwise, StraightThrough
from hringur.estimators.score_functions import ScoreFunction
from hringur.types import UserError
from tests.estimators.estimator_problems import (
    BITS,
    CHOICES,
    NORMALS,
    assert_mean,
    bernoullis,
    categoricals,
    estimates,
    gaussians,
)

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


GRID = 400
PAIR = torch.tensor([0.4, -0.9], dtype=torch.float64)


def two_bits(z: torch.Tensor) -> torch.Tensor:
    return (z[..., 0] - 0.2).square() + 1.5 * z[..., 0] * z[..., 1] - z[..., 1] ** 3


def linear(z: torch.Tensor) -> torch.Tensor:
    return 3 * z[..., 0] - 2 * z[..., 1] + 1


def quadrature(f, temperature: float) -> torch.Tensor:
    """Oracle: the gradient of the relaxed expectation, by a midpoint rule over both noises."""
    logits = PAIR.clone().requires_grad_()
    uniform = (torch.arange(GRID, dtype=torch.float64) + 0.5) / GRID
    soft = ((logits[:, None] + uniform.logit()) / temperature).sigmoid()  # 2 GRID
    z = torch.cartesian_prod(soft[0], soft[1])
    return torch.autograd.grad(f(z).mean(), logits)[0]


def of_bits(estimator, f, samples: int = 2, count: int = 20_000) -> torch.Tensor:
    logits = PAIR.repeat(count, 1).requires_grad_()
    surrogate = estimator.surrogate(f, bernoullis(logits), samples)
    return count * torch.autograd.grad(surrogate, logits)[0]


@pytest.mark.parametrize("temperature", [0.3, 1.0])
@pytest.mark.parametrize("f", [two_bits, linear])
def test_bits_have_the_exact_relaxed_gradient(f, temperature):
    assert_mean(of_bits(GumbelSoftmax(temperature), f), quadrature(f, temperature))


def test_the_straight_through_form_has_it_where_f_is_linear():
    """There the derivative does not depend on where it is taken."""
    estimator = GumbelSoftmax(0.5, hard=True)
    assert_mean(of_bits(estimator, linear), quadrature(linear, 0.5))
    with pytest.raises(AssertionError):
        assert_mean(of_bits(estimator, two_bits), quadrature(two_bits, 0.5))


def test_its_bias_goes_to_zero_with_the_temperature_and_its_variance_grows():
    biases, variances = [], []
    for temperature in (1.0, 0.3, 0.05):
        gradient = estimates(GumbelSoftmax(temperature), BITS, samples=8, count=40_000)
        biases.append(float((gradient.mean(dim=0) - BITS.exact()).norm()))
        variances.append(float(gradient.var(dim=0).sum()))
    assert biases[0] > 3 * biases[1] > 9 * biases[2]
    assert variances[0] < variances[1] < variances[2]


def test_two_ways_are_a_bit():
    """A choice of two with logits (l, 0) is the bit with logit l, relaxed or not."""
    f = lambda one, other: (one - 0.3).square() * (1 + other)  # noqa: E731
    count = 40_000
    bit = torch.full((count, 1), 0.7, dtype=torch.float64, requires_grad=True)
    pair = torch.tensor([[[0.7, 0.0]]], dtype=torch.float64).repeat(count, 1, 1).requires_grad_()
    of_bit = GumbelSoftmax(0.6).surrogate(lambda z: f(z[..., 0], 1 - z[..., 0]), bernoullis(bit), 1)
    of_pair = GumbelSoftmax(0.6).surrogate(
        lambda z: f(z[..., 0, 0], z[..., 0, 1]), categoricals(pair), 1
    )
    (one,), (other,) = torch.autograd.grad(of_bit, bit), torch.autograd.grad(of_pair, pair)
    assert_mean(count * (one[:, 0] - other[:, 0, 0]), torch.zeros((), dtype=torch.float64))
    torch.testing.assert_close(other[:, 0, 0], -other[:, 0, 1])


@pytest.mark.parametrize("temperature", [0.1, 2.0])
def test_soft_choices_have_the_concrete_density(temperature):
    """Oracle: torch's relaxed distribution has the same first two moments."""
    logits = CHOICES.parameters[0]
    seen = []
    GumbelSoftmax(temperature).surrogate(
        lambda z: (seen.append(z), z[..., 0, 0])[1], categoricals(logits[None]), 100_000
    )
    (soft,) = seen
    theirs = torch.distributions.RelaxedOneHotCategorical(
        torch.tensor(temperature, dtype=torch.float64), logits=logits
    ).sample((100_000,))
    assert_mean(soft[:, 0] - theirs, torch.zeros(4, dtype=torch.float64))
    assert_mean(soft[:, 0].square() - theirs.square(), torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(soft.sum(dim=-1), torch.ones_like(soft[..., 0]))


def test_straight_through_is_exact_for_a_linear_cost_and_without_variance():
    gradient = of_bits(StraightThrough(), linear, count=50)
    chance = PAIR.sigmoid()
    exact = torch.tensor([3.0, -2.0], dtype=torch.float64) * chance * (1 - chance)
    torch.testing.assert_close(gradient, exact.expand(50, 2))


def test_straight_through_has_its_known_limit_elsewhere():
    """E[f'(b)] p (1 - p), by enumeration of the eight samples."""
    z = BITS.outcomes.clone().requires_grad_()
    (slope,) = torch.autograd.grad(BITS.f(z).sum(), z)
    chance = BITS.parameters.sigmoid()
    weight = bernoullis(BITS.parameters).log_prob(BITS.outcomes).exp()
    assert_mean(estimates(StraightThrough(), BITS), (weight @ slope) * chance * (1 - chance))


def test_hard_samples_are_what_f_sees():
    seen = []
    for estimator in (GumbelSoftmax(hard=True), StraightThrough()):
        estimator.surrogate(
            lambda z: (seen.append(z.detach()), z.flatten(1).sum(dim=1))[1],
            categoricals(CHOICES.parameters),
            9,
        )
    for z in seen:
        torch.testing.assert_close(z, z.round())
        torch.testing.assert_close(z.sum(dim=-1), torch.ones_like(z[..., 0]))


def test_a_temperature_must_be_positive():
    with pytest.raises(UserError, match="temperature must be positive, got 0"):
        GumbelSoftmax(temperature=0.0)
