import pytest
import torch

from hringur.estimators.relaxed import GumbelSoftmax, StraightThrough
from hringur.types import UserError
from tests.estimators.estimator_problems import (
    BITS,
    CHOICES,
    assert_mean,
    bernoullis,
    categoricals,
    estimates,
)

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


def found(estimator, f, samples: int = 2, count: int = 20_000) -> torch.Tensor:
    logits = PAIR.repeat(count, 1).requires_grad_()
    surrogate = estimator.surrogate(f, bernoullis(logits), samples)
    return count * torch.autograd.grad(surrogate, logits)[0]


@pytest.mark.parametrize("temperature", [0.3, 1.0])
@pytest.mark.parametrize("f", [two_bits, linear])
def test_bits_have_the_exact_relaxed_gradient(f, temperature):
    assert_mean(found(GumbelSoftmax(temperature), f), quadrature(f, temperature))


def test_the_straight_through_form_has_it_where_f_is_linear():
    """There the derivative does not depend on where it is taken."""
    estimator = GumbelSoftmax(0.5, hard=True)
    assert_mean(found(estimator, linear), quadrature(linear, 0.5))
    with pytest.raises(AssertionError):
        assert_mean(found(estimator, two_bits), quadrature(two_bits, 0.5))


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
    gradient = found(StraightThrough(), linear, count=50)
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
