import json
from dataclasses import replace

import numpy as np
import pytest

import hringur  # noqa: F401  registers the environments
from hringur.data.tours.held_out import held_out
from hringur.data.tours.length import tour_length
from hringur.evaluation.statistics import interquartile_mean
from hringur.evaluation.tours.scores import evaluate_plan, evaluate_predict, over_seeds
from hringur.evaluation.tours.table import percent_cells
from hringur.references.tours.heuristics import nearest_neighbour
from hringur.types import UserError
from tests.evaluation.tours.scores import score

SETS = ["iceland-20", "euclidean-20"]


def few(name="iceland-20"):
    return held_out(name).first(30)


@pytest.mark.parametrize("name", SETS)
def test_the_optimal_tours_have_no_gap(name):
    problem = few(name)
    found = evaluate_plan(lambda _: problem.tour, problem, name="oracle", kind="exact")
    assert abs(found.gap).max() < 1e-9
    assert found.share_optimal == found.share_valid == 1.0
    assert found.unit == ("km" if name.startswith("iceland") else "unit lengths")


@pytest.mark.parametrize("name", SETS)
def test_lengths_are_those_of_the_tours(name):
    """Oracle: the tour length, computed directly."""
    problem = few(name)
    tours = nearest_neighbour(problem.instances.distance)
    found = evaluate_plan(lambda _: tours, problem, name="nearest", kind="heuristic")
    np.testing.assert_allclose(found.length, tour_length(problem.instances.distance, tours))
    np.testing.assert_allclose(found.gap, found.length / problem.optimal - 1)
    assert found.mean_gap.low < found.mean_gap.value < found.mean_gap.high
    assert found.share_optimal < 0.5


def test_deciding_step_by_step_is_the_same_as_planning():
    """Nearest neighbour as a policy that sees one observation at a time."""

    def nearest(observation):
        rows = np.arange(len(observation["current"]))
        distance = observation["distances"][rows, observation["current"]]
        return np.where(observation["visited"] == 1, np.inf, distance).argmin(axis=1)

    problem = few()
    stepwise = evaluate_predict(nearest, problem, name="stepwise")
    planned = evaluate_plan(
        lambda instances: nearest_neighbour(instances.distance), problem, name="p", kind="heuristic"
    )
    np.testing.assert_allclose(stepwise.length, planned.length)


def test_an_invalid_tour_has_no_length():
    """One instance's tour visits a place twice: that one is invalid, the others are not."""
    problem = few()
    tours = problem.tour.copy()
    tours[3, 5] = tours[3, 4]
    found = evaluate_plan(lambda _: tours, problem, name="broken", kind="heuristic")
    assert np.flatnonzero(~found.valid).tolist() == [3]
    assert found.gap[3] == np.inf and found.mean_gap.value == np.inf
    assert found.share_valid == pytest.approx(29 / 30)
    assert found.share_optimal == pytest.approx(29 / 30)


def test_a_tour_that_is_longer_by_a_millionth_is_optimal_and_by_more_is_not():
    found = score("toy", [0.0, 0.9e-6, 2e-6, 0.1])
    assert found.share_optimal == 0.5


def test_seconds_count_the_planning_alone():
    found = replace(score("toy", [0.1] * 4), seconds=2.0)
    assert found.seconds_per_instance == 0.5


def test_json_of_a_score():
    record = json.loads(json.dumps(score("toy", [0.1, np.inf]).to_json(), allow_nan=False))
    assert record["length"] == [pytest.approx(110.0), None]
    assert record["share_valid"] == 0.5 and record["mean_gap"] is None
    assert record["instances"] == 2


def test_over_seeds_puts_runs_together():
    rng = np.random.default_rng(0)
    gaps = rng.exponential(0.01, size=(3, 200)) + np.array([[0.0], [0.01], [0.02]])
    together = over_seeds([score("run", gap) for gap in gaps])
    assert together.runs == 3
    assert together.mean.value == pytest.approx(gaps.mean())
    middle = [interquartile_mean(gap) for gap in gaps]
    assert together.interquartile_mean.value == pytest.approx(np.mean(middle))
    half = 4.302653 * np.std(gaps.mean(axis=1), ddof=1) / 3**0.5  # t with two degrees of freedom
    assert together.mean.high - together.mean.value == pytest.approx(half, rel=1e-6)
    alone = score("run", gaps.ravel()).mean_gap
    # the three runs differ more than their instances: so must the interval
    assert together.mean.high - together.mean.low > 3 * (alone.high - alone.low)


def test_one_instance_has_no_interval():
    gap, interval = percent_cells(score("one", [0.0244]).mean_gap)
    assert (gap, interval) == ("2.44", "none")
    assert score("one", [0.0244]).to_json()["mean_gap_interval"] == [None, None]


def test_over_seeds_refuses_different_sets():
    with pytest.raises(UserError, match="one and the same set"):
        over_seeds([score("a", [0.1, 0.2]), score("b", [0.1, 0.2], held_out="other")])
