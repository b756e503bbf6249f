"""Oracles of transport: SciPy on the line, POT's exact solver and its Sinkhorn."""

import ot
import pytest
import torch
from scipy.stats import wasserstein_distance

from hringur.divergences.kernels import squared_distances
from hringur.divergences.transport import (
    entropic_cost,
    random_directions,
    sinkhorn_divergence,
    sliced_wasserstein,
    transport_plan,
)


def exact_cost(x, y):
    """The exact discrete transport cost with the squared distance."""
    return ot.emd2([], [], ot.dist(x.numpy(), y.numpy(), metric="sqeuclidean"))


def test_on_the_line_it_is_the_exact_transport():
    x, y = torch.randn(40, 1, dtype=torch.float64), 2 + torch.randn(40, 1, dtype=torch.float64)
    direction = torch.ones(1, 1, dtype=torch.float64)
    assert sliced_wasserstein(x, y, direction).item() == pytest.approx(exact_cost(x, y), rel=1e-9)
    # where all of x lies left of all of y, the squared gaps of equal shifts are the square of W_1
    shifted = x + 3
    w1 = wasserstein_distance(x[:, 0].numpy(), shifted[:, 0].numpy())
    assert sliced_wasserstein(x, shifted, direction).item() == pytest.approx(w1**2, rel=1e-9)


def test_slices_are_pots_with_the_same_directions():
    x, y = torch.randn(30, 5, dtype=torch.float64), torch.rand(30, 5, dtype=torch.float64)
    directions = random_directions(5, 12, x.device).double()
    theirs = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=directions.numpy())
    ours = sliced_wasserstein(x, y, directions).item()
    assert ours == pytest.approx(5 * theirs**2, rel=1e-5)


def test_a_shift_costs_its_squared_length():
    """With a full set of orthogonal directions exactly."""
    x, shift = torch.randn(50, 4), torch.tensor([1.0, -2.0, 0.5, 0.0])
    cost = sliced_wasserstein(x, x + shift, random_directions(4, 4, x.device))
    assert cost.item() == pytest.approx(shift.square().sum().item(), rel=1e-4)


def test_directions_are_unit_vectors_at_right_angles_in_blocks():
    directions = random_directions(3, 7, torch.device("cpu"))
    assert directions.shape == (3, 7)
    torch.testing.assert_close(directions.norm(dim=0), torch.ones(7))
    torch.testing.assert_close(
        directions[:, :3].T @ directions[:, :3], torch.eye(3), atol=1e-5, rtol=0
    )


def test_sinkhorn_becomes_the_exact_transport_as_the_blur_vanishes():
    x, y = torch.randn(25, 3, dtype=torch.float64), 1 + torch.rand(25, 3, dtype=torch.float64)
    exact = exact_cost(x, y)
    errors = [
        abs(entropic_cost(squared_distances(x, y), epsilon, 2000).item() - exact)
        for epsilon in (1.0, 0.1, 0.01)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.02 * exact


def test_the_plan_is_pots():
    x, y = torch.randn(15, 2, dtype=torch.float64), torch.rand(15, 2, dtype=torch.float64)
    cost = squared_distances(x, y)
    # POT's entropy is against the uniform plan as well, up to a constant
    theirs = ot.sinkhorn([], [], cost.numpy(), reg=0.5, numItermax=10_000, stopThr=1e-12)
    torch.testing.assert_close(
        transport_plan(x, y, 0.5, 500), torch.from_numpy(theirs), atol=1e-8, rtol=1e-6
    )


def test_the_divergence_is_zero_for_equal_batches_and_positive_for_others():
    x, y = torch.randn(30, 3), torch.randn(30, 3) + 1
    assert sinkhorn_divergence(x, x, 0.5, 300).abs() < 1e-3
    assert sinkhorn_divergence(x, y, 0.5, 300) > 1


def test_its_gradient_is_that_of_finite_differences():
    """The envelope theorem: no gradient through the potentials, and yet the right one."""
    x = torch.randn(5, 1, dtype=torch.float64, requires_grad=True)
    y = torch.randn(5, 1, dtype=torch.float64)

    def divergence(points):
        return sinkhorn_divergence(points, y, 1.0, 150)

    assert torch.autograd.gradcheck(divergence, (x,), eps=1e-5, atol=1e-5)
