import pytest
import torch
from torch.distributions import Categorical

from hringur.estimators.baselines import (
    BatchMean,
    Draw,
    GreedyChoice,
    LearnedValue,
    LeaveOneOut,
    MovingAverage,
    NoBaseline,
)
from hringur.estimators.score_function import ScoreFunction, score_function
from tests.estimators.estimator_problems import BITS, bernoullis, exact_expectation

LOGITS = torch.tensor([[0.2, -0.5, 1.0], [1.5, 0.3, -0.2]])
COST = torch.tensor([[1.0, 3.0, -2.0], [0.5, -1.0, 2.0], [2.0, 2.5, 0.0]])


def exact_gradient(logits: torch.Tensor) -> torch.Tensor:
    """Of E[cost of two independent choices], by enumerating all nine pairs."""
    first, second = logits.softmax(dim=1)
    (gradient,) = torch.autograd.grad(first @ COST @ second, logits)
    return gradient


def test_its_expectation_is_the_exact_gradient_with_and_without_baseline():
    logits = LOGITS.clone().requires_grad_()
    exact = exact_gradient(logits)
    probability = (logits[0].softmax(0)[:, None] * logits[1].softmax(0)).detach()
    for baseline in (0.0, 1.7):
        expected = torch.zeros_like(exact)
        for i in range(3):
            for j in range(3):
                log_prob = logits.log_softmax(dim=1)[[0, 1], [i, j]].sum()
                surrogate = score_function(log_prob[None], COST[i, j][None] - baseline)
                (gradient,) = torch.autograd.grad(surrogate, logits)
                expected += probability[i, j] * gradient
        torch.testing.assert_close(expected, exact)


def test_the_mean_over_samples_comes_near_the_exact_gradient():
    torch.manual_seed(0)
    logits = LOGITS.clone().requires_grad_()
    policy = Categorical(logits=logits)
    n = 100_000
    choice = policy.sample((n,))
    cost = COST[choice[:, 0], choice[:, 1]]
    surrogate = score_function(policy.log_prob(choice).sum(dim=1), cost)
    (estimate,) = torch.autograd.grad(surrogate, logits)
    # one sample is at most 3 long in each coordinate: five standard errors
    torch.testing.assert_close(estimate, exact_gradient(logits), rtol=0, atol=5 * 3 / n**0.5)


def test_nothing_is_learned_through_the_advantage():
    advantage = torch.ones(4, requires_grad=True)
    log_prob = torch.zeros(4, requires_grad=True)
    score_function(log_prob, advantage).backward()
    assert advantage.grad is None
    torch.testing.assert_close(log_prob.grad, torch.full((4,), 0.25))


def with_a_past(baseline):
    if isinstance(baseline, MovingAverage):
        baseline.average.fill_(2.5)
    return baseline


@pytest.mark.parametrize(
    "baseline",
    [NoBaseline(), with_a_past(MovingAverage()), LeaveOneOut(), LearnedValue(3), GreedyChoice()],
    ids=lambda baseline: type(baseline).__name__,
)
@pytest.mark.parametrize("samples", [2, 3])
def test_with_each_baseline_the_expectation_is_exact(baseline, samples):
    """Oracle: all combinations of two or three samples of three bits, by their chance."""
    found = exact_expectation(ScoreFunction(baseline), samples)
    torch.testing.assert_close(found, BITS.exact(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("samples", [2, 3])
def test_the_batch_mean_is_shorter_by_exactly_one_part_in_the_samples(samples):
    found = exact_expectation(ScoreFunction(BatchMean()), samples)
    torch.testing.assert_close(found, (1 - 1 / samples) * BITS.exact(), rtol=1e-9, atol=1e-9)


def test_a_learned_value_learns_the_expected_cost_of_each_instance():
    baseline = LearnedValue(3)
    estimator = ScoreFunction(baseline)
    logits = torch.stack([BITS.parameters, -2 * BITS.parameters])
    optimizer = torch.optim.Adam(estimator.learned.parameters(), lr=0.03)
    for _ in range(400):
        optimizer.zero_grad()
        estimator.surrogate(BITS.f, bernoullis(logits), 64).backward()
        optimizer.step()
    value = baseline.value(torch.zeros(2, 1), Draw(BITS.f, bernoullis(logits)))
    exact = torch.stack([BITS.expectation(row) for row in logits]).float()
    torch.testing.assert_close(value[:, 0], exact, rtol=0.1, atol=0.1)
