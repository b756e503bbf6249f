import numpy as np
import pytest
from scipy import stats

from hringur.evaluation.statistics import (
    Estimate,
    estimate_mean,
    estimate_rows,
    interquartile_mean,
    limits,
    mean_over_runs,
    middle_over_runs,
    over_runs,
    over_runs_words,
)


def test_interquartile_mean_by_hand():
    """Of eight values the two lowest and the two highest go: (3 + 4 + 5 + 6) / 4."""
    values = np.array([100.0, 3.0, 1.0, 4.0, -50.0, 6.0, 5.0, 99.0])
    assert interquartile_mean(values) == 4.5


def test_interquartile_mean_is_a_sorted_slice():
    values = np.random.default_rng(0).exponential(size=(3, 40))
    middle = np.sort(values, axis=1)[:, 10:30].mean(axis=1)
    np.testing.assert_allclose(interquartile_mean(values), middle)


def test_interval_of_the_mean_covers_at_its_level():
    """Of 300 data sets of a known mean, about 95 % of the intervals hold it."""
    rng = np.random.default_rng(1)
    covered = [
        (e := estimate_mean(rng.exponential(size=150), seed=i)).low <= 1.0 <= e.high
        for i in range(300)
    ]
    # binomial: five standard errors below 94 % are 87 %; at most 99 %
    assert 0.88 <= np.mean(covered) <= 0.99


def test_interval_is_near_the_normal_one():
    values = np.random.default_rng(2).normal(3.0, 2.0, size=2000)
    estimate = estimate_mean(values)
    half = 1.96 * values.std() / len(values) ** 0.5
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.high - estimate.low == pytest.approx(2 * half, rel=0.1)


def test_a_constant_and_an_infinite_sample():
    assert estimate_mean(np.zeros(10)) == Estimate(0.0, 0.0, 0.0)
    assert estimate_mean(np.array([0.1, np.inf])).percent() == "infinite"


def test_same_seed_same_interval():
    values = np.random.default_rng(3).exponential(size=100)
    assert estimate_mean(values, seed=4) == estimate_mean(values, seed=4)
    assert estimate_mean(values, seed=4) != estimate_mean(values, seed=5)


def covered(estimate, draw, truth: float, count: int) -> float:
    """Share of 2,000 samples of ``count`` whose interval holds the truth."""
    rng = np.random.default_rng(count)
    found = [estimate(draw(rng, count)) for _ in range(2000)]
    return np.mean([one.low <= truth <= one.high for one in found])


def normal(rng, count):
    return rng.normal(3.0, 2.0, count)


def skewed(rng, count):
    return rng.exponential(size=count)


@pytest.mark.parametrize("runs", [2, 3, 5, 9, 10, 12, 16])
def test_intervals_over_runs_cover_at_their_level(runs):
    """Means of few runs with t, interquartile means of more with a bootstrap: 95 %, within 2 %."""
    assert covered(over_runs, normal, 3.0, runs) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("runs", [12, 16])
def test_intervals_of_an_interquartile_mean_cover_where_the_law_is_skewed(runs):
    many = np.random.default_rng(0).exponential(size=(200_000, runs))
    truth = stats.trim_mean(many, 0.25, axis=1).mean()
    assert covered(over_runs, skewed, truth, runs) == pytest.approx(0.95, abs=0.02)


def test_a_bootstrap_of_three_runs_would_cover_three_times_in_four_at_most():
    """What the t-interval is for: the range of three holds the mean in 1 - 2 / 2^3 of all cases."""

    def bootstrap(values):
        return estimate_rows(3, lambda rows: values[rows].mean(axis=-1))

    rng = np.random.default_rng(0)
    found = [bootstrap(normal(rng, 3)) for _ in range(300)]
    assert np.mean([one.low <= 3.0 <= one.high for one in found]) < 0.8


def test_the_t_interval_is_that_of_the_textbook():
    values = np.random.default_rng(9).normal(size=7)
    found = mean_over_runs(values)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (found.value, found.low, found.high) == pytest.approx((values.mean(), *expected))
    assert over_runs(values) == found


@pytest.mark.parametrize(
    ("name", "values", "low", "high"),
    [
        ("error", [0.1, 0.9], 0.0, np.inf),
        ("evaluation/frechet_distance", [3.0, 9.0, 1.0], 0.0, np.inf),
        ("evaluation/valid_percent", [96.0, 99.9], 0.0, 100.0),
        ("evaluation/precision", [0.5, 0.99], 0.0, 1.0),
        ("evaluation/kernel_distance", [0.1, 0.9], -np.inf, np.inf),  # its estimate has no bias
        ("logp", [0.1, 0.9], -np.inf, np.inf),
    ],
)
def test_an_interval_over_runs_ends_where_the_figure_does(name, values, low, high):
    found, plain = over_runs(np.array(values), limits(name)), over_runs(np.array(values))
    assert found.value == plain.value
    assert (found.low, found.high) == (max(low, plain.low), min(high, plain.high))
    assert found.low <= min(values) and found.high >= max(values)


def test_limits_that_are_none_do_not_cut_what_was_measured():
    found = mean_over_runs(np.array([-1.0, 3.0]), within=(0.0, 2.0))
    assert (found.low, found.high) == (-1.0, 3.0)


def test_ten_runs_have_the_interquartile_mean():
    values = np.random.default_rng(7).normal(size=10)
    found = over_runs(values)
    assert found == middle_over_runs(values)
    assert found.value == pytest.approx(stats.trim_mean(values, 0.25))
    assert found.low < found.value < found.high
    few = middle_over_runs(values[:9])
    assert few.value == pytest.approx(stats.trim_mean(values[:9], 0.25)) and not few.bounded


@pytest.mark.parametrize("estimate", [estimate_mean, over_runs, mean_over_runs, middle_over_runs])
def test_one_of_a_kind_has_no_interval(estimate):
    found = estimate(np.array([0.5]))
    assert found.value == 0.5 and not found.bounded


@pytest.mark.parametrize("runs", [2, 9, 10, 20])
def test_runs_that_are_all_the_same_have_no_interval(runs):
    found = over_runs(np.full(runs, 2.5))
    assert found.value == 2.5 and not found.bounded


def test_words_say_which_figure_and_which_interval():
    assert over_runs_words([3, 5]) == "means over runs, 95 % t-intervals"
    assert over_runs_words([10]) == "interquartile means over runs, 95 % bootstrap intervals"
    assert over_runs_words([9, 10]) == (
        "means over runs, 95 % t-intervals; of 10 runs or more"
        " interquartile means over runs, 95 % bootstrap intervals"
    )


def test_runs_that_diverged_have_no_interval():
    found = over_runs(np.array([1.0, np.inf, 2.0]))
    assert found.value == np.inf and not found.bounded
    assert found.percent() == "infinite" and Estimate(0.5).percent() == "50.00 %"
