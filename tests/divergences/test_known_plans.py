"""Known plans: their form, their moments, and the error that is measured against them."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from hringur.divergences.known_plans import (
    bures_wasserstein,
    known_plan,
    plan_error,
)
from hringur.types import UserError


def log_density(plan, x, y):
    """log plan(y | x) for all pairs, by torch's own mixtures."""
    logs, centre = plan.parts(x)
    one = torch.distributions.Normal(centre, plan.spread.sqrt())  # B K D
    each = one.log_prob(y[:, None, None]).sum(dim=3)  # N B K
    return (logs.log_softmax(dim=1) + each).logsumexp(dim=2)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 10.0])
def test_the_density_is_that_of_an_optimal_plan(epsilon):
    """Only exp(x y / epsilon) couples x and y: all else depends on one of them alone."""
    plan = known_plan(3, epsilon)
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(6, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    coupled = log_density(plan, x, y) - (y @ x.T) / epsilon
    rest = coupled - coupled[:1] - coupled[:, :1] + coupled[0, 0]
    torch.testing.assert_close(rest, torch.zeros_like(rest), rtol=0, atol=1e-4 / epsilon)


@pytest.mark.parametrize("epsilon", [0.1, 3.0])
def test_moments_are_those_of_draws(epsilon):
    plan, count = known_plan(4, epsilon), 100_000
    x = torch.tensor([[0.2, -0.3, 0.5, 0.1]])
    mean, covariance = plan.moments(x)
    drawn = plan.draw(x.expand(count, -1), torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(dim=0), mean[0], rtol=0, atol=0.05)
    torch.testing.assert_close(torch.cov(drawn.T), covariance[0], rtol=0.03, atol=0.08)


def test_the_distance_of_gaussians_is_scipys():
    rng = np.random.default_rng(0)
    means, factors = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 3, 3))
    covariances = factors @ factors.transpose(0, 1, 3, 2)
    given = [torch.tensor(a) for pair in zip(means, covariances, strict=True) for a in pair]
    for k, found in enumerate(bures_wasserstein(*given).tolist()):
        a, b = covariances[:, k]
        cross = np.trace(np.real(sqrtm(sqrtm(a) @ b @ sqrtm(a))))
        apart = ((means[0, k] - means[1, k]) ** 2).sum()
        assert found == pytest.approx(0.5 * apart + 0.5 * np.trace(a + b) - cross, abs=1e-6)


def test_a_plan_has_no_error_beside_itself_and_a_shifted_one_has():
    plan, x = known_plan(5, 0.1), torch.randn(250, 5)
    assert plan_error(plan, plan, x, 1.0) == pytest.approx(0, abs=1e-3)

    class Shifted:
        def moments(self, x):
            mean, covariance = plan.moments(x)
            return mean + torch.tensor([2.0, 0, 0, 0, 0]), covariance

        draw = plan.draw

    assert plan_error(Shifted(), plan, x, 8.0) == pytest.approx(100 * 2.0 / 4.0, abs=1e-2)


@pytest.mark.parametrize("bad", [(0, 0.1), (2, 0.0), (2, float("nan"))])
def test_bad_numbers_are_refused(bad):
    with pytest.raises(UserError, match="dimensions must be in 1..4096"):
        known_plan(*bad)


def test_the_barycentre_is_the_first_moment():
    plan, x = known_plan(3, 0.5), torch.randn(7, 3)
    torch.testing.assert_close(plan.barycentre(x), plan.moments(x)[0])
