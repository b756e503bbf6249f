"""Proven tours beside all tours, dynamic programming, shipped optima, and cases that went wrong."""

from pathlib import Path

import numpy as np
import pytest

from hringur.data.tours.held_out import held_out
from hringur.data.tours.instances import IcelandPlaces, UniformPoints, fixed_places
from hringur.data.tours.length import tour_length
from hringur.data.tours.own_instances import read_matrix_csv, read_tsplib
from hringur.data.tours.proven_tours import proven_tours
from hringur.references.tours import exact as exact_module
from hringur.references.tours.exact import optimal_tour
from hringur.types import UserError
from tests.references.tours.brute_force import length_of, random_instance, shortest_length
from tests.references.tours.held_karp import held_karp

CASES = Path(__file__).parent / "cases"
SHIPPED = {"iceland-20": 1000, "iceland-50": 1000, "euclidean-20": 1000, "euclidean-100": 100}


def instance(kind, n, rng):
    """Distances of one kind between n places."""
    if kind == "roads":
        return IcelandPlaces(range(94)).sample(rng, 1, n).distance[0]
    if kind == "points":
        return UniformPoints().sample(rng, 1, n).distance[0]
    distance = rng.random((n, n))  # no triangle inequality
    np.fill_diagonal(distance, 0.0)
    return distance if kind == "asymmetric" else (distance + distance.T) / 2


def is_shortest(distance, round_trip, start, **options):
    """Proven, and as short as the best of all orders; the bound is below it in any case."""
    exact = optimal_tour(distance, round_trip, start, **options)
    best = shortest_length(distance, round_trip, start)
    found = length_of(distance, exact.tour.tolist(), round_trip)
    assert exact.proven and exact.tour[0] == start
    assert found - best <= best / 10**12
    assert exact.bound <= float(best) * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(0, 150, 10))
def test_no_order_of_a_few_places_is_shorter(seed):
    for each in range(seed, seed + 10):
        is_shortest(*random_instance(each))


@pytest.mark.slow
def test_no_order_is_shorter_in_two_thousand_instances():
    """About a minute."""
    for seed in range(2000):
        is_shortest(*random_instance(seed))


def test_steps_follow_the_tour_when_the_first_one_takes_forbidden_edges(monkeypatch):
    """The heuristics rarely do: here the first tour is any tour."""

    def any_tour(distance, round_trip, start):
        others = [place for place in range(len(distance)) if place != start]
        return np.array([start, *np.random.default_rng(0).permutation(others)])

    monkeypatch.setattr(exact_module, "_good_tour", any_tour)
    for seed in range(60):
        is_shortest(*random_instance(seed))


@pytest.mark.parametrize(
    "name, length",
    [
        ("forbidden_1e9_symmetric.csv", 174),
        ("forbidden_1e10_asymmetric.csv", 118),
        ("forbidden_1e7_km.csv", 30.18),
    ],
)
def test_forbidden_edges_do_not_blur_the_others(name, length):
    distance = read_matrix_csv(CASES / name).instance.distance[0]
    exact = optimal_tour(distance)
    assert exact.proven and exact.length == pytest.approx(length, abs=0.005)
    is_shortest(distance, True, 0)


def test_an_edge_that_no_other_distance_is_comparable_with_is_added_up():
    exact = optimal_tour(read_matrix_csv(CASES / "cell_1e200.csv").instance.distance[0])
    assert exact.proven and exact.length == 1e200


@pytest.mark.parametrize(
    "name, told",
    [
        ("cell_1e308.csv", "too large to be added up: 3 of 1e.308"),
        ("ex_FULL_MATRIX_big.tsp", "too large to be added up: 3 of 1e.308"),
        ("ex_UPPER_ROW_big.tsp", "too large to be added up: 3 of 1e.308"),
        ("ATT_1e308.tsp", "coordinates of at most"),
        ("GEO_1e308.tsp", "coordinates of at most"),
        ("coord_1e200.tsp", "coordinates of at most"),
    ],
)
def test_files_whose_tours_have_no_finite_length_are_refused_without_a_warning(name, told):
    read = read_matrix_csv if name.endswith(".csv") else read_tsplib
    with pytest.raises(UserError, match=told) as refused:
        read(CASES / name)
    assert "\n" not in str(refused.value)


def test_where_steps_are_too_coarse_no_proof_is_claimed(monkeypatch):
    """With steps of a 2^20th of the tour nothing below a millionth of it can be told."""
    monkeypatch.setattr(exact_module, "MOST_BITS", 20)
    exact = optimal_tour(instance("points", 9, np.random.default_rng(0)))
    assert not exact.proven and exact.length * (1 - 1e-4) < exact.bound < exact.length
    assert optimal_tour(instance("roads", 9, np.random.default_rng(0))).proven  # tenths of km


def agrees(distance, round_trip, start):
    """As long as Held and Karp's tour, and a tour indeed."""
    exact = optimal_tour(distance, round_trip, start)
    _, length = held_karp(distance, round_trip, start)
    walked = tour_length(distance[None], exact.tour[None], round_trip)[0]
    assert exact.proven and exact.tour[0] == start
    assert sorted(exact.tour) == list(range(len(distance)))
    assert exact.length == exact.bound == walked
    assert exact.length == pytest.approx(length, abs=1e-6 * max(distance.max(), 1e-300))


@pytest.mark.parametrize("round_trip", [True, False])
@pytest.mark.parametrize("kind", ["roads", "points", "symmetric", "asymmetric"])
def test_as_short_as_dynamic_programming(kind, round_trip):
    for n in (2, 3, 4, 6, 9):
        for seed in range(3):
            rng = np.random.default_rng([seed, n])
            agrees(instance(kind, n, rng), round_trip, int(rng.integers(n)))


@pytest.mark.parametrize("round_trip", [True, False])
@pytest.mark.parametrize("kind", ["points", "symmetric", "asymmetric"])
def test_the_tour_known_before_does_not_matter(kind, round_trip, monkeypatch):
    """The heuristic finds most shortest tours of a few places itself: here it may not."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        bad = rng.permutation(7)
        monkeypatch.setattr(exact_module, "_good_tour", lambda *_, known=bad: known)
        agrees(instance(kind, 7, rng), round_trip, int(bad[0]))


@pytest.mark.parametrize("end", [None, 4])
@pytest.mark.parametrize("round_trip", [True, False])
def test_a_proof_begins_with_the_tour_that_is_given(round_trip, end, monkeypatch):
    """Given a shortest tour, it has nothing left to find, although its own heuristic is bad."""
    distance = instance("points", 9, np.random.default_rng(1))
    best = optimal_tour(distance, round_trip, 2, end=end)
    bad = np.array(
        [2, *(place for place in range(9) if place not in (2, end))] + [end] * (end is not None)
    )
    found, shorter = [], exact_module._shorter_tour
    monkeypatch.setattr(exact_module, "_good_tour", lambda *_: bad)

    def recorded(*arguments):
        found.append(arguments[2])
        return shorter(*arguments)

    monkeypatch.setattr(exact_module, "_shorter_tour", recorded)
    again = optimal_tour(distance, round_trip, 2, end=end, known=best.tour)
    assert len(found) == 1 and found[0] is best.tour
    assert again.proven and again.length == best.length


@pytest.mark.parametrize("round_trip", [True, False])
@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_equal_and_zero_distances(n, round_trip):
    equal = np.ones((n, n)) - np.eye(n)
    twins = np.kron(equal, np.ones((2, 2)))[:n, :n]  # every place twice, nothing apart
    for distance in (equal, 0.1 * equal, np.zeros((n, n)), twins):
        agrees(distance, round_trip, n - 1)


def test_directions_that_differ_by_a_trifle_are_told_apart():
    distance = instance("points", 8, np.random.default_rng(0))
    distance[2, 5], distance[5, 2] = 0.0, 3e-8
    agrees(distance, True, 0)


@pytest.mark.parametrize(
    "proven",
    [proven for proven in proven_tours() if len(proven.places) < 94],
    ids=lambda proven: f"{proven.season}-{proven.name}",
)
def test_proven_tours_come_out_again(proven):
    comes_out_again(proven)


@pytest.mark.slow
def test_the_proven_tour_of_all_places_comes_out_again():
    """About two minutes."""
    (proven,) = (p for p in proven_tours() if len(p.places) == 94)
    comes_out_again(proven)


def comes_out_again(proven):
    shuffled = np.random.default_rng(0).permutation(proven.places).tolist()
    distance = fixed_places(shuffled, proven.season).instance.distance[0]
    exact = optimal_tour(distance)
    assert exact.proven and exact.length == pytest.approx(proven.km, abs=1e-6)


@pytest.mark.parametrize("name", SHIPPED)
def test_held_out_tours_are_as_long_as_said(name):
    shipped = held_out(name)
    assert len(shipped) == SHIPPED[name] and (shipped.tour[:, 0] == 0).all()
    assert (np.sort(shipped.tour, axis=1) == np.arange(shipped.n)).all()
    lengths = tour_length(shipped.instances.distance, shipped.tour)
    assert np.allclose(lengths, shipped.optimal, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("name", SHIPPED)
def test_held_out_optima_are_proven_again(name):
    shipped = held_out(name)
    large = shipped.n > 50  # then one, with the tour given whose being the shortest is proven
    for row in np.random.default_rng(1).choice(len(shipped), 1 if large else 3, replace=False):
        known = shipped.tour[row] if large else None
        exact = optimal_tour(shipped.instances.distance[row], known=known)
        assert exact.proven and exact.length == pytest.approx(shipped.optimal[row], rel=1e-6)


@pytest.mark.parametrize("kind", ["points", "asymmetric"])
@pytest.mark.parametrize("round_trip", [True, False])
def test_out_of_time_it_claims_no_proof(kind, round_trip):
    distance = instance(kind, 9, np.random.default_rng(3))
    exact = optimal_tour(distance, round_trip, start=4, seconds=0.0)
    assert exact.tour[0] == 4 and sorted(exact.tour) == list(range(9))
    assert exact.length == tour_length(distance[None], exact.tour[None], round_trip)[0]
    _, shortest = held_karp(distance, round_trip, 4)
    assert exact.bound <= shortest + 1e-6
    assert not exact.proven


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_distances_that_no_way_can_have_are_refused(bad):
    distance = np.ones((4, 4))
    distance[1, 2] = bad
    with pytest.raises(UserError, match="finite and not negative") as refused:
        optimal_tour(distance)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("known", [[0, 1, 2, 2], [0, 1, 1, 3], [1, 0, 2, 3], [0, -1, -1, -1]])
def test_what_is_no_tour_begins_no_proof(known):
    with pytest.raises(UserError, match="known must visit each of 4 places once, from 0 on"):
        optimal_tour(np.ones((4, 4)), known=np.array(known))


@pytest.mark.parametrize("start", [-1, 4])
def test_a_start_that_is_not_there_is_refused(start):
    with pytest.raises(UserError, match=rf"start must be a place in 0\.\.3, got {start}"):
        optimal_tour(np.ones((4, 4)), start=start)
