import math

import pytest
import torch

from hringur.estimators.catalogue import make_estimator
from hringur.evaluation.estimators import bench as estimator_bench
from hringur.evaluation.estimators.bench import (
    bench,
    bias,
    draw,
    measure,
    no_bias,
    one_thread,
    trace,
    warm_up,
)
from hringur.evaluation.estimators.problems import PROBLEMS


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(estimator_bench, "TIMED_SECONDS", 0.0)
    monkeypatch.setattr(estimator_bench, "TIMED_LEAST", 3)
    monkeypatch.setattr(estimator_bench, "WARM_UP", 40)


def test_reinforce_has_the_variance_that_enumeration_gives():
    """Oracle: one bit has two outcomes, so the variance of f(x) (x - p) is a sum of two."""
    problem = PROBLEMS["lecture"]()
    p = 0.3
    weigh = lambda of: p * of(1.0) + (1 - p) * of(0.0)  # noqa: E731
    one = lambda x: (x - 0.1) ** 2 * (x - p)  # noqa: E731
    exact = weigh(one)
    variance = (weigh(lambda x: one(x) ** 2) - exact**2) / 4
    measured = measure(problem, "reinforce", samples=4, estimates=20_000)
    assert measured.variance.low < variance < measured.variance.high
    assert measured.variance.high - measured.variance.low < 0.1 * variance
    assert abs(float(problem.exact) - exact) < 1e-12
    assert measured.evaluations == 4 and measured.seconds > 0 and not measured.biased


def test_the_batch_mean_is_a_quarter_short_with_four_samples():
    measured = measure(PROBLEMS["code"](), "reinforce-batch-mean", samples=4, estimates=10_000)
    assert measured.bias_percent.low < -25 < measured.bias_percent.high
    assert measured.bias_percent.high - measured.bias_percent.low < 5
    assert measured.biased and not measured.unbiased


def test_every_problem_is_laid_beside_plain_reinforce():
    measured = list(bench(PROBLEMS["gaussian"](), samples=2, estimates=4_000, seed=3))
    assert [row.estimator for row in measured] == PROBLEMS["gaussian"]().estimators()
    by_name = {row.estimator: row for row in measured}
    assert by_name["reinforce"].relative_variance == 1.0
    assert by_name["pathwise"].relative_variance < 1 / 20
    for row in measured:
        assert row.unbiased != row.biased or row.unbiased, row
        assert math.isclose(row.cost, row.variance.value * row.seconds)
        last = row.curve[-1]
        assert last == (4_000, row.bias_percent.value, row.variance.value)


@pytest.mark.parametrize("problem", ["tucker", "categorical", "tour"])
def test_what_promises_to_be_unbiased_is_measured_to_be(problem):
    for row in bench(PROBLEMS[problem](), samples=3, estimates=2_000, seed=1):
        assert not (row.unbiased and row.biased), row


def test_same_seed_same_figures_apart_from_the_clock(monkeypatch):
    found = []
    for seed, timed in ((1, 2), (1, 9), (2, 2)):
        monkeypatch.setattr(estimator_bench, "TIMED_LEAST", timed)  # as if the machine were faster
        rows = bench(PROBLEMS["gaussian"](), samples=2, estimates=200, seed=seed)
        found.append([(row.variance, row.bias_percent) for row in rows])
    assert found[0] == found[1]
    assert all(one != other for one, other in zip(found[0], found[2], strict=True))


def test_drawing_leaves_what_was_learned_alone():
    problem = PROBLEMS["code"]()
    for name in ("reinforce-moving-average", "rebar", "relax"):
        estimator = make_estimator(name, problem.parameters.shape)
        warm_up(estimator, problem, 2)
        before = {key: value.clone() for key, value in estimator.learned.state_dict().items()}
        draw(estimator, problem, samples=2, estimates=70)
        for key, value in estimator.learned.state_dict().items():
            assert torch.equal(value, before[key]), (name, key)


def test_warming_up_makes_what_can_learn_vary_less():
    problem = PROBLEMS["tucker"]()
    for name in ("rebar-offset", "relax"):
        estimator = make_estimator(name, problem.parameters.shape)
        cold = trace(draw(estimator, problem, 2, 500)).value
        warm_up(estimator, problem, 2)
        assert 10 * trace(draw(estimator, problem, 2, 500)).value < cold


def test_bias_and_variance_by_hand():
    exact = torch.tensor([3.0, 4.0])
    found = torch.tensor([[3.0, 4.0], [3.0, 4.0], [1.5, 2.0], [1.5, 2.0]])
    assert math.isclose(bias(found, exact).value, -25.0)
    assert math.isclose(trace(found).value, (0.75**2 + 1.0) * 4 / 3, rel_tol=1e-6)


def test_no_bias_is_an_honest_test():
    """Of many clean experiments one in twenty falls below 5 %; a bias is found."""
    exact = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    clean = [no_bias(exact + torch.randn(400, 3).double(), exact) for _ in range(400)]
    assert 0.01 < sum(p < 0.05 for p in clean) / 400 < 0.09
    shifted = exact + torch.tensor([0.0, 0.3, 0.0]) + torch.randn(400, 3).double()
    assert no_bias(shifted, exact) < 1e-3
    assert no_bias(exact.expand(10, 3), exact) == 1.0  # no variance and no bias


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with pytest.raises(KeyError), one_thread():
        assert torch.get_num_threads() == 1
        raise KeyError
    assert torch.get_num_threads() == before
