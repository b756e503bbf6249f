"""Maps of transport beside the optimal one, which is known between Gaussians."""

import pytest
import torch

from hringur.generative.applications.maps import (
    MapPlan,
    neural_transport,
    sliced,
    wgan,
)

MOVE = torch.tensor([3.0, -1.0])
SCALE = torch.tensor([0.5, 2.0])


@pytest.fixture(scope="module")
def gaussians():
    """x standard normal, y = MOVE + SCALE * x of other x; the optimal map is that function."""
    generator = torch.Generator().manual_seed(0)
    x, other = (torch.randn(4000, 2, generator=generator) for _ in range(2))
    return x, MOVE + SCALE * other, torch.randn(500, 2, generator=generator)


@pytest.mark.parametrize(
    "solver, options, most",
    [(sliced, {}, 0.1), (neural_transport, {"steps": 300}, 0.15), (wgan, {"steps": 300}, 7.0)],
)
def test_between_gaussians_a_map_is_near_the_optimal_one(gaussians, solver, options, most):
    x, y, unseen = gaussians
    mean, covariance = solver(x, y, 0.1, **options).moments(unseen)
    error = (mean - (MOVE + SCALE * unseen)).square().sum(dim=1).mean().item()
    nothing = (unseen - (MOVE + SCALE * unseen)).square().sum(dim=1).mean().item()
    assert error < most < nothing
    assert covariance.shape == (500, 2, 2) and not covariance.any()


def test_a_map_draws_where_it_sends():
    plan, x = MapPlan(lambda x: 2 * x), torch.randn(3, 2)
    assert torch.equal(plan.draw(x, torch.Generator()), 2 * x)
    assert torch.equal(plan.moments(x)[0], 2 * x)
