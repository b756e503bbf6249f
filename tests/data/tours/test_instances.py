from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chi2

from hringur.data.tours.iceland import (
    coordinates,
    great_circle_km,
    numbers_at,
    place_numbers,
    roads,
)
from hringur.data.tours.instances import (
    FixedInstance,
    IcelandPlaces,
    Sampler,
    UniformPoints,
    check_distance_kind,
    euclidean,
    fixed_places,
    max_distance_km,
)
from hringur.types import UserError

SAMPLERS = {
    "iceland": (IcelandPlaces(range(94)), 20),
    "whole pool": (IcelandPlaces([3, 1, 7]), 3),
    "winter": (IcelandPlaces(roads("winter").reachable, "winter", "great_circle"), 9),
    "uniform": (UniformPoints(), 11),
    "fixed": (fixed_places([4, 2, 90]), 3),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_contract(name):
    sampler, n = SAMPLERS[name]
    assert isinstance(sampler, Sampler)
    batch = sampler.sample(np.random.default_rng(1), 33, n)
    assert len(batch) == 33 and batch.n_places == n
    assert batch.distance.dtype == batch.coordinates.dtype == np.float64
    assert batch.coordinates.min() >= 0.0 and batch.coordinates.max() <= 1.0
    assert 0.0 <= batch.distance.min() and batch.distance.max() <= sampler.max_distance
    assert np.array_equal(batch.distance, batch.distance.swapaxes(1, 2))
    assert not np.diagonal(batch.distance, axis1=1, axis2=2).any()
    assert len(sampler.names(batch[:1])) == n
    assert sampler.reward_scale > 0


@pytest.mark.parametrize("name", SAMPLERS)
def test_single_many_and_stacked_rows_agree(name):
    """The same random numbers make the same instances, whoever fetches them."""
    sampler, n = SAMPLERS[name]
    one, many, rows = (np.random.default_rng(5) for _ in range(3))
    batch = sampler.sample(many, 4, n)
    stacked = np.stack([rows.random(sampler.random_row_size(n)) for _ in range(4)])
    again = sampler.from_random_rows(stacked, n)
    for k in range(4):
        single = sampler.sample(one, 1, n)
        for other in (batch, again):
            assert np.array_equal(single.distance[0], other.distance[k])
            assert np.array_equal(single.coordinates[0], other.coordinates[k])


def test_places_are_distinct_and_distances_theirs():
    batch = IcelandPlaces(range(94)).sample(np.random.default_rng(2), 500, 20)
    numbers = numbers_at(batch.coordinates)
    assert all(len(set(row)) == 20 for row in numbers.tolist())
    road_km = roads("summer").road_km
    for row, distance in zip(numbers[:20], batch.distance[:20], strict=True):
        assert np.array_equal(distance, road_km[np.ix_(row, row)])
    crow = IcelandPlaces(range(94), distance="great_circle").instances(numbers[:1])
    assert np.array_equal(crow.distance[0], great_circle_km()[np.ix_(numbers[0], numbers[0])])
    assert np.array_equal(batch.coordinates, coordinates()[numbers])


def test_every_ordered_choice_is_equally_likely():
    """Oracle: chi-square over all 60 ordered choices of 3 places out of 5, at a fixed seed."""
    pool = [10, 20, 30, 40, 50]
    draws = 30_000
    rows = np.random.default_rng(3).random((draws, 3))
    chosen = IcelandPlaces(pool).drawn_from_random_rows(rows, rows.shape[1])
    counts = {order: 0 for order in permutations(pool, 3)}
    for order in map(tuple, chosen.tolist()):
        counts[order] += 1
    expected = draws / len(counts)
    statistic = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi2.sf(statistic, len(counts) - 1) > 0.001


def test_every_place_comes_up_in_every_position():
    rows = np.random.default_rng(4).random((40_000, 20))
    chosen = IcelandPlaces(range(94)).drawn_from_random_rows(rows, rows.shape[1])
    for position in (0, 1, 10, 19):
        counts = np.bincount(chosen[:, position], minlength=94)
        statistic = ((counts - 40_000 / 94) ** 2).sum() / (40_000 / 94)
        assert chi2.sf(statistic, 93) > 0.001


def test_extreme_random_numbers_stay_in_the_pool():
    last = np.nextafter(1.0, 0.0)
    numbers = IcelandPlaces(range(94)).drawn_from_random_rows(np.full((1, 94), last), 94)
    assert sorted(numbers[0].tolist()) == list(range(94))
    numbers = IcelandPlaces(range(94)).drawn_from_random_rows(np.zeros((1, 94)), 94)
    assert numbers[0].tolist() == list(range(94))


def test_euclidean_by_hand():
    instance = euclidean(np.array([[[0.0, 0.0], [0.3, 0.4], [0.3, 0.0]]]))
    np.testing.assert_allclose(
        instance.distance[0], [[0, 0.5, 0.3], [0.5, 0, 0.4], [0.3, 0.4, 0]], atol=1e-15
    )


def test_uniform_points_fill_the_square():
    points = UniformPoints().sample(np.random.default_rng(6), 2_000, 20).coordinates
    cells = np.histogram2d(*points.reshape(-1, 2).T, bins=5, range=[(0, 1), (0, 1)])[0]
    assert chi2.sf(((cells - 1_600) ** 2).sum() / 1_600, 24) > 0.001
    assert UniformPoints().names(euclidean(points[:1, :3])) == ["1", "2", "3"]


def test_fixed_places_keep_names_and_order():
    vik, hofn = place_numbers()["vik"], place_numbers()["hofn"]
    sampler = fixed_places([vik, 0, hofn], "winter")
    instance = sampler.sample(np.random.default_rng(), 1, 3)
    assert sampler.names(instance) == ["Vík í Mýrdal", "Reykjavík", "Höfn í Hornafirði"]
    assert IcelandPlaces(range(94)).names(instance) == sampler.names(instance)
    assert instance.distance[0, 0, 1] == roads("winter").road_km[vik, 0]
    assert sampler.max_distance == max_distance_km() and sampler.reward_scale == 100.0


def test_fixed_instance_of_other_units_is_scaled_by_its_largest_distance():
    sampler = FixedInstance(euclidean(np.array([[[0.0, 0.0], [0.3, 0.4]]])), ["a", "b"], "units")
    assert sampler.reward_scale == sampler.max_distance == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: IcelandPlaces(range(94)).sample(rng, 1, 95), "in 2..94, got 95"),
        (lambda rng: IcelandPlaces(range(94)).sample(rng, 1, 1), "in 2..94, got 1"),
        (lambda rng: UniformPoints().sample(rng, 1, 1), "at least 2, got 1"),
        (lambda rng: fixed_places([1, 2, 3]).sample(rng, 1, 2), "must be 3, got 2"),
        (lambda rng: IcelandPlaces(range(94), "winter"), "out of reach by winter roads: Þórsmörk"),
        (lambda rng: check_distance_kind("sea"), "one of road, great_circle, got 'sea'"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(UserError, match=message):
        call(np.random.default_rng(0))
