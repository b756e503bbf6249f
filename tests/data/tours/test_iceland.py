from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from matplotlib.path import Path as Outline

from hringur.data.tours.iceland import (
    LECTURE_SIX,
    check_season,
    coast,
    coordinates,
    glaciers,
    great_circle_km,
    junctions,
    numbers_at,
    place_numbers,
    places,
    plain,
    project,
    read_table,
    resolve_place,
    road_network,
    roads,
)
from hringur.types import UserError

SEASONS = ("summer", "summer-no-f-roads", "winter")


def number(name):
    return place_numbers()[name]


def published_errors(split):
    """Relative error of the road graph for every published distance that can be compared."""
    errors = []
    for row in read_table("validation.csv"):
        if row["split"] != split or row["comparable"] != "yes":
            continue
        network = road_network("summer" if row["network"] == "summer" else "winter")
        stops = [stop for stop in (row["from"], *row["via"].split(";"), row["to"]) if stop]
        km = sum(nx.dijkstra_path_length(network, *leg, weight="km") for leg in pairwise(stops))
        errors.append(abs(km / float(row["km"]) - 1.0))
    return errors


def test_road_distances_agree_with_the_published_ones():
    held_out, others = published_errors("holdout"), published_errors("train")
    assert len(held_out) == 18 and len(others) == 43
    assert np.median(held_out) < 0.025 and max(held_out) < 0.070  # measured 2.0 %, 6.9 %
    assert np.median(others) < 0.015 and max(others) < 0.107  # measured 1.0 %, 10.6 %


def test_tables_are_whole():
    assert len(places()) == 94 and len(junctions()) == 94
    assert places()[0].name == "Reykjavík"
    assert [sum(place.kind == kind for place in places()) for kind in ("town", "landmark")] == [
        67,
        17,
    ]
    assert road_network("summer").number_of_edges() == 262
    assert nx.is_connected(road_network("summer"))
    assert len(roads("summer").reachable) == 94 and len(roads("winter").reachable) == 82


def test_no_road_is_shorter_than_the_straight_line():
    assert (roads("summer").road_km >= great_circle_km() - 0.05).all()


@pytest.mark.parametrize("season", SEASONS)
def test_road_matrix_is_a_metric_in_tenths(season):
    km = roads(season).road_km
    assert km.dtype == np.float64 and np.array_equal(km, km.T)
    assert np.array_equal(np.diag(km), np.zeros(94))
    finite = km[np.isfinite(km)]
    assert np.array_equal(finite, np.round(finite * 10) / 10)
    for via in range(94):
        assert (km <= km[:, via, None] + km[via] + 1e-9).all()


@pytest.mark.parametrize("season", SEASONS)
def test_road_matrix_is_what_networkx_says(season):
    """Oracle: bidirectional Dijkstra, pair by pair."""
    rng = np.random.default_rng(0)
    for start, end in rng.integers(94, size=(60, 2)).tolist():
        try:
            km, _ = nx.bidirectional_dijkstra(
                road_network(season), places()[start].id, places()[end].id, weight="km"
            )
        except nx.NetworkXNoPath:
            km = np.inf
        assert roads(season).road_km[start, end] == pytest.approx(km, abs=1e-6)


@pytest.mark.parametrize("season", SEASONS)
def test_paths_add_up_to_the_matrix(season):
    table, edges = roads(season), road_network(season).edges
    for start in range(94):
        for end in np.flatnonzero(np.isfinite(table.road_km[start])).tolist():
            path = table.path(start, end)
            assert (path[0], path[-1]) == (places()[start].id, places()[end].id)
            km = sum(edges[edge]["km"] for edge in pairwise(path))
            assert km == pytest.approx(table.road_km[start, end], abs=1e-6)
            assert path == table.path(end, start)[::-1]


def test_route_numbers_and_shape_follow_the_path():
    table, akureyri = roads("winter"), resolve_place("Akureyri")
    assert table.route_numbers(0, akureyri) == ["49", "1"]
    assert table.route_numbers(akureyri, 0) == ["1", "49"]
    shape = table.shape(0, akureyri)
    assert np.array_equal(shape, table.shape(akureyri, 0)[::-1])
    for end, place in ((shape[0], places()[0]), (shape[-1], places()[akureyri])):
        np.testing.assert_allclose(end, (place.lon, place.lat), atol=1e-3)
    steps = np.linalg.norm(np.diff(project(shape), axis=0), axis=1)
    assert steps.max() < 0.06  # pieces joined the right way round: no leap across the map
    assert table.shape(0, 0).shape == (0, 2) and table.route_numbers(0, 0) == []


def test_no_path_out_of_reach():
    with pytest.raises(UserError, match="no way by winter roads from Reykjavík to Askja"):
        roads("winter").path(0, number("askja"))


def test_unknown_season_is_refused():
    with pytest.raises(UserError, match="summer-no-f-roads, winter, got 'autumn'"):
        check_season("autumn")


def test_great_circle_against_the_spherical_law_of_cosines():
    a, b = number("reykjavik"), number("akureyri")
    (lat_a, lon_a), (lat_b, lon_b) = (
        np.radians((places()[n].lat, places()[n].lon)) for n in (a, b)
    )
    cosine = np.sin(lat_a) * np.sin(lat_b) + np.cos(lat_a) * np.cos(lat_b) * np.cos(lon_a - lon_b)
    assert great_circle_km()[a, b] == pytest.approx(6371.0088 * np.arccos(cosine), rel=1e-9)
    assert great_circle_km()[a, b] == pytest.approx(249, abs=2)  # as the atlas has it
    assert np.array_equal(great_circle_km(), great_circle_km().T)


def test_coordinates_fill_the_unit_square_and_keep_the_aspect():
    xy = coordinates()
    assert xy.min() >= 0.0 and xy.max() <= 1.0
    assert np.ptp(xy[:, 0]) == pytest.approx(1.0)
    assert xy[:, 1].min() + xy[:, 1].max() == pytest.approx(1.0)  # centred
    assert xy[number("raufarhofn"), 1] > xy[number("vik"), 1]  # y is up
    assert xy[number("neskaupstadur"), 0] > xy[number("reykjavik"), 0]  # x is east
    km = great_circle_km()
    straight = np.linalg.norm(xy[:, None] - xy, axis=-1)
    far = km > 20
    ratio = straight[far] / km[far]  # one scale in every direction, but for 65 +- 1.5 degrees
    assert ratio.max() / ratio.min() < 1.12


def test_places_are_found_by_their_position():
    picked = np.array([[5, 0, 93], [1, 2, 3]])
    assert np.array_equal(numbers_at(coordinates()[picked]), picked)
    assert np.array_equal(numbers_at(coordinates().astype(np.float32).astype(float)), range(94))
    with pytest.raises(ValueError, match="places in Iceland"):
        numbers_at(np.array([[0.5, 0.01]]))


def test_coast_and_glaciers_surround_the_places():
    outlines = [project(ring) for ring in coast()]
    shore = np.concatenate(outlines)
    inside = [
        any(Outline(ring).contains_point(xy) for ring in outlines)
        or np.linalg.norm(shore - xy, axis=1).min() < 0.008  # 4 km
        for xy in coordinates()
    ]
    assert sum(inside) >= 91  # three towns stand on spits that this coast leaves out
    assert len(glaciers()) == 11
    assert all(ring.shape[1] == 2 and len(ring) > 3 for ring in coast() + glaciers())


def test_plain_spellings_are_unique():
    """Leaving accents out never makes two places one."""
    assert len({plain(place.name) for place in places()}) == 94
    assert plain("Þórsmörk (Húsadalur)") == "thorsmork husadalur"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Reykjavík", "reykjavik"),
        ("REYKJAVIK", "reykjavik"),
        ("Egilsstaðir", "egilsstadir"),
        ("egilsstadir", "egilsstadir"),
        ("Melrakkasletta", "melrakkasletta"),
        ("thorsmork", "thorsmork"),
        ("Þórsm", "thorsmork"),
        ("Mosfellsbaer", "mosfellsbaer"),
        ("Höfn", "hofn"),
        ("Laugar", "laugar"),  # and not Laugarvatn: a whole name goes first
        ("Mývatn", "reykjahlid"),
        ("borgarfjordur eystri", "bakkagerdi"),
        (" Vík ", "vik"),
    ],
)
def test_places_are_understood(text, place):
    assert places()[resolve_place(text)].id == place


def test_every_name_and_id_leads_to_its_place():
    for n, place in enumerate(places()):
        assert resolve_place(place.name) == resolve_place(place.id) == n
    assert len(LECTURE_SIX) == len({resolve_place(name) for name in LECTURE_SIX}) == 6


@pytest.mark.parametrize(
    ("text", "season", "message"),
    [
        ("Reyk", "summer", "'Reyk' is ambiguous: Reykjavík, Reykholt, Reykhólar, Reykjahlíð"),
        ("Akureiry", "summer", "unknown place 'Akureiry'; did you mean Akureyri"),
        ("xyzzy", "summer", "unknown place 'xyzzy'; docs/data.md lists"),
        ("", "summer", "unknown place ''"),
        ("Askja", "winter", "out of reach by winter roads: Askja"),
    ],
)
def test_places_are_refused_in_one_line(text, season, message):
    with pytest.raises(UserError, match=message) as refusal:
        resolve_place(text, season)
    assert "\n" not in str(refusal.value)


def test_every_place_is_in_the_documentation():
    """The refusal of an unknown place sends the reader there."""
    page = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
    assert [place.name for place in places() if place.name not in page] == []


def test_without_f_roads_no_tour_takes_one():
    """The oracle is a graph made from the table anew, with every stretch of an F-road left out."""
    allowed = nx.Graph()
    for row in read_table("roads.csv"):
        if "F" not in row["roads"] + row["road"]:
            allowed.add_edge(row["from"], row["to"], km=float(row["km"]))
    found = roads("summer-no-f-roads")
    assert {places()[n].name for n in range(94)} - {places()[n].name for n in found.reachable} == {
        "Þórsmörk (Húsadalur)",
        "Landmannalaugar",
        "Nýidalur",
        "Hólaskjól",
        "Lakagígar",
        "Kerlingarfjöll (Ásgarður)",
        "Askja",
        "Herðubreiðarlindir",
    }
    for start in found.reachable:
        km = nx.single_source_dijkstra_path_length(allowed, places()[start].id, weight="km")
        expected = [km[places()[end].id] for end in found.reachable]
        np.testing.assert_allclose(found.road_km[start, found.reachable], expected, atol=0.05)


def test_highland_roads_are_named():
    ends = resolve_place("Vík"), resolve_place("Akureyri")
    assert roads("summer").highland_numbers(*ends) == ["F208", "208", "F26", "F752", "821", "F821"]
    assert roads("summer-no-f-roads").highland_numbers(*ends) == ["35"]
    assert roads("winter").highland_numbers(*ends) == []
