import numpy as np
import pytest
from scipy import stats

from hringur.evaluation.statistics import (
    Estimate,
    crossed_bootstrap,
    estimate_mean,
    interquartile_mean,
    stratified_bootstrap,
)


def mean(values):
    return values.mean(axis=-1)


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
    assert estimate_mean(np.array([0.5])) == Estimate(0.5, 0.5, 0.5)


def test_same_seed_same_interval():
    values = np.random.default_rng(3).exponential(size=100)
    assert estimate_mean(values, seed=4) == estimate_mean(values, seed=4)
    assert estimate_mean(values, seed=4) != estimate_mean(values, seed=5)


def test_stratified_bootstrap_draws_within_each_task():
    """Tasks that never vary between runs leave nothing to draw: an interval of width zero."""
    values = np.tile(np.array([1.0, 2.0, 30.0]), (5, 1))
    assert stratified_bootstrap(values, mean) == Estimate(11.0, 11.0, 11.0)


def test_stratified_bootstrap_has_the_known_width():
    """Independent cells: the standard error of the mean is 1 / sqrt(runs * tasks)."""
    values = np.random.default_rng(6).normal(size=(50, 8)) + np.arange(8)
    estimate = stratified_bootstrap(values, mean)
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 / 400**0.5, rel=0.15)


def test_stratified_interquartile_mean():
    values = np.random.default_rng(7).normal(size=(10, 6))
    estimate = stratified_bootstrap(values, interquartile_mean)
    assert estimate.value == pytest.approx(stats.trim_mean(values.ravel(), 0.25))
    assert estimate.low < estimate.value < estimate.high


def test_runs_that_differ_as_a_whole_need_the_crossed_bootstrap():
    """A shift common to a run's instances: crossed covers its standard error, cells do not."""
    rng = np.random.default_rng(8)
    values = rng.normal(size=(10, 1)) + 0.1 * rng.normal(size=(10, 300))
    crossed, cells = crossed_bootstrap(values, mean), stratified_bootstrap(values, mean)
    of_runs = 2 * 1.96 * values.mean(axis=1).std() / 10**0.5
    assert crossed.value == pytest.approx(values.mean())
    assert crossed.high - crossed.low == pytest.approx(of_runs, rel=0.15)
    assert cells.high - cells.low < 0.3 * of_runs
