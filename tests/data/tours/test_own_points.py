"""Points joined to the nearest road, classes of road with their speeds, and misspelt names."""

import numpy as np
import pytest

from hringur.data.tours.driving import SPEED_KMH, driven, hours, km_by_class, read_speeds
from hringur.data.tours.geography import haversine_km
from hringur.data.tours.iceland import place_numbers, places, plain, resolve_place, roads
from hringur.data.tours.names import surely_meant
from hringur.data.tours.own_points import TRACK, joined, read_point, roads_with
from hringur.types import UserError


def test_a_point_beside_a_road_is_as_far_as_its_ends():
    """Oracle: the point lies on a known road, so the ways to its ends add up to that road."""
    summer = roads("summer")
    edges = [e for e in summer.network.edges(data=True) if e[0] in place_numbers()]
    tail, head, road = next(e for e in edges if e[1] in place_numbers() and e[2]["km"] > 20)
    lon, lat = road["shape"][len(road["shape"]) // 2]
    point = read_point(f"Here={lat:.6f},{lon:.6f}")
    network = roads_with("summer", [point])
    here, start, end = len(places()), place_numbers()[tail], place_numbers()[head]
    assert joined(network, point)[1] == 0.0
    both = network.road_km[here, start] + network.road_km[here, end]
    assert both == pytest.approx(road["km"])
    n = len(places())
    assert np.array_equal(network.road_km[:n, :n], summer.road_km)
    assert np.array_equal(network.road_km, network.road_km.T)


def test_the_track_is_the_shortest_line_to_any_road():
    """Oracle: great circles to a dense sampling of all roads."""
    point = read_point("65.1,-18.2")
    network = roads_with("summer", [point, read_point("65.1001,-18.2")])
    near = []
    for *_, road in roads("summer").network.edges(data=True):
        shape = road["shape"]
        if len(shape) > 1:
            steps = np.linspace(0, len(shape) - 1, 40 * len(shape))
            near.append(np.stack([np.interp(steps, range(len(shape)), a) for a in shape.T], axis=1))
    lonlat = np.concatenate([[[point.lon, point.lat]], *near])
    lonlat = lonlat[np.abs(lonlat - lonlat[0]).max(axis=1) < 0.2]
    nearest = haversine_km(lonlat)[0, 1:].min()
    assert joined(network, point)[1] == pytest.approx(nearest, abs=0.06)
    assert network.road_km[-1, -2] <= 0.8  # both tracks end on a road, not on each other


@pytest.mark.parametrize("text", ["Akureyri", "64", "64,x", "1e3,2", "=64,-20", "64.1 -21"])
def test_a_name_is_no_point(text):
    assert read_point(text) is None


def test_points_far_from_any_road_are_refused_together():
    with pytest.raises(UserError, match="sea is .* km from the nearest road.*; 1,2 is"):
        roads_with("summer", [read_point("sea=63,-20"), read_point("1,2")])


def test_classes_add_up_to_the_road():
    for *_, road in roads("summer").network.edges(data=True):
        assert sum(km_by_class(road).values()) == pytest.approx(road["km"])
    start, end = resolve_place("Akureyri"), resolve_place("Askja")
    km = driven(roads("summer"), start, end)
    assert sum(km.values()) == pytest.approx(roads("summer").road_km[start, end])
    assert km["f-road"] > 90  # F88
    assert hours(km, dict.fromkeys(SPEED_KMH, 50.0)) == pytest.approx(sum(km.values()) / 50)
    assert hours({TRACK: 3.0}, SPEED_KMH) == 3.0 / SPEED_KMH["track"]
    assert read_speeds(["paved=90"]) == SPEED_KMH | {"paved": 90.0}


def test_one_slip_never_leads_elsewhere():
    """Every fifth name with a letter left out, doubled, or swapped with the next one."""
    refused = total = 0
    for number, place in list(enumerate(places()))[::5]:
        name = plain(place.id)
        slips = {name[:k] + name[k + 1 :] for k in range(1, len(name))}
        slips |= {name[:k] + name[k - 1] + name[k:] for k in range(1, len(name))}
        slips |= {name[:k] + name[k + 1] + name[k] + name[k + 2 :] for k in range(1, len(name) - 1)}
        for slip in slips:
            total += 1
            try:
                assert resolve_place(slip, guess=True) == number, slip
            except UserError:
                refused += 1
    assert total > 400 and refused < 0.05 * total
    with pytest.raises(UserError):
        resolve_place("Akureiri")  # an environment takes no guesses
    assert surely_meant("hvik", {"husavik": 0, "hofsvik": 1}) is None
