import numpy as np
import pytest

from hringur.data.tours.held_out import held_out
from hringur.data.tours.instances import IcelandPlaces, UniformPoints
from hringur.data.tours.length import tour_length
from hringur.references.tours.heuristics import (
    HEURISTICS,
    begin_at,
    christofides,
    farthest_insertion,
    nearest_neighbour,
    nearest_neighbour_best_start,
    two_opt,
)
from hringur.types import UserError


def roads(batch, n, seed=0):
    return IcelandPlaces(range(94)).sample(np.random.default_rng(seed), batch, n).distance


def points(batch, n, seed=0):
    return UniformPoints().sample(np.random.default_rng(seed), batch, n).distance


def both_ways(batch, n, seed=0):
    """Distances that differ by direction, without the triangle inequality."""
    return np.random.default_rng(seed).random((batch, n, n))


@pytest.mark.parametrize("name", HEURISTICS)
@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_every_heuristic_returns_tours_from_the_start(name, n):
    start = np.random.default_rng(n).integers(n, size=6)
    for distance in (roads(6, n), points(6, n), np.ones((6, n, n)), np.zeros((6, n, n))):
        for first, begun in ((None, np.zeros(6)), (start, start)):
            tour = HEURISTICS[name](distance, first)
            assert tour.dtype == np.int64 and np.array_equal(tour[:, 0], begun)
            assert (np.sort(tour, axis=1) == np.arange(n)).all()


@pytest.mark.parametrize("name", HEURISTICS)
def test_an_instance_alone_gets_the_tour_that_it_gets_among_others(name):
    distance = roads(5, 9)
    whole = HEURISTICS[name](distance)
    alone = [HEURISTICS[name](distance[row : row + 1])[0] for row in range(5)]
    assert np.array_equal(whole, alone)


def naive_nearest_neighbour(distance, start):
    tour = [start]
    while len(tour) < len(distance):
        left = [place for place in range(len(distance)) if place not in tour]
        tour.append(min(left, key=lambda place: distance[tour[-1], place]))
    return tour


def naive_farthest_insertion(distance, start):
    tour, n = [start], len(distance)
    while len(tour) < n:
        left = [place for place in range(n) if place not in tour]
        place = max(left, key=lambda one: min(distance[one, other] for other in tour))
        legs = list(zip(tour, tour[1:] + tour[:1], strict=True))
        detours = [distance[i, place] + distance[place, j] - distance[i, j] for i, j in legs]
        tour.insert(int(np.argmin(detours)) + 1, place)
    return tour


def one_way_round(tours):
    """Round trips, of which both directions are equally long, by the smaller neighbour first."""
    back = np.concatenate([tours[:, :1], tours[:, :0:-1]], axis=1)
    return np.where((tours[:, 1] > tours[:, -1])[:, None], back, tours)


@pytest.mark.parametrize("sampled", [points, both_ways])  # roads have ties
@pytest.mark.parametrize(
    "heuristic, naive",
    [
        (nearest_neighbour, naive_nearest_neighbour),
        (farthest_insertion, naive_farthest_insertion),
    ],
)
def test_constructions_are_their_naive_loops(heuristic, naive, sampled):
    for n in (2, 3, 7, 15):
        distance = sampled(8, n, seed=n)
        distance[:, np.arange(n), np.arange(n)] = 0.0
        start = np.random.default_rng(n).integers(n, size=8)
        tours = heuristic(distance, start)
        expected = np.array([naive(d, s) for d, s in zip(distance, start.tolist(), strict=True)])
        if sampled is points and heuristic is farthest_insertion:  # a triangle has two directions
            tours, expected = one_way_round(tours), one_way_round(expected)
        assert np.array_equal(tours, expected)


def test_best_start_is_the_shortest_of_all_starts():
    distance = both_ways(6, 8)
    tours = [nearest_neighbour(distance, np.full(6, first)) for first in range(8)]
    lengths = [tour_length(distance, tour) for tour in tours]
    best = nearest_neighbour_best_start(distance, np.arange(6))
    assert np.allclose(tour_length(distance, best), np.min(lengths, axis=0), rtol=1e-12)


def two_exchanges(tour):
    """Every tour that two exchanged legs lead to; the first place stays first."""
    for first in range(1, len(tour)):
        for last in range(first + 1, len(tour) + 1):
            yield np.concatenate([tour[:first], tour[first:last][::-1], tour[last:]])


@pytest.mark.parametrize("round_trip", [True, False])
@pytest.mark.parametrize("sampled", [roads, points])
def test_no_exchange_of_two_legs_shortens_a_two_opt_tour(sampled, round_trip):
    for n in (3, 4, 6, 11):
        distance = sampled(5, n, seed=n)
        before = np.random.default_rng(n).permuted(np.tile(np.arange(n), (5, 1)), axis=1)
        kept = before.copy()
        after = two_opt(distance, before, round_trip)
        lengths = tour_length(distance, after, round_trip)
        assert np.array_equal(before, kept) and np.array_equal(after[:, 0], before[:, 0])
        assert (lengths <= tour_length(distance, before, round_trip) + 1e-9).all()
        for d, tour, length in zip(distance, after, lengths, strict=True):
            others = np.array(list(two_exchanges(tour)))
            shortest = tour_length(np.tile(d, (len(others), 1, 1)), others, round_trip).min()
            assert shortest >= length - 1e-6 * d.max()


@pytest.mark.parametrize("name", ["nearest-neighbour-best-start", "farthest-insertion"])
def test_two_opt_helps_and_never_harms(name):
    distance = roads(50, 20)
    plain = tour_length(distance, HEURISTICS[name](distance))
    improved = tour_length(distance, HEURISTICS[f"{name}+2opt"](distance))
    assert improved.mean() < plain.mean()
    assert (improved <= plain + 1e-9).all()


@pytest.mark.parametrize("name", ["iceland-20", "euclidean-20"])
def test_christofides_keeps_his_promise(name):
    """At most 1.5 times the optimum where the triangle inequality holds."""
    shipped = held_out(name).first(60)
    length = tour_length(shipped.instances.distance, christofides(shipped.instances.distance))
    assert (length <= 1.5 * shipped.optimal).all()
    assert (length >= shipped.optimal * (1 - 1e-9)).all()


def test_begin_at_turns_round_trips_only():
    tour = np.array([[3, 1, 0, 2], [0, 1, 2, 3]])
    assert begin_at(tour).tolist() == [[0, 2, 3, 1], [0, 1, 2, 3]]
    assert begin_at(tour, np.array([1, 3])).tolist() == [[1, 0, 2, 3], [3, 0, 1, 2]]


@pytest.mark.parametrize("name", HEURISTICS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_distances_that_no_way_can_have_are_refused(name, bad):
    distance = roads(2, 4)
    distance[1, 2, 3] = distance[1, 3, 2] = bad
    with pytest.raises(UserError, match="finite and not negative") as refused:
        HEURISTICS[name](distance)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["nearest-neighbour-best-start+2opt", "farthest-insertion+2opt"])
def test_two_opt_refuses_distances_that_differ_by_direction(name):
    with pytest.raises(UserError, match="two_opt needs symmetric distances") as refused:
        HEURISTICS[name](both_ways(2, 5))
    assert "\n" not in str(refused.value)


def test_rounding_is_no_difference_but_more_is():
    distance = points(20, 12)
    jitter = 1 + 2e-11 * np.random.default_rng(0).random(distance.shape)
    tour = two_opt(distance * jitter, np.tile(np.arange(12), (20, 1)))
    assert np.array_equal(tour, two_opt(distance, np.tile(np.arange(12), (20, 1))))
    distance[7, 3, 4] += 1e-6
    with pytest.raises(UserError, match="symmetric"):
        two_opt(distance, tour)


def test_christofides_refuses_distances_that_differ_by_direction():
    with pytest.raises(UserError, match="christofides needs symmetric distances"):
        christofides(both_ways(2, 5))


@pytest.mark.parametrize("start", [-1, 4])
@pytest.mark.parametrize("name", HEURISTICS)
def test_a_start_that_is_not_there_is_refused(name, start):
    with pytest.raises(UserError, match=r"start must be a place in 0\.\.3"):
        HEURISTICS[name](roads(2, 4), np.array([0, start]))
