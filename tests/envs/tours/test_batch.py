import numpy as np
import pytest

from hringur.data.tours.instances import CompactSampler, IcelandPlaces, UniformPoints, fixed_places
from hringur.envs.tours.batch import InstanceBatch
from hringur.envs.tours.problem import TourProblem

N = 7
SAMPLERS = {
    "roads": IcelandPlaces(range(94)),
    "as the crow flies": IcelandPlaces(range(9, 0, -1), "winter", "great_circle"),
    "points": UniformPoints(),
    "fixed": fixed_places(range(N)),
}
COMPACT = ["roads", "as the crow flies", "points"]


def problem(name, round_trip=True):
    return TourProblem(sampler=SAMPLERS[name], n_places=N, start=None, round_trip=round_trip)


def rows(asked, batch, seed=0):
    return np.random.default_rng(seed).random((batch, asked.row_size))


def test_which_samplers_are_compact():
    assert {name for name, one in SAMPLERS.items() if isinstance(one, CompactSampler)} == {*COMPACT}


@pytest.mark.parametrize("round_trip", [True, False])
@pytest.mark.parametrize("name", SAMPLERS)
def test_all_that_is_asked_of_it_is_that_of_whole_instances(name, round_trip):
    """To the last bit: the single environment, which keeps whole instances, is the oracle."""
    asked = problem(name, round_trip)
    numbers = rows(asked, 40)
    whole, _ = asked.from_random_rows(numbers)
    batch = InstanceBatch.from_random_rows(asked, numbers)
    coordinates, distances = batch.observed()
    assert coordinates.dtype == distances.dtype == np.float32
    assert np.array_equal(coordinates, whole.coordinates.astype(np.float32))
    assert np.array_equal(distances, asked.scaled(whole))
    some = np.array([3, 7, 38])
    tours = np.random.default_rng(1).permuted(np.tile(np.arange(N), (3, 1)), axis=1)
    assert np.array_equal(batch.lengths(some, tours), asked.length(whole[some], tours))
    assert np.array_equal(batch.some(some).distance, whole.distance[some])
    assert np.array_equal(batch.some(some).coordinates, whole.coordinates[some])


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("giver", [True, False])
@pytest.mark.parametrize("name", SAMPLERS)
def test_some_are_replaced_by_others_whoever_gave_them(name, giver, given):
    asked, some = problem(name), np.array([0, 4])
    mine, theirs = (
        asked.from_random_rows(rows(asked, 6))[0],
        asked.from_random_rows(rows(asked, 2, seed=1))[0],
    )
    kept = mine.distance.copy(), theirs.distance.copy()
    batch = InstanceBatch.from_random_rows(asked, rows(asked, 6))
    others = InstanceBatch.from_random_rows(asked, rows(asked, 2, seed=1))
    if giver:
        batch = InstanceBatch(asked, whole=mine)
    if given:
        others = InstanceBatch(asked, whole=theirs)
    batch.replace(some, others)
    expected = mine.distance.copy()
    expected[some] = theirs.distance
    assert np.array_equal(batch.some(np.arange(6)).distance, expected)
    assert np.array_equal(batch.observed()[1], (expected / asked.sampler.reward_scale).astype("f4"))
    assert np.array_equal(mine.distance, kept[0]) and np.array_equal(theirs.distance, kept[1])
