"""Solvers of transport beside plans that are known."""

import pytest
import torch

from hringur.divergences.known_plans import known_plan, plan_error
from hringur.divergences.light_bridge import LightBridge
from hringur.evaluation.generative.transport import Problem, draw, solve, table
from hringur.generative.applications.transport import LEARNED, SOLVERS, gaussian, light_bridge

SMALL = Problem(dimensions=2, epsilon=1.0, samples=500)


def error(plan, truth, x, y):
    return plan_error(plan, truth, x, float(y.var(dim=0).sum()))


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 10.0])
def test_one_cluster_is_a_gaussian_whose_plan_is_the_closed_form(epsilon):
    """Two formulas for one plan: the mixture's with one part, and that of Gaussians."""
    truth = known_plan(3, epsilon, parts=1)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200_000, 3, generator=generator)
    y = truth.draw(torch.randn(200_000, 3, generator=generator), generator)
    assert error(gaussian(x, y, epsilon), truth, x[:300], y) < 0.1


def test_a_light_bridge_can_be_the_known_plan_and_nothing_is_better():
    """Its parts are those of the plan, written otherwise; the loss is least there."""
    truth, epsilon = known_plan(2, 0.5), 0.5
    bridge = LightBridge(truth.spread * truth.mean / truth.variance, epsilon)
    with torch.no_grad():
        bridge.log_scale.copy_((truth.spread / epsilon).log())
        wide = truth.variance + epsilon
        constant = -0.5 * (truth.mean.square() / wide + wide.log()).sum(dim=1)
        bridge.log_weight.copy_(truth.weight.log() + constant)
    x, y, unseen = draw(Problem(dimensions=2, epsilon=epsilon, samples=100_000), 0)
    assert error(bridge.requires_grad_(False), truth, unseen, y) < 1e-3
    least = bridge.loss(x, y)
    generator = torch.Generator().manual_seed(1)
    for name, weight in list(bridge.named_parameters()):
        kept = weight.clone()
        change = 0.3 * torch.randn(weight.shape, generator=generator)
        if name == "log_weight":
            change -= change.mean()
        weight.copy_(kept + change)
        assert bridge.loss(x, y) > least + 1e-4, name
        weight.copy_(kept)
    with torch.autocast("cpu", torch.bfloat16):  # whatever the precision of a run
        assert bridge.loss(x, y) == least


def test_a_light_bridge_learns_and_beats_the_others():
    x, y, unseen = draw(Problem(dimensions=2, epsilon=0.5, samples=5000), 0)
    truth = known_plan(2, 0.5)
    found = {
        name: error(solver(x, y, 0.5), truth, unseen, y)
        for name, solver in SOLVERS.items()
        if name in ("independent", "gaussian")
    }
    found["light-bridge"] = error(light_bridge(x, y, 0.5, parts=10, steps=400), truth, unseen, y)
    assert found["light-bridge"] < 5 < 0.5 * found["gaussian"] < found["independent"]


def test_sinkhorns_plan_holds_for_unseen_points():
    solved = solve(Problem(dimensions=1, epsilon=2.0, samples=500), "sinkhorn", range(2))
    assert solved.error.value < 5 and solved.error.bounded
    assert "sinkhorn" in table([solved]).markdown()


@pytest.mark.parametrize("solver", SOLVERS)
def test_draws_have_the_moments_of_the_plan(solver):
    options = {"steps": 20} if solver in LEARNED else {}
    plan = solve(SMALL, solver, [0], **options).plan
    x = torch.tensor([[0.5, -1.0]])
    mean, covariance = plan.moments(x)
    drawn = plan.draw(x.expand(40_000, -1), torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(dim=0), mean[0], rtol=0.02, atol=0.08)
    torch.testing.assert_close(torch.cov(drawn.T), covariance[0], rtol=0.05, atol=0.1)
