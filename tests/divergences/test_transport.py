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
    sliced_distance,
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


def two_batches(apart=0.0, offset=0.0):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(100, 8, generator=generator) for _ in range(2))
    x = 2 * x + 0.5
    x[:, 0] += apart
    return x + offset, y + offset


EPSILON = 0.05 * 2 * 8  # the default of the transport autoencoder


@pytest.mark.parametrize("iterations", [1, 3, 20])
@pytest.mark.parametrize("apart, offset", [(0.0, 0.0), (1e3, 0.0), (0.0, 300.0), (1e3, 1e3)])
def test_the_divergence_is_that_of_64_bits_whatever_the_iterations(iterations, apart, offset):
    """Too few iterations, and codes far apart or far out, gave -14.0 for 4.66 and -0.59 for 2e6."""
    x, y = two_batches(apart, offset)
    exact = [batch.double() - offset for batch in (x, y)]
    between, within_x, within_y = (
        entropic_cost(squared_distances(exact[i], exact[j]), EPSILON, 3000)
        for i, j in ((0, 1), (0, 0), (1, 1))
    )
    reference = between - 0.5 * (within_x + within_y)
    found = sinkhorn_divergence(x, y, EPSILON, iterations)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(reference.item(), rel=0.01)


@pytest.mark.parametrize("iterations", [1, 3])
@pytest.mark.parametrize("apart, offset", [(0.0, 0.0), (1e3, 0.0), (0.0, 1e3)])
def test_a_plan_has_mass_one_and_its_gradient_is_bounded(iterations, apart, offset):
    """The mass was 4e7 and the gradient's norm 1.6e8."""
    x, y = two_batches(apart, offset)
    plan = transport_plan(x, y, EPSILON, iterations)
    assert plan.sum().item() == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(plan.sum(dim=0), torch.full((100,), 0.01), atol=1e-5, rtol=0)
    x.requires_grad_()
    sinkhorn_divergence(x, y, EPSILON, iterations).backward()
    # each code's share of the mass is about 1/100, and it moves no further than to any y
    longest = 2 * torch.cdist(x.detach(), y).max()
    assert x.grad.norm(dim=1).max() < 2 * longest / 100


def test_batches_near_the_origin_stay_in_32_bits(monkeypatch):
    """The fast way of training, with the same bits as ever."""
    seen = []
    costs = squared_distances

    def noted(a, b):
        seen.append(a.dtype)
        return costs(a, b)

    monkeypatch.setattr("hringur.divergences.transport.squared_distances", noted)
    x, y = torch.randn(64, 16), torch.randn(64, 16)
    sinkhorn_divergence(x, y, 0.05 * 2 * 16, 20)
    assert set(seen) == {torch.float32}


def test_the_sliced_distance_far_from_the_origin_is_that_at_the_origin():
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randint(0, 4, (50, 8), generator=generator) / 64 for _ in range(2))
    far = sliced_distance(x + 1e5, y + 1e5)  # which 32 bits hold exactly
    assert far == pytest.approx(sliced_distance(x, y), rel=1e-6)
